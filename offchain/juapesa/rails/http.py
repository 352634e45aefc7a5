"""One HTTP exchange with an operator, where silence is an answer and not an exception."""

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx

from juapesa.rails import wire

# A request that waits here for a connection uses up its own time-out, and an operator that was never asked
# then counts as silent. So there are as many as a settler asks at once: 256 legs and 32 callbacks.
CONNECTIONS_MAX = 288
POOL_CONNECTIONS = 8
SILENCE = 0  # in the place of an HTTP status: nothing readable came back


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. ``status`` is SILENCE when nothing did; ``why`` then says how it was silent."""

    status: int
    body: Any = None
    why: str = ""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def text_at(self, *path: str) -> str:
        """A field of the body as text, "" when it is not there."""
        return wire.text_at(self.body, *path)


class _SmallPools(httpx.AsyncBaseTransport):
    """As many connections as one pool has, in several.

    At every request, and again at its end, httpcore looks at each connection of a pool, and at all of them
    for each that is idle: with hundreds in one pool that is most of what a request costs.
    """

    def __init__(self, connections_max: int) -> None:
        # An order sent on a connection that the other side is just closing would be UNKNOWN for nothing:
        # connections are dropped before common servers (5 s) drop them.
        limits = httpx.Limits(
            max_connections=POOL_CONNECTIONS, max_keepalive_connections=POOL_CONNECTIONS, keepalive_expiry=4
        )
        # Proxies of the environment are not for operators' credentials.
        context = httpx.create_ssl_context(trust_env=False)
        self._pools = [
            httpx.AsyncHTTPTransport(verify=context, trust_env=False, limits=limits)
            for _ in range(-(-connections_max // POOL_CONNECTIONS))
        ]
        self._busy = [0] * len(self._pools)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        number = self._busy.index(min(self._busy))  # the first such one: its connections are kept alive
        self._busy[number] += 1
        try:
            return await self._pools[number].handle_async_request(request)
        finally:
            self._busy[number] -= 1

    async def aclose(self) -> None:
        for pool in self._pools:
            await pool.aclose()


def new_client(connections_max: int = CONNECTIONS_MAX) -> httpx.AsyncClient:
    """A client for all rails of one process. Each request brings its own time-out, its wait included.

    Connections are kept for the next request: over TLS a new one costs more than what is sent on it.
    """
    # Redirects are no part of any rail.
    return httpx.AsyncClient(transport=_SmallPools(connections_max), trust_env=False, follow_redirects=False)


async def exchange(
    client: httpx.AsyncClient, method: str, url: str, *, timeout_seconds: float, **request: Any
) -> Reply:
    """Send one request and read the whole answer within ``timeout_seconds``. Never raises for the network.

    ``why`` of a silence: ``refused`` (no connection was made, nothing was sent), ``timeout``,
    or ``broken`` (the connection ended early).
    """
    try:
        async with asyncio.timeout(timeout_seconds):
            response = await client.request(method, url, timeout=timeout_seconds, **request)
    except (httpx.ConnectError, httpx.ConnectTimeout):
        return Reply(SILENCE, why="refused")
    except (TimeoutError, httpx.TimeoutException):
        return Reply(SILENCE, why="timeout")
    except httpx.HTTPError:
        return Reply(SILENCE, why="broken")
    return Reply(response.status_code, _read(response.content))


def _read(content: bytes) -> Any:
    """The decoded body; None when it is empty or no JSON (a gateway's HTML page, say)."""
    try:
        return wire.read_json(content) if content else None
    except wire.NotTheirFormat:
        return None
