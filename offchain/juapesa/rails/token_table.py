"""The access token shared by all our processes, sealed in PostgreSQL.

Refreshing takes three steps, so that nobody asks the world inside a transaction: claim the
refresh under the row's lock; ask the operator; store the answer. A claim ends by itself, so a
process that dies between two steps holds nobody up for longer than ``CLAIM_SECONDS``.

A process keeps what it has seen in memory. When another has fetched a token since, the operator refuses the
one before, and the table has the new one.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Protocol

from juapesa.clock import Clock
from juapesa.db import Database, UnitOfWork
from juapesa.rails.tokens import Fetch, FreshToken, NoToken

CLAIM_SECONDS = 20
WAIT_SECONDS = 0.05
WAIT_SECONDS_MAX = 30.0


class Sealing(Protocol):
    """What this needs of ``juapesa.crypto.Sealer``."""

    def seal(self, plain: bytes, context: str, /) -> bytes: ...

    def open(self, sealed: bytes, context: str, /) -> bytes: ...


class TableTokens:
    """A TokenStore in the table ``rails.token``."""

    def __init__(self, database: Database, sealer: Sealing, clock: Clock) -> None:
        self._database = database
        self._sealer = sealer
        self._clock = clock
        self._seen: dict[str, tuple[str, datetime]] = {}  # token and until when it is usable, by name

    async def get(self, name: str, fetch: Fetch, refused: str | None = None) -> str:
        value, until = self._seen.get(name, (None, self._clock.now()))
        if value is not None and value != refused and self._clock.now() < until:
            return value
        waited = 0.0
        while waited < WAIT_SECONDS_MAX:
            held, claim = await asyncio.to_thread(self._read_or_claim, name, refused)
            if held is not None:
                return held
            if claim is not None:
                return await self._refresh(name, claim, fetch)
            await asyncio.sleep(WAIT_SECONDS)
            waited += WAIT_SECONDS
        raise NoToken("Another process has been fetching the operator's token for too long.")

    async def _refresh(self, name: str, claim: int, fetch: Fetch) -> str:
        try:
            fresh = await fetch()
        except BaseException:
            await asyncio.to_thread(self._give_up, name, claim)
            raise
        await asyncio.to_thread(self._store, name, claim, fresh)
        self._seen[name] = fresh.value, fresh.usable_until(self._clock.now())
        return fresh.value

    def _read_or_claim(self, name: str, refused: str | None) -> tuple[str | None, int | None]:
        """(token, None), or (None, number of the claim we now hold), or (None, None): wait."""
        now = self._clock.now()
        with self._database.unit_of_work() as uow:
            uow.execute("INSERT INTO rails.token (name) VALUES (%s) ON CONFLICT DO NOTHING", (name,))
            row = uow.one(
                "SELECT sealed, usable_until, claimed_until FROM rails.token WHERE name = %s FOR UPDATE",
                (name,),
            )
            assert row is not None, "the row was just inserted"
            held = self._held(name, row["sealed"], row["usable_until"], now)
            if held is not None and held != refused:
                self._seen[name] = held, row["usable_until"]
                return held, None
            if row["claimed_until"] is not None and row["claimed_until"] > now:
                return None, None
            return None, self._claim(uow, name, now)

    def _held(self, name: str, sealed: bytes | None, until: datetime | None, now: datetime) -> str | None:
        if sealed is None or until is None or until <= now:
            return None
        return self._sealer.open(bytes(sealed), _context(name)).decode()

    def _claim(self, uow: UnitOfWork, name: str, now: datetime) -> int:
        row = uow.one(
            "UPDATE rails.token SET claim = claim + 1, claimed_until = %s WHERE name = %s RETURNING claim",
            (now + timedelta(seconds=CLAIM_SECONDS), name),
        )
        assert row is not None, "the row is locked by this transaction"
        return int(row["claim"])

    def _store(self, name: str, claim: int, fresh: FreshToken) -> None:
        # A claim that was taken over stores nothing: the later token has made this one invalid.
        with self._database.unit_of_work() as uow:
            uow.execute(
                "UPDATE rails.token SET sealed = %s, usable_until = %s, claimed_until = NULL"
                " WHERE name = %s AND claim = %s",
                (
                    self._sealer.seal(fresh.value.encode(), _context(name)),
                    fresh.usable_until(self._clock.now()),
                    name,
                    claim,
                ),
            )

    def _give_up(self, name: str, claim: int) -> None:
        with self._database.unit_of_work() as uow:
            uow.execute(
                "UPDATE rails.token SET claimed_until = NULL WHERE name = %s AND claim = %s", (name, claim)
            )


def _context(name: str) -> str:
    return f"rails.token/{name}"
