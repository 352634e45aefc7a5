"""``jua ledger crash``: real processes under load are killed; then the stored history is checked.

Clients repeat an order with its key until it is answered, and write every answer down. Meanwhile the
writer is killed (SIGKILL), alone or with its keeper, with or without another standing by, or frozen and
replaced (SIGSTOP, then a second writer takes over and the first wakes up as a zombie), PostgreSQL is stopped
at once (SIGQUIT), and the line between the two breaks or falls silent just before, at or after a commit. At
the end each answer must be found in the books exactly once and as it was given, and the books must verify.
Power loss is not tested.

``--shared`` torments a writer that shares the books, while others book with ``book.apply_all`` beside it.
There is nothing to take over or to follow then; a frozen one wakes up again, and must keep nobody waiting.
"""

import asyncio
import contextlib
import os
import random
import signal
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from juapesa.db import Database, EmbeddedPostgres
from juapesa.db.migrate import upgrade
from juapesa.errors import JuaError
from juapesa.ledger.engine.client import EngineClient
from juapesa.ledger.engine.orders import Capture, Done, Line, PlaceHold, Post, Release, Reverse, WireOrder
from juapesa.ledger.engine.rows import key_digest, key_of_line
from juapesa.ledger.engine.sealer import Sealer
from juapesa.ledger.engine.session import EXIT_DOUBTFUL
from juapesa.ledger.engine.trials.beside import Beside
from juapesa.ledger.engine.trials.line import STRIKES, FaultyLine
from juapesa.ledger.engine.trials.processes import WriterChild
from juapesa.ledger.engine.verify import verify

WALLETS = 20
WORKERS = 24
PATIENCE_SECONDS = 60.0
CAUSES = ("kill",) * 3 + ("cold",) + ("succeed",) * 2 + ("freeze",) * 2 + ("line",) * 3 + ("postgres",)
SHARED_CAUSES = ("kill",) * 3 + ("cold",) + ("freeze",) * 2 + ("line",) * 3 + ("postgres",)
SILENCE_SECONDS = 1.0
FROZEN_SECONDS_MAX = 3.0 * SILENCE_SECONDS  # the server drops a session that says nothing for twice as long
STRIKE_SECONDS_MAX = 10.0


@dataclass
class Crash:
    """One run: ``kills`` blows under load. ``say`` gets progress."""

    folder: Path
    say: Callable[[str], None]
    kills: int = 20
    seed: int = 1
    shared: bool = False
    answers: dict[str, Done] = field(default_factory=dict)
    refused: int = 0
    contradicted: int = 0
    zombies_alive: int = 0
    held_up: int = 0  # times that nobody could book beside a frozen writer
    faults: Counter[str] = field(default_factory=Counter)
    back_seconds: dict[str, list[float]] = field(default_factory=dict)

    def run(self) -> dict[str, Any]:
        """Torment, check, and report."""
        self._rng = random.Random(self.seed)  # noqa: S311
        self._server = EmbeddedPostgres(self.folder)
        self._server.start()
        try:
            self._server.drop_database("crash")
            self._server.create_database("crash")
            self._url = self._server.url("crash")
            upgrade(self._url)
            with FaultyLine(self._url) as self._line:
                self._writer = self._new_writer()
                try:
                    asyncio.run(self._torment())
                finally:
                    self._writer.stop()
            return self._report()
        finally:
            self._server.stop()

    def _new_writer(self, *options: str) -> WriterChild:
        made = WriterChild(self._line.url, self.folder)
        shared = ("--shared",) if self.shared else ()
        made.start("--keep", "--silence", str(SILENCE_SECONDS), *shared, *options)
        return made

    async def _torment(self) -> None:
        self._blows = {
            "kill": self._kill,
            "cold": self._cold,
            "succeed": self._succeed,
            "freeze": self._freeze_and_wake if self.shared else self._freeze,
            "line": self._line_fault,
            "postgres": self._postgres,
        }
        client = EngineClient(socket=self.folder / "ledger.sock", patience_seconds=PATIENCE_SECONDS)
        house, wallets = self._accounts()
        self._beside = Beside(self._url, self.seed, house, wallets, self._note)
        if self.shared:
            self._beside.start()
        stop = asyncio.Event()
        workers = [
            asyncio.create_task(self._work(client, number, house, wallets, stop)) for number in range(WORKERS)
        ]
        for number in range(1, self.kills + 1):
            await asyncio.sleep(self._rng.uniform(0.05, 0.4))
            cause = self._rng.choice(SHARED_CAUSES if self.shared else CAUSES)
            seconds = await asyncio.to_thread(self._blows[cause])
            self.back_seconds.setdefault(cause, []).append(seconds)
            self.say(
                f"{number} of {self.kills}: {cause}, back in {seconds:.2f} s, {len(self.answers)} answers"
            )
        stop.set()
        await asyncio.gather(*workers)
        await asyncio.to_thread(self._beside.stop)
        client.close()

    def _kill(self) -> float:
        """The writer is killed, and its keeper forks the next."""
        self._writer.forget()
        os.kill(self._writer.kept_pid, signal.SIGKILL)
        return self._listens_again()

    def _cold(self) -> float:
        """The writer is killed with its keeper."""
        self._writer.kill()
        return self._back(self._new_writer)

    def _succeed(self) -> float:
        """A writer is killed with its keeper, and one that stood by follows it."""
        follower = WriterChild(self._line.url, self.folder)
        follower.stand_by("--keep", "--silence", str(SILENCE_SECONDS))
        self._writer.kill()
        self._writer = follower
        return self._listens_again()

    def _freeze(self) -> float:
        """A second writer takes over from a frozen one, which must not write when it wakes."""
        zombie, frozen = self._writer, self._writer.kept_pid
        zombie.forget()
        os.kill(frozen, signal.SIGSTOP)
        seconds = self._back(lambda: self._new_writer("--take-over"))
        os.kill(frozen, signal.SIGCONT)
        self._ends_in_doubt(zombie, 5.0)
        zombie.stop()
        return seconds

    def _freeze_and_wake(self) -> float:
        """A shared writer sleeps, perhaps for longer than its session; others book on. Then it wakes up."""
        frozen, before = self._writer.kept_pid, self._beside.booked
        os.kill(frozen, signal.SIGSTOP)
        time.sleep(self._rng.uniform(FROZEN_SECONDS_MAX / 3, FROZEN_SECONDS_MAX))
        self.held_up += self._beside.booked == before
        os.kill(frozen, signal.SIGCONT)
        return self._answers_again()

    def _answers_again(self) -> float:
        """Until the door answers, whether the writer is the one from before or another."""

        async def ask() -> None:
            client = EngineClient(socket=self.folder / "ledger.sock", patience_seconds=PATIENCE_SECONDS)
            await client.get("/accounts/1")
            client.close()

        began = time.monotonic()
        asyncio.run(ask())
        return time.monotonic() - began

    def _line_fault(self) -> float:
        """The line strikes at a commit; the writer must end by itself, in doubt."""
        fault = self._rng.choice(STRIKES)
        self.faults[fault] += 1
        self._writer.forget()
        self._line.strike(fault)
        self._line.struck.wait(STRIKE_SECONDS_MAX)
        self._ends_in_doubt(self._writer, SILENCE_SECONDS + 5.0)
        return self._listens_again()

    def _postgres(self) -> float:
        pid = self._server.pid
        assert pid is not None
        self._writer.forget()
        os.kill(pid, signal.SIGQUIT)
        while self._server.pid is not None:
            time.sleep(0.01)
        began = time.monotonic()
        self._server.start()
        self._writer.expect(b"listens")
        return time.monotonic() - began

    def _ends_in_doubt(self, writer: WriterChild, seconds: float) -> None:
        """One that does not is counted, and killed."""
        try:
            writer.expect(f"ended ({EXIT_DOUBTFUL})".encode(), seconds)
        except TimeoutError:
            self.zombies_alive += 1
            os.kill(writer.kept_pid, signal.SIGKILL)

    def _listens_again(self) -> float:
        began = time.monotonic()
        self._writer.expect(b"listens")
        return time.monotonic() - began

    def _back(self, start: Callable[[], WriterChild]) -> float:
        began = time.monotonic()
        self._writer = start()
        return time.monotonic() - began

    def _accounts(self) -> tuple[int, list[int]]:
        with psycopg.connect(self._url, autocommit=True) as connection:

            def opened(kind: str, owner: str) -> int:
                sql = "SELECT book.open_account(%s, %s, 'KES')"
                row = connection.execute(sql, (kind, owner)).fetchone()
                assert row is not None
                return int(row[0])

            return opened("capital", ""), [opened("wallet", str(number)) for number in range(WALLETS)]

    async def _work(
        self, client: EngineClient, worker: int, house: int, wallets: list[int], stop: asyncio.Event
    ) -> None:
        """Orders of every kind, one after the other, each until it is answered."""
        rng = random.Random(f"{self.seed}-{worker}")  # noqa: S311
        number = 0
        mine: list[tuple[WireOrder, Done]] = []
        holds: list[int] = []
        while not stop.is_set():
            number += 1
            order = _draw(rng, f"{self.seed}-{worker}-{number}", house, wallets, holds, mine)
            with contextlib.suppress(JuaError):
                done = await client.send(order)
                self._note(order, done)
                mine.append((order, done))
                if isinstance(order, PlaceHold):
                    holds.append(done.rows[0].id)
                continue
            self.refused += 1

    def _note(self, order: WireOrder, done: Done) -> None:
        before = self.answers.setdefault(order.key, done)
        self.contradicted += before.rows != done.rows

    def _report(self) -> dict[str, Any]:
        if self.shared:
            _seal(self._url)
        with psycopg.connect(self._url) as connection:
            rows = connection.execute(
                "SELECT id, key, debit_after, credit_after FROM book.transfers"
            ).fetchall()
        stored = {row[0]: (row[1].bytes, row[2], row[3]) for row in rows}
        keys = Counter(row[1] for row in rows)
        lost = sum(
            stored.get(row.id) != (key_of_line(key_digest(key), place), row.debit_after, row.credit_after)
            for key, done in self.answers.items()
            for place, row in enumerate(done.rows)
        )
        verdict = verify(self._url)
        return {
            "kills": self.kills,
            "acks": len(self.answers),
            "lost": lost,
            "duplicated": self.contradicted + sum(count - 1 for count in keys.values()),
            "unbalanced": int(not verdict.ok),
            "first_fault": verdict.first_fault,
            "refused": self.refused,
            "zombies_alive": self.zombies_alive,
            "booked_beside": self._beside.booked,
            "held_up": self.held_up,
            "rows": len(rows),
            "back_seconds": {
                cause: {
                    "count": len(found),
                    "median": round(statistics.median(found), 2),
                    "max": round(max(found), 2),
                }
                for cause, found in sorted(self.back_seconds.items())
            },
            "line_faults": dict(sorted(self.faults.items())),
            "seed": self.seed,
        }


def _seal(url: str) -> None:
    """What the bookkeeper does every second: hash what the function has booked."""
    database = Database.connect(url, connections_max=1, name="crash")
    try:
        Sealer(database).settle()
    finally:
        database.close()


def _draw(
    rng: random.Random,
    key: str,
    house: int,
    wallets: list[int],
    holds: list[int],
    mine: list[tuple[WireOrder, Done]],
) -> WireOrder:
    """A random order; now and then one that was answered before."""
    choice = rng.random()
    one, other = rng.sample(wallets, 2)
    amount = rng.randint(1, 500)
    if choice < 0.05 and mine:
        return rng.choice(mine)[0]
    if choice < 0.25:
        return Post(key, (Line(house, one, amount * 3, "KES", "fund"),))
    if choice < 0.55:
        return Post(key, (Line(one, other, amount, "KES", "send"), Line(one, house, 1, "KES", "fee")))
    if choice < 0.75 or not holds:
        expires = datetime.now(UTC) + timedelta(seconds=rng.choice([0.5, 3600]))
        return PlaceHold(key, one, other, amount, "KES", "hold", expires)
    if choice < 0.88:
        return Capture(key, rng.choice(holds[-5:]), rng.choice([None, 1, amount]), rng.random() < 0.5)
    if choice < 0.94:
        return Release(key, rng.choice(holds[-5:]))
    return Reverse(key, rng.choice(mine)[1].rows[0].id)
