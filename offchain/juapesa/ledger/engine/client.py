"""How our processes talk to the writer: an order goes out until it is answered, always with its key."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from juapesa.ledger.engine.orders import Answer, Done, Refused, WireOrder, failure
from juapesa.ledger.engine.pipe import Pipe, Response
from juapesa.ledger.errors import Busy, WriterUnreachable
from juapesa.money import Currency

RETRY_SECONDS = 0.02  # to the next attempt while no writer listens: one is back in a tenth of a second
BUSY_SECONDS = 0.1
SILENCE_SECONDS = 5.0  # a full queue is worked off in less
IN_FLIGHT_MAX = 1_024
_answers = msgspec.json.Decoder(list[dict[str, Any]])
_done = msgspec.json.Decoder(Done)
_object = msgspec.json.Decoder(dict[str, Any])
_encode = msgspec.json.Encoder().encode


class EngineClient:
    """One connection to one writer, for any number of callers in an event loop; none waits for another.

    ``patience_seconds``: how long an order is repeated. ``silence_seconds``: when a writer owes answers and
    says nothing for so long, all that are under way are sent again, perhaps to its successor.
    """

    def __init__(
        self,
        *,
        socket: Path | None = None,
        port: int = 0,
        token: str | None = None,
        patience_seconds: float = 10.0,
        silence_seconds: float = SILENCE_SECONDS,
        in_flight_max: int = IN_FLIGHT_MAX,
    ) -> None:
        self._socket = socket
        self._port = port
        self._patience = patience_seconds
        self._silence = silence_seconds
        self._room = asyncio.Semaphore(in_flight_max)
        self._connecting = asyncio.Lock()
        self._pipe: Pipe | None = None
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

    async def forward(self, body: bytes) -> Response:
        """Hand on orders as they are, and the answer, also when that is 429. Raises WriterUnreachable."""
        return await self._request("POST", "/orders", body, insists=False)

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
        """End the connection."""
        if self._pipe is not None:
            self._pipe.close()

    async def _request(self, method: str, path: str, body: bytes, *, insists: bool = True) -> Response:
        """Repeat until somebody answers: the key makes a second time harmless."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience
        request = (
            f"{method} {path} HTTP/1.1\r\nHost: ledger\r\n{self._head}Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body
        while True:
            try:
                async with self._room, asyncio.timeout_at(deadline):
                    pipe = self._pipe
                    if pipe is None or pipe.broken:
                        pipe = await self._connected()
                    status, answer = await pipe.ask(request)
                if status != 429 or not insists:
                    return status, answer
                fault: Exception = Busy("Too many orders wait in the ledger; try again.")
                pause = BUSY_SECONDS
            except (OSError, TimeoutError):
                fault = WriterUnreachable("The ledger's writer does not answer; send the same order again.")
                pause = RETRY_SECONDS
            if loop.time() + pause > deadline:
                raise fault
            await asyncio.sleep(pause)

    async def _connected(self) -> Pipe:
        """The connection, made anew when it is broken; those who need it meanwhile wait for the same one."""
        async with self._connecting:
            if self._pipe is None or self._pipe.broken:
                self._pipe = await self._connect()
            return self._pipe

    async def _connect(self) -> Pipe:
        loop = asyncio.get_running_loop()
        if self._socket is not None:
            made = await loop.create_unix_connection(lambda: Pipe(self._silence), str(self._socket))
        else:
            made = await loop.create_connection(lambda: Pipe(self._silence), "127.0.0.1", self._port)
        return made[1]
