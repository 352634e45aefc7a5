"""The writer as a process: answers, refusals, back-pressure, the fence, and what survives kill -9."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from juapesa.ledger import KeyReused, LimitExceeded
from juapesa.ledger.engine.client import EngineClient
from juapesa.ledger.engine.orders import Capture, Done, Line, PlaceHold, Post, Refused, Reverse
from juapesa.ledger.engine.verify import verify
from juapesa.ledger.errors import Busy
from juapesa.money import KES, USDC
from support.engine_books import send
from support.postgres import PostgresForTests
from support.writer import WriterProcess, pair, send_many, some_day


@pytest.fixture
def writer(postgres: PostgresForTests, tmp_path: Path) -> Iterator[WriterProcess]:
    with postgres.fresh() as url:
        found = WriterProcess(url, tmp_path)
        try:
            yield found
        finally:
            found.stop_all()


def test_orders_are_booked_repeated_and_refused(writer: WriterProcess) -> None:
    writer.ready()

    async def work(client: EngineClient) -> None:
        capital, wallet = await pair(client)
        first = await client.send(send("a", wallet, capital, 300))
        assert (first.rows[0].debit_after, first.rows[0].credit_after) == (700, -700)
        again = await client.send(send("a", wallet, capital, 300))
        assert again.rows == first.rows
        assert again.repeated
        with pytest.raises(KeyReused):
            await client.send(send("a", wallet, capital, 301))
        with pytest.raises(LimitExceeded):
            await client.send(send("b", wallet, capital, 701))
        held = await client.send(PlaceHold("h", wallet, capital, 500, "KES", "hold", some_day()))
        with pytest.raises(LimitExceeded):
            await client.send(send("c", wallet, capital, 201))
        await client.send(Capture("h1", held.rows[0].id, 100))
        await client.send(Capture("h2", held.rows[0].id, 50, last=True))
        assert (await client.get(f"/accounts/{wallet}"))["posted"] == 550
        await client.send(Reverse("r", first.rows[0].id))
        account = await client.get(f"/accounts/{wallet}")
        assert (account["posted"], account["held"]) == (850, 0)

    writer.with_client(work)
    assert verify(writer.url).ok


def test_a_bulk_request_answers_each_order_and_twins_once(writer: WriterProcess) -> None:
    writer.ready()

    async def work(client: EngineClient) -> None:
        capital, wallet = await pair(client)
        orders = [
            send("x", wallet, capital, 100),
            send("x", wallet, capital, 100),
            send("x", wallet, capital, 101),
            send("y", wallet, capital, 5_000),
            send("z", wallet, 10**12, 1),
            send("w", wallet, capital, 1),
        ]
        answers = await client.send_all(orders)
        assert [getattr(each, "slug", None) for each in answers] == [
            None, None, "key-reused", "limit-exceeded", "unknown-account", None,
        ]  # fmt: skip
        first, twin = answers[:2]
        assert isinstance(first, Done)
        assert isinstance(twin, Done)
        assert (twin.rows, twin.repeated, first.repeated) == (first.rows, True, False)

    writer.with_client(work)
    assert verify(writer.url).ok


def test_an_exchange_is_one_group_through_position_accounts(writer: WriterProcess) -> None:
    writer.ready()

    async def work(client: EngineClient) -> None:
        _, wallet = await pair(client)
        dollars = await client.open_account("wallet", "1", USDC)
        short, long = [await client.open_account("position", "", each) for each in (KES, USDC)]

        def exchange(key: str, shillings: int, micro_dollars: int) -> Post:
            return Post(
                key,
                (
                    Line(wallet, short, shillings, "KES", "convert"),
                    Line(long, dollars, micro_dollars, "USDC", "convert"),
                ),
            )

        done = await client.send(exchange("fx", 900, 7_000_000))
        assert [each.credit_after for each in done.rows] == [900, 7_000_000]
        with pytest.raises(LimitExceeded):
            await client.send(exchange("fx2", 900, 7_000_000))
        assert (await client.get(f"/accounts/{dollars}"))["posted"] == 7_000_000

    writer.with_client(work)
    assert verify(writer.url).ok


def test_concurrent_twins_pay_once(writer: WriterProcess) -> None:
    writer.ready()

    async def work(client: EngineClient) -> None:
        capital, wallet = await pair(client)
        done = await asyncio.gather(*[client.send(send("one", wallet, capital, 7)) for _ in range(50)])
        assert len({each.rows for each in done}) == 1
        assert sum(not each.repeated for each in done) == 1
        assert (await client.get(f"/accounts/{wallet}"))["posted"] == 993

    writer.with_client(work)


def test_a_full_queue_is_429_with_a_time_to_come_back(writer: WriterProcess) -> None:
    writer.ready("--queue", "3")

    async def work(client: EngineClient) -> None:
        capital, wallet = await pair(client)
        reader, out = await asyncio.open_unix_connection(str(writer.socket))
        many = json.dumps(
            [{"do": "post", "key": str(n), "lines": [
                {"debit": wallet, "credit": capital, "amount": 1, "currency": "KES", "code": "x"}]}
             for n in range(4)]
        ).encode()  # fmt: skip
        out.write(b"POST /orders HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(many), many))
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 429 " in head
        assert b"Retry-After: 1" in head
        out.close()
        patient = EngineClient(socket=writer.socket, patience_seconds=0.3)
        with pytest.raises(Busy):
            await patient.send_all([send(f"b{n}", wallet, capital, 1) for n in range(4)])
        patient.close()

    writer.with_client(work)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 422),
        (b"[]", 422),
        (b'{"do":"steal","key":"k"}', 422),
        (b'{"do":"post","key":"","lines":[]}', 422),
        (b'{"do":"post","key":"book:expire:1","lines":'
         b'[{"debit":1,"credit":2,"amount":1,"currency":"KES","code":"x"}]}', 422),
        (b'{"do":"capture","key":"k","hold":99999999999999999999}', 422),
        (b'{"do":"capture","key":"k","hold":5}', 404),
        (b'{"do":"post","key":"k","lines":'
         b'[{"debit":1,"credit":2,"amount":1.5,"currency":"KES","code":"x"}]}', 422),
        (b'{"do":"post","key":"k","lines":'
         b'[{"debit":1,"credit":1,"amount":1,"currency":"KES","code":"x"}]}', 422),
    ],
)  # fmt: skip
def test_nonsense_is_refused_and_the_writer_lives(writer: WriterProcess, body: bytes, status: int) -> None:
    writer.ready()

    async def work(client: EngineClient) -> None:
        reader, out = await asyncio.open_unix_connection(str(writer.socket))
        out.write(b"POST /orders HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        assert int((await reader.readuntil(b"\r\n\r\n")).split()[1]) == status
        out.close()
        assert (await client.get("/health"))["waiting"] == 0

    writer.with_client(work)


def test_requests_sent_without_waiting_are_answered_in_their_order(writer: WriterProcess) -> None:
    """Singles, a list, something else and nonsense behind each other on one connection."""
    writer.ready()
    order = b'{"do":"post","key":"p%d","lines":[{"debit":900001,"credit":900002,"amount":1,'
    order += b'"currency":"KES","code":"send"}]}'
    asked = [(b"/orders", order % number) for number in range(3)]
    asked += [(b"/orders", b"[%b,%b]" % (order % 3, order % 4)), (b"/health", b""), (b"/orders", b"{}")]
    asked += [(b"/orders", order % 5)]
    message = b"".join(
        b"POST %b HTTP/1.1\r\nHost: ledger\r\nContent-Length: %d\r\n\r\n%b" % (path, len(body), body)
        for path, body in asked
    )

    async def talk() -> list[tuple[int, Any]]:
        reader, line = await asyncio.open_unix_connection(str(writer.socket))
        line.write(message)
        found = []
        for _ in asked:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
            found.append((int(head.split()[1]), json.loads(await reader.readexactly(length))))
        line.close()
        return found

    answers = asyncio.run(talk())
    assert [status for status, _ in answers] == [404, 404, 404, 200, 200, 422, 404]
    assert [each["slug"] for each in answers[3][1]] == ["unknown-account", "unknown-account"]
    assert "batches" in answers[4][1]


def test_a_second_writer_is_refused_and_a_stopped_one_loses_its_fence(writer: WriterProcess) -> None:
    first = writer.ready()
    writer.with_client(pair)
    zombie_socket = writer.socket
    os.kill(first.pid, signal.SIGSTOP)
    writer.folder = writer.folder / "second"
    writer.folder.mkdir()
    second = writer.ready("--take-over")
    assert second.poll() is None
    os.kill(first.pid, signal.SIGCONT)

    async def to_the_zombie() -> None:
        client = EngineClient(socket=zombie_socket, patience_seconds=0.5)
        with pytest.raises(Exception, match="writer"):
            await client.send(send("zombie", 1, 2, 5))

    asyncio.run(to_the_zombie())
    assert first.wait(5) == 75

    async def to_the_new_one(client: EngineClient) -> None:
        await client.send(send("after", 2, 1, 5))

    writer.with_client(to_the_new_one)
    with psycopg.connect(writer.url) as connection:
        found = connection.execute("SELECT count(*) FROM book.transfers").fetchone()
    assert found == (2,)
    assert verify(writer.url).ok


def test_a_writer_that_stands_by_follows_a_killed_one(writer: WriterProcess) -> None:
    first = writer.ready()
    follower = writer.start("--stand-by")
    assert follower.stderr is not None
    assert b"stands by" in follower.stderr.readline()

    async def before(client: EngineClient) -> tuple[int, int]:
        capital, wallet = await pair(client)
        await client.send(send("one", capital, wallet, 5))
        return capital, wallet

    capital, wallet = writer.with_client(before)
    first.kill()
    assert b"listens" in follower.stderr.readline()

    async def after(client: EngineClient) -> None:
        assert (await client.send(send("one", capital, wallet, 5))).repeated
        assert (await client.send(send("two", capital, wallet, 5))).rows[0].credit_after == 1_010

    writer.with_client(after)


def test_kill_nine_loses_nothing_that_was_answered(writer: WriterProcess) -> None:
    process = writer.ready()
    acknowledged: dict[str, Done] = {}

    async def work(client: EngineClient) -> None:
        capital, wallet = await pair(client)
        loads = [send_many(client, each, 150, (capital, wallet), acknowledged) for each in range(10)]
        running = [asyncio.create_task(each) for each in loads]
        current = process
        for _ in range(3):
            await asyncio.sleep(0.15)
            current.kill()
            current.wait()
            current = await asyncio.to_thread(writer.ready)
        await asyncio.gather(*running)
        assert (await client.get(f"/accounts/{wallet}"))["posted"] == 1_000 + 1_500

    writer.with_client(work)
    assert len({each.rows[0].id for each in acknowledged.values()}) == 1_500
    found = verify(writer.url)
    assert found.ok, found.first_fault
    assert found.transfers == 1_501


def test_a_hold_expires_by_itself(writer: WriterProcess) -> None:
    writer.ready()

    async def work(client: EngineClient) -> None:
        capital, wallet = await pair(client)
        soon = datetime.now(UTC) + timedelta(seconds=0.4)
        held = await client.send(PlaceHold("h", wallet, capital, 500, "KES", "hold", soon))
        assert (await client.get(f"/accounts/{wallet}"))["held"] == 500
        deadline = time.monotonic() + 5
        while (await client.get(f"/accounts/{wallet}"))["held"]:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        answer = (await client.send_all([Capture("late", held.rows[0].id)]))[0]
        assert isinstance(answer, Refused)
        assert answer.slug == "hold-ended"

    writer.with_client(work)
    assert verify(writer.url).ok


def test_a_port_asks_for_the_token(writer: WriterProcess) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "juapesa.cli", "ledger", "serve", "--port", "22017"],
        env=os.environ | {"JUA_DATABASE_URL": writer.url, "JUA_LEDGER_TOKEN": "correct"},
        stderr=subprocess.PIPE,
    )
    writer.running.append(process)
    assert process.stderr is not None
    assert b"listens" in process.stderr.readline()

    async def asked(token: str | None) -> dict[str, Any]:
        client = EngineClient(port=22017, token=token)
        try:
            return await client.get("/health")
        finally:
            client.close()

    assert "waiting" in asyncio.run(asked("correct"))
    refused = asyncio.run(asked("wrong"))
    assert (refused["slug"], refused["type"]) == ("not-allowed", "urn:juapesa:problem:not-allowed")
    assert (refused["ok"], refused["status"], refused["title"]) == (False, 401, "Not allowed")
    assert asyncio.run(asked(None))["slug"] == "not-allowed"


def test_a_balance_can_be_asked_for_before_the_account_is_used(writer: WriterProcess) -> None:
    writer.ready()

    async def work(client: EngineClient) -> None:
        number = await client.open_account("wallet", "new", KES)
        found = await client.get(f"/accounts/{number}")
        assert (found["id"], found["currency"], found["posted"]) == (number, "KES", 0)
        assert (await client.get(f"/accounts/{number + 1}"))["slug"] == "unknown-account"
        assert (await client.get("/accounts/99999999999999999999"))["slug"] == "not-found"

    writer.with_client(work)


def test_who_leaves_without_waiting_does_not_end_the_writer(writer: WriterProcess) -> None:
    """Answers to a connection that is gone are dropped; the orders are booked."""
    process = writer.ready()

    async def work(client: EngineClient) -> None:
        capital, wallet = await pair(client)
        for number in range(60):
            leaving = EngineClient(socket=writer.socket)
            orders = [leaving.send(send(f"{number}-{n}", capital, wallet, 1)) for n in range(20)]
            sending = [asyncio.create_task(each) for each in orders]
            await asyncio.sleep(0.003)
            leaving.close()
            for each in sending:
                each.cancel()
        assert process.poll() is None
        done = [await client.send(send(f"59-{n}", capital, wallet, 1)) for n in range(20)]
        assert all(each.rows for each in done)

    writer.with_client(work)
