"""How our processes talk to the writer: an order goes out until it is answered, always with its key."""

import asyncio
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from juapesa.ledger.engine.orders import Answer, Done, Refused, WireOrder, failure
from juapesa.ledger.errors import Busy, WriterUnreachable
from juapesa.money import Currency

RETRY_SECONDS = 0.1
_answers = msgspec.json.Decoder(list[dict[str, Any]])
_done = msgspec.json.Decoder(Done)
_object = msgspec.json.Decoder(dict[str, Any])
_encode = msgspec.json.Encoder().encode

Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class EngineClient:
    """Keeps connections to one writer. ``patience_seconds``: how long an order is repeated."""

    def __init__(
        self,
        *,
        socket: Path | None = None,
        port: int = 0,
        token: str | None = None,
        patience_seconds: float = 10.0,
    ) -> None:
        self._socket = socket
        self._port = port
        self._patience = patience_seconds
        self._idle: deque[Wire] = deque()
        self._head = f"Authorization: Bearer {token}\r\n" if token else ""

    async def send(self, order: WireOrder) -> Done:
        """Book an order. Raises what it was refused for, Busy, or WriterUnreachable: its fate is unknown."""
        status, body = await self._request("POST", "/orders", _encode(order))
        if status == 200:
            return _done.decode(body)
        found = _object.decode(body)
        raise failure(Refused(found["slug"], found["detail"]))

    async def send_all(self, orders: Sequence[WireOrder]) -> list[Answer]:
        """Book orders that do not depend on each other; an answer for each. Raises as ``send``."""
        status, body = await self._request("POST", "/orders", _encode(orders))
        if status != 200:
            raise WriterUnreachable(_object.decode(body)["detail"])
        return [
            msgspec.convert(each, Done) if each["ok"] else msgspec.convert(each, Refused)
            for each in _answers.decode(body)
        ]

    async def open_account(
        self,
        kind: str,
        owner: str,
        currency: Currency,
        floor: int | None = None,
        ceiling: int | None = None,
    ) -> int:
        """The account's id; opened when there is none. Limits in minor units."""
        asked = {"kind": kind, "owner": owner, "currency": currency.code, "floor": floor, "ceiling": ceiling}
        status, body = await self._request("POST", "/accounts", _encode(asked))
        if status != 200:
            raise WriterUnreachable(_object.decode(body)["detail"])
        return int(_object.decode(body)["id"])

    async def get(self, path: str) -> dict[str, Any]:
        """What the writer says at a path. Raises WriterUnreachable."""
        return _object.decode((await self._request("GET", path, b""))[1])

    def close(self) -> None:
        """End every connection."""
        while self._idle:
            self._idle.pop()[1].close()

    async def _request(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """Repeat until somebody answers: the key makes a second time harmless."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    status, answer = await self._once(method, path, body)
                if status != 429:
                    return status, answer
                fault: Exception = Busy("Too many orders wait in the ledger; try again.")
            except (OSError, EOFError, asyncio.IncompleteReadError, TimeoutError):
                fault = WriterUnreachable("The ledger's writer does not answer; send the same order again.")
            if loop.time() + RETRY_SECONDS > deadline:
                raise fault
            await asyncio.sleep(RETRY_SECONDS)

    async def _once(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        reader, writer = self._idle.pop() if self._idle else await self._connect()
        try:
            head = (
                f"{method} {path} HTTP/1.1\r\nHost: ledger\r\n{self._head}Content-Length: {len(body)}\r\n\r\n"
            )
            writer.write(head.encode() + body)
            lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
            length = next(int(line[15:]) for line in lines if line.lower().startswith(b"content-length:"))
            answer = await reader.readexactly(length)
        except BaseException:
            writer.close()
            raise
        self._idle.append((reader, writer))
        return int(lines[0].split()[1]), answer

    async def _connect(self) -> Wire:
        if self._socket is not None:
            return await asyncio.open_unix_connection(str(self._socket), limit=4 << 20)
        return await asyncio.open_connection("127.0.0.1", self._port, limit=4 << 20)
