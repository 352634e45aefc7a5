"""The writer that shares the books: one door, one transaction a batch, and others who book beside it."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import psycopg
import pytest
from typer.testing import CliRunner

from juapesa.cli.ledger import app
from juapesa.db import Database, retried
from juapesa.ledger import KeyReused, Ledger, LimitExceeded, Transfer
from juapesa.ledger.engine.client import EngineClient
from juapesa.ledger.engine.function import as_json
from juapesa.ledger.engine.orders import Answer, Capture, Done, Line, PlaceHold, Post, Release, Reverse
from juapesa.ledger.engine.session import EXIT_DOUBTFUL, Session
from juapesa.ledger.engine.shared import Shared
from juapesa.ledger.engine.trials.processes import children_of
from juapesa.ledger.engine.verify import verify
from juapesa.ledger.errors import WriterRefused
from juapesa.money import KES, Money
from support.engine_books import EngineByHand, send
from support.postgres import PostgresForTests
from support.writer import WriterProcess, pair, send_many, some_day


@pytest.fixture(scope="module")
def running(postgres: PostgresForTests, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WriterProcess]:
    """One for all tests that only talk to it; each has accounts and keys of its own."""
    with postgres.fresh() as url:
        found = WriterProcess(url, tmp_path_factory.mktemp("shared"))
        try:
            found.ready("--shared", "--queue", "2000")
            yield found
            found.stop_all()
            assert verify(url).ok
        finally:
            found.stop_all()


@pytest.fixture
def writer(postgres: PostgresForTests, tmp_path: Path) -> Iterator[WriterProcess]:
    """One to be started, tormented and killed."""
    with postgres.fresh() as url:
        found = WriterProcess(url, tmp_path)
        try:
            yield found
        finally:
            found.stop_all()


async def house(client: EngineClient, name: str) -> tuple[int, int]:
    """Capital, and a wallet of this name with 1,000 minor units."""
    capital = await client.open_account("capital", "", KES)
    wallet = await client.open_account("wallet", name, KES)
    await client.send(send(f"{name}-fund", capital, wallet, 1_000))
    return capital, wallet


def test_orders_of_every_kind_are_booked_repeated_and_refused(running: WriterProcess) -> None:
    async def work(client: EngineClient) -> None:
        capital, wallet = await house(client, "kinds")
        first = await client.send(send("k-a", wallet, capital, 300))
        assert first.rows[0].debit_after == 700
        again = await client.send(send("k-a", wallet, capital, 300))
        assert (again.rows, again.repeated) == (first.rows, True)
        with pytest.raises(KeyReused):
            await client.send(send("k-a", wallet, capital, 301))
        with pytest.raises(LimitExceeded):
            await client.send(send("k-b", wallet, capital, 701))
        held = await client.send(PlaceHold("k-h", wallet, capital, 500, "KES", "hold", some_day()))
        assert (await client.get(f"/accounts/{wallet}"))["held"] == 500
        await client.send(Capture("k-h1", held.rows[0].id, 100))
        await client.send(Release("k-h2", held.rows[0].id))
        await client.send(Reverse("k-r", first.rows[0].id))
        found = await client.get(f"/accounts/{wallet}")
        assert (found["id"], found["posted"], found["held"]) == (wallet, 900, 0)
        assert (await client.get(f"/accounts/{10**12}"))["slug"] == "unknown-account"

    running.with_client(work)


def test_good_ones_refused_ones_twins_and_duplicates_share_a_batch(running: WriterProcess) -> None:
    async def work(client: EngineClient) -> None:
        capital, wallet = await house(client, "mixed")
        before = await client.send(send("m-old", wallet, capital, 1))
        answers = await client.send_all(
            [
                send("m-x", wallet, capital, 100),
                send("m-x", wallet, capital, 100),
                send("m-x", wallet, capital, 101),
                send("m-old", wallet, capital, 1),
                send("m-y", wallet, capital, 5_000),
                send("m-z", wallet, 10**12, 1),
                Capture("m-c", 5),
                send("m-w", wallet, wallet, 1),
                Post(
                    "m-p", (Line(wallet, capital, 2, "KES", "send"), Line(wallet, capital, 3, "KES", "fee"))
                ),
            ]
        )
        assert [getattr(each, "slug", None) for each in answers] == [
            None, None, "key-reused", None, "limit-exceeded", "unknown-account", "unknown-hold",
            "not-a-transfer", None,
        ]  # fmt: skip
        first, twin, old, group = answers[0], answers[1], answers[3], answers[8]
        assert isinstance(first, Done)
        assert isinstance(twin, Done)
        assert isinstance(old, Done)
        assert isinstance(group, Done)
        assert (twin.rows, twin.repeated, first.repeated) == (first.rows, True, False)
        assert (old.rows, old.repeated) == (before.rows, True)
        assert [each.debit_after for each in group.rows] == [897, 894]

    running.with_client(work)


def test_a_long_list_with_a_few_that_cannot_go_is_answered_in_its_order(running: WriterProcess) -> None:
    """The database halves it until what is sound goes together and the others alone."""

    async def work(client: EngineClient) -> None:
        capital, wallet = await house(client, "long")
        old = await client.send(send("l-40", wallet, capital, 1))
        orders = [send(f"l-{number}", wallet, capital, 1) for number in range(150)]
        orders[70] = send("l-70", wallet, capital, 10**9)
        orders[101] = send("l-100", wallet, capital, 1)
        orders[102] = send("l-100", wallet, capital, 2)
        answers = await client.send_all(orders)
        refused = {place: each.slug for place, each in enumerate(answers) if not isinstance(each, Done)}
        assert refused == {70: "limit-exceeded", 102: "key-reused"}
        done = [(place, each) for place, each in enumerate(answers) if isinstance(each, Done)]
        assert [place for place, each in done if each.repeated] == [40, 101]
        assert dict(done)[40].rows == old.rows
        ids = [each.rows[0].id for _, each in done if not each.repeated]
        assert ids == sorted(ids)
        afters = [each.rows[0].debit_after for _, each in done if not each.repeated]
        assert afters == list(range(998, 998 - len(afters), -1)), "each in its turn"

    running.with_client(work)


def test_what_the_database_cannot_hold_is_refused_and_the_rest_of_the_batch_is_booked(
    running: WriterProcess,
) -> None:
    async def work(client: EngineClient) -> None:
        capital, wallet = await house(client, "nul")
        orders = [send(f"n-{number}", wallet, capital, 1) for number in range(20)]
        orders[13] = send("n-13", wallet, capital, 1, code="a\0b")
        answers = await client.send_all(orders)
        refused = [(place, each.slug) for place, each in enumerate(answers) if not isinstance(each, Done)]
        assert refused == [(13, "not-a-transfer")]
        assert (await client.get(f"/accounts/{wallet}"))["posted"] == 981

    running.with_client(work)


def test_many_callers_share_batches(running: WriterProcess) -> None:
    async def work(client: EngineClient) -> None:
        capital, wallet = await house(client, "many")
        before = await client.get("/health")
        found = await asyncio.gather(
            *(client.send(send(f"many-{number}", capital, wallet, 2)) for number in range(300)),
            *(client.send(send("many-one", capital, wallet, 2)) for number in range(50)),
        )
        health = await client.get("/health")
        assert health["orders"] - before["orders"] == 350
        assert health["batches"] - before["batches"] < 60
        assert sum(each.repeated for each in found) == 49
        assert (await client.get(f"/accounts/{wallet}"))["posted"] == 1_602

    running.with_client(work)


def test_a_full_queue_is_429_with_a_time_to_come_back(running: WriterProcess) -> None:
    async def work(client: EngineClient) -> None:
        capital, wallet = await house(client, "full")
        reader, out = await asyncio.open_unix_connection(str(running.socket))
        for n in range(8):
            body = msgspec.json.encode([send(f"f{n}-{m}", capital, wallet, 1) for m in range(900)])
            out.write(b"POST /orders HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        statuses = []
        for _ in range(8):
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0]))
            statuses.append(int(head.split()[1]))
            assert (b"Retry-After: 1" in head) == (statuses[-1] == 429)
        assert set(statuses) == {200, 429}
        found = await client.get(f"/accounts/{wallet}")
        assert found["posted"] == 1_000 + 900 * statuses.count(200)
        out.close()

    running.with_client(work)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'{"do":"expire","key":"k","hold":5}',
        b'{"do":"post","key":"book:expire:1","lines":'
        b'[{"debit":1,"credit":2,"amount":1,"currency":"KES","code":"x"}]}',
        b'{"do":"hold","key":"k","debit":1,"credit":2,"amount":1,"currency":"KES","code":"x",'
        b'"expires_at":"2036-01-01T00:00:00"}',
    ],
)
def test_nonsense_is_refused_and_the_writer_lives(running: WriterProcess, body: bytes) -> None:
    async def work(client: EngineClient) -> None:
        reader, out = await asyncio.open_unix_connection(str(running.socket))
        out.write(b"POST /orders HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        assert int((await reader.readuntil(b"\r\n\r\n")).split()[1]) == 422
        out.close()
        assert (await client.get("/health"))["waiting"] == 0

    running.with_client(work)


def test_it_and_payments_book_on_one_hot_account_at_once(running: WriterProcess) -> None:
    """The house's way, units of work with ``book.apply_all``, crosses the writer's batches both ways."""
    ledger = Ledger()
    booked: list[int] = []

    def pay(worker: int, accounts: list[int], until: threading.Event) -> None:
        database = Database.connect(running.url, connections_max=1, name="payments")
        number = 0
        try:
            while not until.is_set():
                number += 1
                one, other = accounts if number % 2 else reversed(accounts)
                transfers = [
                    Transfer(one, other, Money(3, KES), "send"),
                    Transfer(other, one, Money(2, KES), "fee"),
                ]

                def unit(number: int = number, transfers: list[Transfer] = transfers) -> None:
                    with database.unit_of_work() as uow:
                        ledger.post(uow, f"saga-{worker}-{number}", transfers)

                retried(unit)
                booked.append(1)
        finally:
            database.close()

    async def work(client: EngineClient) -> None:
        capital, wallet = await house(client, "hot")
        until = threading.Event()
        payers = [asyncio.to_thread(pay, n, [capital, wallet], until) for n in range(3)]
        paying = asyncio.gather(*payers)
        deadline = time.monotonic() + 2.0
        count = 0
        while time.monotonic() < deadline:
            pairs = [(capital, wallet), (wallet, capital)] * 20
            orders = [send(f"hot-{count + n}", *each, 1) for n, each in enumerate(pairs)]
            answers = await client.send_all(orders)
            assert all(isinstance(each, Done) for each in answers)
            count += len(orders)
        until.set()
        await paying
        assert count > 40
        assert len(booked) > 10

    running.with_client(work)


def kill_kept(keeper: int) -> None:
    """Kill a keeper's writer, and wait for the next one."""
    [child] = children_of(keeper)
    os.kill(child, signal.SIGKILL)
    while children_of(keeper) in ([], [child]):
        time.sleep(0.01)


def test_kill_nine_under_load_loses_and_doubles_nothing(writer: WriterProcess) -> None:
    keeper = writer.ready("--shared", "--keep")
    acknowledged: dict[str, Done] = {}

    async def work(client: EngineClient) -> None:
        capital, wallet = await pair(client)
        loads = [send_many(client, each, 100, (capital, wallet), acknowledged) for each in range(10)]
        running = [asyncio.create_task(each) for each in loads]
        for _ in range(3):
            await asyncio.sleep(0.15)
            await asyncio.to_thread(kill_kept, keeper.pid)
        await asyncio.gather(*running)
        assert (await client.get(f"/accounts/{wallet}"))["posted"] == 2_000

    writer.with_client(work)
    assert len({each.rows[0].id for each in acknowledged.values()}) == 1_000
    found = verify(writer.url)
    assert (found.ok, found.transfers) == (True, 1_001)
    keeper.terminate()
    assert keeper.wait(20) == 0


def test_a_frozen_one_keeps_nobody_waiting_and_a_second_is_not_needed(writer: WriterProcess) -> None:
    """Frozen while a batch with a long answer is booked: the accounts are free once the database is done."""
    process = writer.ready("--shared")

    async def work(client: EngineClient) -> None:
        capital, wallet = await pair(client)
        lines = tuple(Line(capital, wallet, 1, "KES", "send") for _ in range(5))
        many = [Post(f"z-{number}", lines) for number in range(1000)]
        with psycopg.connect(writer.url) as holder:
            holder.execute("SELECT 1 FROM book.balances WHERE account = %s FOR UPDATE", (wallet,))
            sending = asyncio.create_task(client.send_all(many))
            await asyncio.to_thread(_until_it_waits, writer.url)
            os.kill(process.pid, signal.SIGSTOP)
        await asyncio.to_thread(_book_beside, writer.url, capital, wallet)
        os.kill(process.pid, signal.SIGCONT)
        assert all(isinstance(each, Done) for each in await sending)
        assert (await client.get(f"/accounts/{wallet}"))["posted"] == 6_001

    writer.with_client(work)
    second = writer.start("--shared")
    assert second.wait(30) == 2
    assert second.stderr is not None
    assert b"Another writer listens" in second.stderr.read()
    assert process.poll() is None


def _until_it_waits(url: str) -> None:
    """Until the writer's session waits for somebody's lock."""
    sql = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'jua-ledger' AND wait_event_type = 'Lock'"
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute(sql).fetchone() is None:
            time.sleep(0.01)


def _book_beside(url: str, capital: int, wallet: int) -> None:
    orders = as_json([send("beside", capital, wallet, 1)])
    with psycopg.connect(url) as connection:
        connection.execute("SET lock_timeout = '8s'")
        connection.execute("SELECT book.apply_all(%s::jsonb)", (orders,))


def test_beside_an_exclusive_writer_it_says_so_and_ends(writer: WriterProcess) -> None:
    """At its start, and when one comes while it runs: an exclusive one wins, as it does over all others."""
    process = writer.ready("--shared")
    writer.with_client(pair)
    engine = EngineByHand(writer.url, now=datetime.now(UTC))
    assert process.wait(20) == 2
    assert process.stderr is not None
    assert b"has the books to itself" in process.stderr.read()
    with pytest.raises(psycopg.Error, match="an engine holds the books"):
        _book_beside(writer.url, 1, 2)
    session = Session(writer.url)
    back = Shared(session)
    with pytest.raises(WriterRefused, match="has the books to itself"):
        back.require_room()
    with pytest.raises(WriterRefused, match="has the books to itself"):
        asyncio.run(_booked(back, send("late", 1, 2, 5)))
    session.close()
    engine.close()


async def _booked(back: Shared, order: Post) -> Sequence[Answer]:
    async def settle() -> None:
        """Nothing is under way."""

    return await (await back.plan([order], settle))(lambda: None)


def test_a_writer_whose_session_is_ended_ends_in_doubt_and_its_keeper_follows(writer: WriterProcess) -> None:
    writer.ready("--shared", "--keep")
    keeper = writer.running[-1]
    assert keeper.stderr is not None

    capital, wallet = writer.with_client(pair)
    with psycopg.connect(writer.url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'jua-ledger' AND datname = current_database()"
        )

    async def after(client: EngineClient) -> None:
        assert (await client.send(send("fund", capital, wallet, 1_000))).repeated

    writer.with_client(after)
    said = keeper.stderr.readline() + keeper.stderr.readline()
    assert f"ended ({EXIT_DOUBTFUL})".encode() in said
    keeper.terminate()
    assert keeper.wait(20) == 0


def test_an_order_to_stop_answers_what_is_queued(writer: WriterProcess) -> None:
    process = writer.ready("--shared")

    async def work(client: EngineClient) -> None:
        capital, wallet = await pair(client)
        lists = [[send(f"q{n}-{m}", capital, wallet, 1) for m in range(500)] for n in range(6)]
        sending = [asyncio.create_task(client.send_all(each)) for each in lists]
        await client.get("/health")  # all of them have arrived
        process.terminate()
        assert [len(each) for each in await asyncio.gather(*sending)] == [500] * 6

    writer.with_client(work)
    assert process.wait(20) == 0
    assert verify(writer.url).transfers == 3_001


def test_a_hold_is_left_to_the_bookkeeper(running: WriterProcess) -> None:
    async def work(client: EngineClient) -> None:
        capital, wallet = await house(client, "expiry")
        soon = datetime.now(UTC) + timedelta(seconds=0.2)
        await client.send(PlaceHold("e-h", wallet, capital, 500, "KES", "hold", soon))
        await asyncio.sleep(1.2)
        assert (await client.get(f"/accounts/{wallet}"))["held"] == 500
        with psycopg.connect(running.url) as connection:
            connection.execute("SELECT book.expire(clock_timestamp(), 100)")
        assert (await client.get(f"/accounts/{wallet}"))["held"] == 0

    running.with_client(work)


@pytest.mark.parametrize("option", ["--take-over", "--stand-by"])
def test_taking_over_is_for_a_writer_that_has_the_books_to_itself(option: str) -> None:
    result = CliRunner().invoke(app, ["serve", "--shared", option])
    assert result.exit_code == 2
    assert "nothing to take over" in result.output
