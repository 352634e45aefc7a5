"""Prices for quotes: the pools as last seen on chain, computed exactly as the contract does."""

from dataclasses import dataclass

from juapesa.clock import Clock
from juapesa.db import UnitOfWork
from juapesa.money import Currency, Money
from juapesa.pools import routes, store
from juapesa.pools.errors import NoPrice, refusal
from juapesa.pools.exact_model import Pool, Refused, pool_at
from juapesa.pools.routes import Quoted


@dataclass(frozen=True)
class Book:
    """Reads snapshots; asks nobody. Every failure's ``detail`` fits a USSD screen (errors.py)."""

    clock: Clock

    def exact_in(self, uow: UnitOfWork, amount: Money, to: Currency) -> Money:
        """What the pools give for ``amount`` of a token, through USDC where needed. Raises Unavailable."""
        return self.route_in(uow, amount, to).get

    def exact_out(self, uow: UnitOfWork, wanted: Money, give: Currency) -> Money:
        """What ``wanted`` of a token costs in another. Raises Unavailable."""
        return self.route_out(uow, wanted, give).give

    def route_in(self, uow: UnitOfWork, amount: Money, to: Currency) -> Quoted:
        """``exact_in`` with what each pool on the way takes. Raises Unavailable."""
        try:
            return routes.exact_in(lambda token: self._pool(uow, token), amount, to)
        except Refused as refused:
            raise refusal(refused.why) from None

    def route_out(self, uow: UnitOfWork, wanted: Money, give: Currency) -> Quoted:
        """``exact_out`` with what each pool on the way takes. Raises Unavailable."""
        try:
            return routes.exact_out(lambda token: self._pool(uow, token), wanted, give)
        except Refused as refused:
            raise refusal(refused.why) from None

    def _pool(self, uow: UnitOfWork, token: Currency) -> Pool:
        snapshot = store.load(uow, token)
        if snapshot is None:
            raise NoPrice("There is no price yet. Try again in a minute.")
        now, state = int(self.clock.now().timestamp()), snapshot.state
        return pool_at(now, state.settings, snapshot.price_at(now), state.reserves, state.levels)
