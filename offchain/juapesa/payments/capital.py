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
from juapesa.ledger import AccountKind, KeyReused, Ledger, Transfer
from juapesa.money import USDC, Currency, Money, token_of
from juapesa.payments.operator_errors import FloatBooked

ORDERS_MAX = 100  # of one kind, failed ones with them


@dataclass(frozen=True)
class Capital:
    """Opens the books of a new house. Every step is harmless when repeated."""

    ledger: Ledger
    issuance: Issuance
    settings: CapitalSettings
    floats: dict[Currency, str]  # the rail that holds each currency's custody

    def open(self, uow: UnitOfWork) -> None:
        """Book the opening floats and order the pools' liquidity: the first, and what settings have grown by.

        Raises FloatBooked.
        """
        for currency, rail in self.floats.items():
            self._book(uow, currency, rail)
        held = {currency: self._held(uow, currency, rail) for currency, rail in self.floats.items()}
        for currency, rail in self.floats.items():
            self._order(uow, currency, rail, held)

    def _book(self, uow: UnitOfWork, currency: Currency, rail: str) -> None:
        amount = Money(self.settings.float_minor[rail], currency)
        custody = self.ledger.account(uow, AccountKind.FLOAT, rail, currency)
        capital = self.ledger.account(uow, AccountKind.CAPITAL, "", currency)
        try:
            self.ledger.post(uow, f"opening/{rail}", [Transfer(custody, capital, amount, "opening")])
        except KeyReused:
            raise FloatBooked(
                f"The opening float of {rail} is on record with another amount; set float_minor back to it."
            ) from None

    def _held(self, uow: UnitOfWork, currency: Currency, rail: str) -> Money:
        account = self.ledger.account(uow, AccountKind.FLOAT, rail, currency)
        return self.ledger.balance(uow, account).available

    def _order(self, uow: UnitOfWork, currency: Currency, rail: str, held: dict[Currency, Money]) -> None:
        token = token_of(currency)
        pool = Money.whole(self.settings.pool_whole[token.code], token)
        hub = Money.whole(self.settings.hub_whole[token.code], token)
        dollars = Money.whole(self.settings.pool_usdc_whole[token.code], USDC)
        self._order_missing(uow, [pool + hub], lambda new, n: capital_order(new[0], rail, n), held)
        self._order_missing(uow, [pool, dollars], lambda new, n: liquidity_order(new[0], new[1], n), held)

    def _order_missing(
        self,
        uow: UnitOfWork,
        wanted: list[Money],
        order: Callable[[list[Money], int], tuple[uuid.UUID, Orders]],
        held: dict[Currency, Money],
    ) -> None:
        """Order what is wanted beyond earlier orders that have not failed, if of everything something is."""
        missing = wanted
        for number in range(1, ORDERS_MAX):
            item_id, orders = order(missing, number)
            try:
                earlier = self.issuance.item(uow, item_id)
            except UnknownItem:
                self.issuance.order(uow, item_id, orders, held)
                return
            if earlier.state != "failed":
                ordered = _amounts(earlier.orders)
                missing = [want - had for want, had in zip(missing, ordered, strict=True)]
            if not all(each.minor > 0 for each in missing):
                return


def _amounts(orders: Orders) -> list[Money]:
    """What an order of capital, or of liquidity, is about."""
    if orders.provide is not None:
        return [orders.provide.token, orders.provide.usdc]
    assert orders.mint is not None, "capital is minted"
    return [orders.mint.amount]
