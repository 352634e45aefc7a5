"""A bad line to PostgreSQL: a TCP proxy that delays, trickles, breaks or falls silent on demand.

It reads the messages that pass (PostgreSQL's frontend/backend protocol 3.0, "Message Formats"), so that
it can strike exactly where a commit is in doubt. Connections must not be encrypted; ``url`` says so.
"""

import asyncio
import struct
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo

DELAY_SECONDS = 0.1
TRICKLE_BYTES = 128
TRICKLE_SECONDS = 0.002
CHUNK_BYTES = 64 * 1024
START_SECONDS_MAX = 10.0

Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Fault(StrEnum):
    """What the line does. All but the first two happen once, at the next commit that passes."""

    DELAY = "delay"  # every answer is late
    SLOW = "slow"  # bytes trickle, both ways
    CUT_BEFORE = "cut-before"  # broken before the server hears COMMIT
    CUT_SENT = "cut-sent"  # broken right after COMMIT was sent
    CUT_ANSWERED = "cut-answered"  # the server has committed; the client never hears it
    SILENT = "silent"  # half-open before COMMIT: both ends stand, nothing passes any more
    SILENT_ANSWERED = "silent-answered"  # half-open after the server has committed


LASTING = frozenset({Fault.DELAY, Fault.SLOW})
STRIKES = tuple(fault for fault in Fault if fault not in LASTING)
_ON_ITS_WAY = frozenset({Fault.CUT_BEFORE, Fault.CUT_SENT, Fault.SILENT})
_ON_ITS_WAY_BACK = frozenset({Fault.CUT_ANSWERED, Fault.SILENT_ANSWERED})
_SILENT = frozenset({Fault.SILENT, Fault.SILENT_ANSWERED})


@dataclass
class Frames:
    """Cuts a stream into whole messages; ``startup``: the first one has no type byte."""

    startup: bool
    _rest: bytes = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The messages that are complete now, as they stood on the wire."""
        self._rest += data
        while True:
            head = 0 if self.startup else 1
            if len(self._rest) < head + 4:
                return
            end = head + int(struct.unpack_from(">i", self._rest, head)[0])
            if len(self._rest) < end:
                return
            message, self._rest = self._rest[:end], self._rest[end:]
            self.startup = False
            yield message


def orders_commit(message: bytes) -> bool:
    """Whether the server commits on reading this: the end of a COPY in a batch, or a plain COMMIT."""
    kind = message[:1]
    return kind == b"c" or (kind == b"Q" and b"COMMIT" in message and b"COPY " not in message)


def tells_commit(message: bytes) -> bool:
    """Whether the server says that it has committed."""
    return message[:1] == b"C" and message[5:12] == b"COMMIT\0"


class Broken(Exception):
    """The line is cut."""


@dataclass
class FaultyLine:
    """Listens on loopback and passes everything on to the server of ``server_url``. A context manager."""

    server_url: str
    port: int = 0
    struck: threading.Event = field(default_factory=threading.Event)
    _fault: Fault | None = None
    _links: "list[_Link]" = field(default_factory=list)

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="line", daemon=True)
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", self.port))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        """The server's conninfo, by way of this line."""
        return make_conninfo(
            self.server_url, host="127.0.0.1", port=str(self.port), sslmode="disable", gssencmode="disable"
        )

    def strike(self, fault: Fault) -> None:
        """From now on (delay, slow) or at the next commit (all others); ``struck`` tells when."""
        self.struck.clear()
        self._fault = fault

    def heal(self) -> None:
        """Nothing more happens. Connections that fell silent stay so."""
        self._fault = None

    def silence(self) -> None:
        """Every connection that stands falls silent at once, and stays so."""
        for link in self._links:
            link.silent = True

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        waiting: Future[Any] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return waiting.result(START_SECONDS_MAX)

    async def _end(self) -> None:
        self._server.close()
        for link in self._links:
            for pump in link.pumps:
                pump.cancel()
        serving = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server = await self._connect()
        except OSError:  # the server is down: so is the line
            writer.transport.abort()
            return
        link = _Link(self)
        self._links.append(link)
        link.pumps = pumps = [
            asyncio.create_task(link.to_server(reader, server[1])),
            asyncio.create_task(link.to_client(server[0], writer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            server[1].close()
            writer.transport.abort()

    async def _connect(self) -> Wire:
        parts = conninfo_to_dict(self.server_url)
        host, port = str(parts["host"]), str(parts.get("port") or "5432")
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, int(port))

    def take(self, wanted: frozenset[Fault]) -> Fault | None:
        """The fault that strikes now, if it is one of these; it strikes once."""
        fault = self._fault
        if fault is None or fault not in wanted:
            return None
        self._fault = None
        self.struck.set()
        return fault

    def lasting(self) -> Fault | None:
        """What lies on the line all the time now."""
        return self._fault if self._fault in LASTING else None


@dataclass
class _Link:
    """One connection through the line."""

    line: FaultyLine
    silent: bool = False
    pumps: list[asyncio.Task[None]] = field(default_factory=list)
    _never: asyncio.Future[None] | None = None  # held here: what nobody holds is collected while it waits

    async def to_server(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        frames = Frames(startup=True)
        while data := await source.read(CHUNK_BYTES):
            for message in frames.feed(data):
                struck = self.line.take(_ON_ITS_WAY) if orders_commit(message) else None
                if struck is not None and struck is not Fault.CUT_SENT:
                    await self._end_here(struck)
                await self._pass(sink, message)
                if struck is not None:
                    await self._end_here(struck)
        await self._hold_if_silent()

    async def to_client(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        frames = Frames(startup=False)
        while data := await source.read(CHUNK_BYTES):
            if self.line.lasting() is Fault.DELAY:
                await asyncio.sleep(DELAY_SECONDS)
            for message in frames.feed(data):
                struck = self.line.take(_ON_ITS_WAY_BACK) if tells_commit(message) else None
                if struck is not None:
                    await self._end_here(struck)
                await self._pass(sink, message)
        await self._hold_if_silent()

    async def _pass(self, sink: asyncio.StreamWriter, message: bytes) -> None:
        await self._hold_if_silent()
        if self.line.lasting() is not Fault.SLOW:
            sink.write(message)
            await sink.drain()
            return
        for place in range(0, len(message), TRICKLE_BYTES):
            sink.write(message[place : place + TRICKLE_BYTES])
            await sink.drain()
            await asyncio.sleep(TRICKLE_SECONDS)

    async def _end_here(self, struck: Fault) -> None:
        """Break, or never pass anything on again, in either direction."""
        self.silent = struck in _SILENT
        await self._hold_if_silent()
        raise Broken

    async def _hold_if_silent(self) -> None:
        """A connection that fell silent does not even say that its other end is gone."""
        if self.silent:
            if self._never is None:
                self._never = asyncio.get_running_loop().create_future()
            await self._never
