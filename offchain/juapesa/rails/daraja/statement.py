"""Finding a collection in the operator's statement (Pull Transactions)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from juapesa.clock import Clock
from juapesa.config.settings import DarajaSettings
from juapesa.money import KES, Money
from juapesa.rails import wire
from juapesa.rails.daraja import client, orders

PAGE_LINES = 100
PAGES_MAX = 20
LOOK_BACK = timedelta(hours=6)  # the operator keeps 48 h


@dataclass(frozen=True, slots=True)
class Line:
    """One collection in the statement."""

    receipt: str
    amount: Money
    account: str


class Statement:
    """Reads the statement of the collection short code."""

    def __init__(self, api: client.DarajaClient, settings: DarajaSettings, clock: Clock) -> None:
        self._api = api
        self._settings = settings
        self._clock = clock

    async def register(self, nominated: str, callback_url: str) -> bool:
        """Open the service for our short code, once; whether it is open now. Raises NoToken."""
        body = orders.pull_registration(self._settings, nominated, callback_url)
        reply = await self._api.post(client.PULL_REGISTER, body)
        # 1000 registered, 1001 registered before.
        return reply.ok and reply.text_at("ResponseStatus") in {"1000", "1001"}

    async def find(self, reference: str) -> Line | None:
        """The collection ordered under our ``reference``; None when it is not there, or nobody answers.

        None proves nothing: lines appear late, and the service has to be registered for.
        Raises NoToken.
        """
        account = orders.account_reference(reference)
        now = self._clock.now()
        for page in range(PAGES_MAX):
            body = orders.pull_query(
                self._settings, now - LOOK_BACK, now + timedelta(minutes=1), page * PAGE_LINES
            )
            reply = await self._api.post(client.PULL, body)
            if not reply.ok:
                return None
            lines = list(_flat(wire.pick(reply.body, "Response")))
            found = next((line for each in lines if (line := _line(each)) and line.account == account), None)
            if found is not None or len(lines) < PAGE_LINES:
                return found
        return None


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
