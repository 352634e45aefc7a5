"""A tiny HTTP listener for answers that an operator posts back to an attester.

It serves exactly two things: ``GET /health`` and ``POST /results/{kind}/{ticket}``; anything else is
404. Written on asyncio's streams because a web framework would double an attester's memory.
"""

import asyncio
import re
from collections.abc import Callable

from juapesa.errors import InvalidInput

BODY_BYTES_MAX = 64 * 1024
HEAD_BYTES_MAX = 8 * 1024
READ_SECONDS_MAX = 10.0

Feed = Callable[[str, str, bytes], bool]

_REQUEST = re.compile(rb"(GET|POST|PUT) (/[\x21-\x7e]*) HTTP/1\.[01]")
_LENGTH = re.compile(rb"(?im)^content-length:[ \t]*([0-9]{1,6})[ \t]*\r?$")
_RESULT = re.compile(r"/results/([a-z]{1,16})/([0-9a-f]{32})")


class Listener:
    """Listens on loopback; one request a connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._feed: Feed | None = None
        self._server: asyncio.Server | None = None

    def result_url(self, kind: str, ticket: str) -> str:
        """Where the operator is to post the answer to one question."""
        return f"http://127.0.0.1:{self._port}/results/{kind}/{ticket}"

    async def start(self, feed: Feed) -> None:
        """Begin; every answer goes to ``feed(kind, ticket, body)``."""
        self._feed = feed
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port, limit=HEAD_BYTES_MAX)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(READ_SECONDS_MAX):
                status = await self._answer(reader)
            body = b'{"ResultCode":"0","ResultDesc":"Accepted"}' if status == 200 else b"{}"
            head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
            await writer.drain()
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return  # the caller went away or sent no HTTP; there is nobody to answer
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> int:
        head = await reader.readuntil(b"\r\n\r\n")
        request, length = _REQUEST.match(head), _LENGTH.search(head)
        if request is None:
            return 400
        method, path = request[1], request[2].decode()
        if method == b"GET":
            return 200 if path == "/health" else 404
        size = int(length[1]) if length else 0
        if size > BODY_BYTES_MAX:
            return 413
        body = await reader.readexactly(size)
        found = _RESULT.fullmatch(path)
        if found is None or self._feed is None:
            return 404
        try:
            return 200 if self._feed(found[1], found[2], body) else 404
        except InvalidInput:
            return 400
