"""The client's one line: many orders under way, and what it does when the line breaks or falls silent."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from juapesa.ledger import LimitExceeded
from juapesa.ledger.engine.client import EngineClient
from juapesa.ledger.engine.orders import Done
from juapesa.ledger.engine.trials.processes import WriterChild
from juapesa.ledger.engine.verify import verify
from juapesa.ledger.errors import WriterUnreachable
from juapesa.money import KES
from support.engine_books import send
from support.postgres import PostgresForTests

Line = Callable[["Peer", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Peer:
    """Speaks as a writer does, but breaks off or falls silent: one behaviour for each connection in turn."""

    def __init__(self, socket: Path, *lines: Line) -> None:
        self.keys: list[list[str]] = []
        self._socket = socket
        self._lines = iter(lines)

    async def __aenter__(self) -> "Peer":
        self._server = await asyncio.start_unix_server(self._connected, str(self._socket))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _connected(self, reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        self.keys.append([])
        await next(self._lines)(self, reader, out)
        out.close()

    async def heard(self, reader: asyncio.StreamReader) -> str:
        """The key of the next order."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.partition(b"Content-Length: ")[2].split(b"\r")[0])
        key: str = json.loads(await reader.readexactly(length))["key"]
        self.keys[-1].append(key)
        return key


def answer(number: int) -> bytes:
    body = b'{"rows":[{"id":%d,"debit_after":0,"credit_after":0}],"repeated":false,"ok":true}' % number
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


async def all_answered(peer: Peer, reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
    while not reader.at_eof():
        try:
            out.write(answer(int(await peer.heard(reader))))
        except asyncio.IncompleteReadError:
            return


async def cut_after_two(peer: Peer, reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
    """Hears five, answers two and a half."""
    keys = [int(await peer.heard(reader)) for _ in range(5)]
    out.write(answer(keys[0]) + answer(keys[1]) + answer(keys[2])[:40])
    await out.drain()


async def silent(peer: Peer, reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
    while not reader.at_eof():
        try:
            await peer.heard(reader)
        except asyncio.IncompleteReadError:
            return


async def booked(client: EngineClient, count: int) -> list[int]:
    done = await asyncio.gather(*(client.send(send(str(n), 1, 2, 1)) for n in range(count)))
    return [each.rows[0].id for each in done]


def test_who_was_under_way_on_a_broken_line_is_sent_again_with_the_same_key(tmp_path: Path) -> None:
    async def work() -> None:
        async with Peer(tmp_path / "s", cut_after_two, all_answered) as peer:
            client = EngineClient(socket=tmp_path / "s")
            assert await booked(client, 5) == [0, 1, 2, 3, 4]
            assert peer.keys == [["0", "1", "2", "3", "4"], ["2", "3", "4"]]
            client.close()

    asyncio.run(work())


def test_a_silent_line_is_given_up(tmp_path: Path) -> None:
    async def work() -> None:
        async with Peer(tmp_path / "s", silent, all_answered) as peer:
            client = EngineClient(socket=tmp_path / "s", silence_seconds=0.2)
            assert await booked(client, 3) == [0, 1, 2]
            assert peer.keys == [["0", "1", "2"]] * 2
            client.close()

    asyncio.run(work())


def test_an_order_without_an_answer_is_unknown_in_the_end(tmp_path: Path) -> None:
    async def work() -> None:
        async with Peer(tmp_path / "s", silent):
            client = EngineClient(socket=tmp_path / "s", patience_seconds=0.3)
            with pytest.raises(WriterUnreachable):
                await client.send(send("1", 1, 2, 1))
            client.close()

    asyncio.run(work())


def test_orders_of_many_callers_share_a_line_and_their_batches(
    postgres: PostgresForTests, tmp_path: Path
) -> None:
    async def work() -> None:
        client = EngineClient(socket=tmp_path / "ledger.sock")
        capital = await client.open_account("capital", "", KES)
        wallet = await client.open_account("wallet", "a", KES)
        orders = [send(f"in-{n}", capital, wallet, 2) for n in range(400)]
        orders += [send(f"out-{n}", wallet, capital, 801) for n in range(400)]
        found = await asyncio.gather(*map(client.send, orders), return_exceptions=True)
        assert [type(each) for each in found] == [Done] * 400 + [LimitExceeded] * 400
        health = await client.get("/health")
        assert health["orders"] == 800
        assert health["batches"] < 100
        client.close()

    with postgres.fresh() as url:
        writer = WriterChild(url, tmp_path)
        writer.start()
        try:
            asyncio.run(work())
        finally:
            writer.stop()
        assert verify(url).ok
