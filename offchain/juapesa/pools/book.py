"""Prices for quotes: the pools as last seen on chain, computed exactly as the contract does."""

from dataclasses import dataclass

from juapesa.clock import Clock
from juapesa.db import UnitOfWork
from juapesa.errors import Unavailable
from juapesa.money import USDC, Currency, Money
from juapesa.pools import store
from juapesa.pools.model import PoolState, Refused, quote_exact_in


class NoPrice(Unavailable):
    """No fresh price, or not enough in the pool; the ``detail`` fits a USSD screen."""

    slug = "no-price"


@dataclass(frozen=True)
class Book:
    """Reads snapshots; asks nobody."""

    clock: Clock

    def exact_in(self, uow: UnitOfWork, amount: Money, to: Currency) -> Money:
        """What the pools give for ``amount`` of a token, through USDC where needed. Raises NoPrice."""
        dollars = amount if amount.currency == USDC else self._sell(uow, amount)
        return dollars if to == USDC else self._buy(uow, dollars, to)

    def _sell(self, uow: UnitOfWork, amount: Money) -> Money:
        return Money(self._quote(uow, amount.currency, amount.minor, sell=True), USDC)

    def _buy(self, uow: UnitOfWork, dollars: Money, to: Currency) -> Money:
        return Money(self._quote(uow, to, dollars.minor, sell=False), to)

    def _quote(self, uow: UnitOfWork, token: Currency, amount_in: int, *, sell: bool) -> int:
        snapshot = store.load(uow, token)
        if snapshot is None:
            raise NoPrice("There is no price yet. Try again in a minute.")
        try:
            return quote_exact_in(
                _state(snapshot), amount_in, sell=sell, now=int(self.clock.now().timestamp())
            )
        except Refused as refused:
            raise NoPrice(_DETAILS.get(refused.why, "There is no price now. Try again later.")) from None


_DETAILS = {
    "TradeTooLarge": "That is more than we can exchange at once. Enter a smaller amount.",
    "ReserveShort": "That is more than we can exchange now. Enter a smaller amount.",
    "BadAmount": "The amount is too small to exchange. Enter a larger amount.",
}


def _state(snapshot: store.Snapshot) -> PoolState:
    return PoolState(
        mid_e18=snapshot.mid_e18,
        observed_at=snapshot.observed_at,
        reserve_token=snapshot.reserve_token,
        reserve_usdc=snapshot.reserve_usdc,
        spread_ppm=snapshot.spread_ppm,
        max_share_ppm=snapshot.max_share_ppm,
        max_age_seconds=snapshot.max_age_seconds,
        sells_paused=snapshot.sells_paused,
        buys_paused=snapshot.buys_paused,
    )
