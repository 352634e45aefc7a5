"""Finding a collection in the operator's statement (Pull Transactions).

The statement is a list in pages, and cannot be asked for one line. So it is followed: a reading goes on where
the one before ended, and serves all who ask while the one before is under way. What has been read is kept a
while by its account number.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from juapesa.clock import Clock
from juapesa.config.settings import DarajaSettings
from juapesa.money import KES, Money
from juapesa.rails import wire
from juapesa.rails.daraja import client, orders

PAGE_LINES = 100
PAGES_MAX = 20
LOOK_BACK = timedelta(hours=6)  # the operator keeps 48 h
# Lines are counted from a fixed time, first from as far back as we look at all. One that appears late among
# older ones shifts the count, so it is begun anew from time to time, a little back.
FOLLOWED = timedelta(hours=1)
OVERLAP = timedelta(minutes=5)
LINES_KEPT_MAX = 20_000


@dataclass(frozen=True, slots=True)
class Line:
    """One collection in the statement."""

    receipt: str
    amount: Money
    account: str


class Statement:
    """Reads the statement of the collection short code. Use within one event loop."""

    def __init__(self, api: client.DarajaClient, settings: DarajaSettings, clock: Clock) -> None:
        self._api = api
        self._settings = settings
        self._clock = clock
        self._kept: dict[str, Line] = {}  # by account number, oldest first
        self._begun: datetime | None = None
        self._since = clock.now()
        self._counted = 0  # lines since then that have been read
        self._readings = 0  # that have begun
        self._reading = asyncio.Lock()

    async def register(self, nominated: str, callback_url: str) -> bool:
        """Open the service for our short code, once; whether it is open now. Raises NoToken."""
        body = orders.pull_registration(self._settings, nominated, callback_url)
        reply = await self._api.post(client.PULL_REGISTER, body)
        # 1000 registered, 1001 registered before.
        return reply.ok and reply.text_at("ResponseStatus") in {"1000", "1001"}

    async def find(self, reference: str) -> Line | None:
        """The collection ordered under our ``reference``, if it is among the latest; None proves nothing.

        For details of a collection that is known to have succeeded. Lines appear late, and the service
        has to be registered for. Raises NoToken.
        """
        account = orders.account_reference(reference)
        if account not in self._kept:
            await self._read_on()
        return self._kept.get(account)

    async def look_back(self, reference: str) -> Line | None:
        """As ``find``, but afresh and hours back, if there are not too many lines. None proves nothing.

        For an order whose answer was lost, and for whoever believes only what is there now. Raises NoToken.
        """
        account = orders.account_reference(reference)
        since = self._clock.now() - LOOK_BACK
        for page in range(PAGES_MAX):
            lines = await self._page(since, page * PAGE_LINES)
            found = next((line for line in lines if line is not None and line.account == account), None)
            if found is not None or len(lines) < PAGE_LINES:
                return found
        return None

    async def _read_on(self) -> None:
        """Read what is new since whoever asked has asked; all who ask meanwhile share the next reading."""
        wanted = self._readings + 1
        async with self._reading:
            if self._readings < wanted:
                self._readings = wanted
                await self._read_new()

    async def _read_new(self) -> None:
        now = self._clock.now()
        if self._begun is None or now - self._begun > FOLLOWED:
            self._since, self._counted = now - (LOOK_BACK if self._begun is None else OVERLAP), 0
            self._begun = now
        for _ in range(PAGES_MAX):
            lines = await self._page(self._since, self._counted)
            self._counted += len(lines)
            self._kept |= {line.account: line for line in lines if line is not None}
            if len(lines) < PAGE_LINES:
                break
        for oldest in list(self._kept)[: max(0, len(self._kept) - LINES_KEPT_MAX)]:
            del self._kept[oldest]

    async def _page(self, since: datetime, offset: int) -> list[Line | None]:
        """The lines of a page, None for what is none; empty when nobody answers. Raises NoToken."""
        until = self._clock.now() + timedelta(minutes=1)
        reply = await self._api.post(client.PULL, orders.pull_query(self._settings, since, until, offset))
        return [_line(each) for each in _flat(wire.pick(reply.body, "Response"))] if reply.ok else []


def _flat(value: Any) -> Iterator[Any]:
    """The page shows a list; lists within a list have been seen."""
    for each in wire.as_list(value):
        if isinstance(each, list):
            yield from _flat(each)
        else:
            yield each


def _line(item: Any) -> Line | None:
    receipt = wire.text_at(item, "transactionId")
    moved = wire.amount(wire.pick(item, "amount"), KES)
    account = wire.text_at(item, "billreference").upper()
    return Line(receipt, moved, account) if receipt and moved is not None and account else None
