"""The engine and a bad line to its database: what it acknowledged is durable, what it books it books once.

The writer reaches PostgreSQL through a proxy that strikes at a commit. Clients repeat every order until it
is answered; the writer ends itself, and the next one loads what is true.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from juapesa.ledger.engine.client import EngineClient
from juapesa.ledger.engine.orders import Done
from juapesa.ledger.engine.rows import key_digest, key_of_line
from juapesa.ledger.engine.session import EXIT_DOUBTFUL
from juapesa.ledger.engine.trials.line import STRIKES, Fault, FaultyLine, Frames, orders_commit, tells_commit
from juapesa.ledger.engine.trials.processes import WriterChild
from juapesa.ledger.engine.verify import verify
from juapesa.money import KES
from support.engine_books import send
from support.postgres import PostgresForTests

SILENCE_SECONDS = 1.5
END_SECONDS_MAX = SILENCE_SECONDS + 3.0
CLIENTS = 6


@dataclass
class Torment:
    """Clients that pay one shilling at a time into one wallet, and remember every answer."""

    url: str
    socket: Path
    answers: dict[str, Done] = field(default_factory=dict)
    stop: bool = False

    async def run(self, work: Any) -> None:
        """Clients at work while ``work`` goes on in a thread; then every order is repeated once."""
        client = EngineClient(socket=self.socket, patience_seconds=30)
        capital = await client.open_account("capital", "", KES)
        wallet = await client.open_account("wallet", "1", KES)

        async def pay(number: int) -> None:
            count = 0
            while not self.stop:
                count += 1
                key = f"{number}-{count}"
                self.answers[key] = await client.send(send(key, capital, wallet, 100))

        async with asyncio.TaskGroup() as group:
            for number in range(CLIENTS):
                group.create_task(pay(number))
            try:
                await asyncio.to_thread(work)
            finally:
                self.stop = True
        for key, done in self.answers.items():
            again = await client.send(send(key, capital, wallet, 100))
            assert again.rows == done.rows, f"{key} was answered in two ways"
        client.close()

    def answered(self, more: int = 1) -> None:
        """Wait until some more orders are answered."""
        wanted, deadline = len(self.answers) + more, time.monotonic() + 10.0
        while len(self.answers) < wanted:
            assert time.monotonic() < deadline, "nothing is answered any more"
            time.sleep(0.01)

    def stored(self) -> list[Any]:
        """Keys of all rows, straight from the server."""
        with psycopg.connect(self.url) as connection:
            return [row[0] for row in connection.execute("SELECT key FROM book.transfers").fetchall()]

    def assert_answers_are_stored(self) -> None:
        """Each once: nothing was acknowledged that is not durable, nothing was booked twice."""
        answers = list(self.answers)  # first: what is answered later need not be stored yet
        stored = self.stored()
        assert len(set(stored)) == len(stored)
        wanted = {key_of_line(key_digest(key), 0) for key in answers}
        assert wanted <= {each.bytes for each in stored}


@pytest.fixture
def url(postgres: PostgresForTests) -> Iterator[str]:
    with postgres.fresh() as made:
        yield made


@pytest.fixture
def line(url: str) -> Iterator[FaultyLine]:
    with FaultyLine(url) as made:
        yield made


@pytest.fixture
def torment(url: str, tmp_path: Path) -> Torment:
    return Torment(url, tmp_path / "ledger.sock")


@pytest.fixture
def writers(line: FaultyLine, tmp_path: Path) -> Iterator[list[WriterChild]]:
    """The writers that were started through the line; the last one is stopped at the end."""
    made: list[WriterChild] = []
    try:
        yield made
    finally:
        for each in made:
            each.stop()


def start(writers: list[WriterChild], line: FaultyLine, folder: Path, *options: str) -> WriterChild:
    writer = WriterChild(line.url, folder)
    writer.start("--silence", str(SILENCE_SECONDS), *options)
    writers.append(writer)
    return writer


@pytest.mark.parametrize("fault", STRIKES)
def test_after_a_strike_at_a_commit_the_writer_ends_and_the_next_one_knows_the_truth(
    fault: Fault, line: FaultyLine, torment: Torment, writers: list[WriterChild], tmp_path: Path
) -> None:
    first = start(writers, line, tmp_path)

    def work() -> None:
        torment.answered(20)
        line.strike(fault)
        assert line.struck.wait(5.0)
        began = time.monotonic()
        assert first.wait(END_SECONDS_MAX) == EXIT_DOUBTFUL
        assert time.monotonic() - began < END_SECONDS_MAX
        torment.assert_answers_are_stored()
        start(writers, line, tmp_path, "--take-over")
        torment.answered(20)

    asyncio.run(torment.run(work))
    torment.assert_answers_are_stored()
    assert len(torment.stored()) == len(torment.answers)
    verdict = verify(torment.url)
    assert verdict.ok, verdict.first_fault


@pytest.mark.parametrize("fault", [Fault.DELAY, Fault.SLOW])
def test_a_slow_line_only_costs_time(
    fault: Fault, line: FaultyLine, torment: Torment, writers: list[WriterChild], tmp_path: Path
) -> None:
    writer = start(writers, line, tmp_path)

    def work() -> None:
        torment.answered(5)
        line.strike(fault)
        torment.answered(20)
        line.heal()
        torment.answered(20)

    asyncio.run(torment.run(work))
    assert writer.alive()
    torment.assert_answers_are_stored()
    assert verify(torment.url).ok


def test_an_idle_writer_ends_when_its_line_is_half_open(
    line: FaultyLine, writers: list[WriterChild], tmp_path: Path
) -> None:
    writer = start(writers, line, tmp_path)
    line.silence()
    assert writer.wait(END_SECONDS_MAX) == EXIT_DOUBTFUL


def test_the_server_gives_the_fence_of_a_writer_that_says_nothing_to_the_next(
    line: FaultyLine, writers: list[WriterChild], tmp_path: Path
) -> None:
    """Without a take-over: the silent writer's session ends by itself, at twice the silence allowed."""
    writer = start(writers, line, tmp_path)
    line.silence()
    assert writer.wait(END_SECONDS_MAX) == EXIT_DOUBTFUL
    began = time.monotonic()
    second = start(writers, line, tmp_path)
    assert second.alive()
    assert time.monotonic() - began < 2 * SILENCE_SECONDS + 3.0


def test_a_server_that_cannot_be_reached_is_told_at_once(line: FaultyLine, tmp_path: Path) -> None:
    silent = line.url.replace(f"port={line.port}", "port=1")
    with pytest.raises(RuntimeError, match="cannot be reached"):
        WriterChild(silent, tmp_path).start()


def test_messages_are_told_apart_whatever_the_pieces_they_come_in() -> None:
    query = b"Q" + (4 + 7).to_bytes(4, "big") + b"COMMIT\0"
    done = b"C" + (4 + 7).to_bytes(4, "big") + b"COMMIT\0"
    startup = (8).to_bytes(4, "big") + b"\0\3\0\0"
    frames = Frames(startup=True)
    stream = startup + query + done
    found = [message for place in range(len(stream)) for message in frames.feed(stream[place : place + 1])]
    assert found == [startup, query, done]
    assert orders_commit(query)
    assert not orders_commit(done)
    assert tells_commit(done)
    assert not tells_commit(query)
