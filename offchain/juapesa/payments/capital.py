"""The house's own money: booked once as capital, and put into the pools through the front door.

The pools' first cKES and cNGN are minted like everybody else's: against a statement by the
attesters that custody covers them. The dollars beside them are the hub's from the deployment.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from juapesa.config import CapitalSettings
from juapesa.db import UnitOfWork
from juapesa.issuance.domain import Orders
from juapesa.issuance.errors import UnknownItem
from juapesa.issuance.service import Issuance, capital_order, liquidity_order
from juapesa.ledger import AccountKind, Ledger, Transfer
from juapesa.money import USDC, Currency, Money, token_of

TRIES_MAX = 100


@dataclass(frozen=True)
class Capital:
    """Opens the books of a new house. Every step is harmless when repeated."""

    ledger: Ledger
    issuance: Issuance
    settings: CapitalSettings
    floats: dict[Currency, str]  # the rail that holds each currency's custody

    def open(self, uow: UnitOfWork) -> None:
        """Book the opening floats and order the pools' first liquidity."""
        for currency, rail in self.floats.items():
            self._book(uow, currency, rail)
        held = {currency: self._held(uow, currency, rail) for currency, rail in self.floats.items()}
        for currency, rail in self.floats.items():
            self._order(uow, currency, rail, held)

    def _book(self, uow: UnitOfWork, currency: Currency, rail: str) -> None:
        amount = Money(self.settings.float_minor[rail], currency)
        custody = self.ledger.account(uow, AccountKind.FLOAT, rail, currency)
        capital = self.ledger.account(uow, AccountKind.CAPITAL, "", currency)
        self.ledger.post(uow, f"opening/{rail}", [Transfer(custody, capital, amount, "opening")])

    def _held(self, uow: UnitOfWork, currency: Currency, rail: str) -> Money:
        account = self.ledger.account(uow, AccountKind.FLOAT, rail, currency)
        return self.ledger.balance(uow, account).available

    def _order(self, uow: UnitOfWork, currency: Currency, rail: str, held: dict[Currency, Money]) -> None:
        token = token_of(currency)
        pool = Money.whole(self.settings.pool_whole[token.code], token)
        hub = Money.whole(self.settings.hub_whole[token.code], token)
        dollars = Money.whole(self.settings.pool_usdc_whole[token.code], USDC)
        self._try(uow, lambda attempt: capital_order(pool + hub, rail, attempt), held)
        self._try(uow, lambda attempt: liquidity_order(pool, dollars, attempt), held)

    def _try(
        self,
        uow: UnitOfWork,
        order: Callable[[int], tuple[uuid.UUID, Orders]],
        held: dict[Currency, Money],
    ) -> None:
        """Order it again if every attempt before has failed."""
        for attempt in range(1, TRIES_MAX):
            item_id, orders = order(attempt)
            try:
                state = self.issuance.item(uow, item_id).state
            except UnknownItem:
                self.issuance.order(uow, item_id, orders, held)
                return
            if state != "failed":
                return
