"""One HTTP exchange with an operator, where silence is an answer and not an exception."""

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx

from juapesa.rails import wire

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


def new_client(connections_max: int = 40) -> httpx.AsyncClient:
    """A client for all rails of one process. Each request brings its own time-out, its wait included."""
    # An order sent on a connection that the other side is just closing would be UNKNOWN for nothing:
    # connections are dropped before common servers (5 s) drop them.
    limits = httpx.Limits(max_connections=connections_max, max_keepalive_connections=10, keepalive_expiry=4)
    # Proxies of the environment are not for operators' credentials; redirects are no part of any rail.
    return httpx.AsyncClient(limits=limits, trust_env=False, follow_redirects=False)


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
