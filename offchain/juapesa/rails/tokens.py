"""Access tokens of operators, fetched once and shared.

Daraja invalidates a token when it issues the next one, so every process that uses one pair of
credentials must use one token. A ``TokenStore`` sees to it; ``rails.token_table`` keeps it in
PostgreSQL for our own processes, the one here in memory for a process with its own credentials.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from juapesa.clock import Clock
from juapesa.errors import Unavailable

EXPIRY_MARGIN_SECONDS = 60  # a token this close to its end is not used for a new request


class NoToken(Unavailable):
    """The operator gave no access token: nothing was ordered."""

    slug = "no-operator-token"


@dataclass(frozen=True, slots=True)
class FreshToken:
    """A token as the operator gave it, with its life in seconds."""

    value: str
    expires_in_seconds: int

    def __repr__(self) -> str:
        return f"FreshToken(expires_in_seconds={self.expires_in_seconds})"

    def usable_until(self, now: datetime) -> datetime:
        """The last instant at which a request may start with it."""
        return now + timedelta(seconds=max(self.expires_in_seconds - EXPIRY_MARGIN_SECONDS, 1))


Fetch = Callable[[], Awaitable[FreshToken]]


class TokenStore(Protocol):
    """Holds one token per name."""

    async def get(self, name: str, fetch: Fetch, refused: str | None = None) -> str:
        """A token believed valid; ``fetch`` runs at most once at a time per name.

        ``refused`` is a token that the operator has just refused: the store answers with
        another one, which may already have been fetched by somebody else.
        Raises what ``fetch`` raises (NoToken).
        """
        ...


class MemoryTokens:
    """Tokens of this process alone."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[str, tuple[str, datetime]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def get(self, name: str, fetch: Fetch, refused: str | None = None) -> str:
        async with self._locks.setdefault(name, asyncio.Lock()):
            value, until = self._held.get(name, ("", self._clock.now()))
            if value and value != refused and self._clock.now() < until:
                return value
            fresh = await fetch()
            self._held[name] = (fresh.value, fresh.usable_until(self._clock.now()))
            return fresh.value
