"""A trade from one currency to another: through one pool, or through USDC and two. Pure.

What the contract's ``quoteExactIn`` and ``quoteExactOut`` say, with what each pool takes on the way.
"""

from collections.abc import Callable
from dataclasses import dataclass

from juapesa.money import USDC, Currency, Money
from juapesa.pools import exact_model as model
from juapesa.pools.exact_model import E18, PPM, Fill, Pool, Refusal, Refused

# The pool of a local token against USDC, as it trades now.
PoolOf = Callable[[Currency], Pool]


@dataclass(frozen=True, slots=True)
class Hop:
    """One pool's part: the pool before it, and what it makes of it."""

    token: Currency
    pool: Pool
    fill: Fill


@dataclass(frozen=True, slots=True)
class Quoted:
    """What is given, what is got for it, and the way between."""

    give: Money
    get: Money
    hops: tuple[Hop, ...]

    def cost_ppm_up(self) -> int:
        """What the trade costs against all mids on its way, in millionths of what they would give."""
        worth = self.give.minor * E18
        for hop in self.hops:
            worth = worth * hop.pool.mid_e18 // E18 if hop.fill.sell else worth * E18 // hop.pool.mid_e18
        return -((self.get.minor * E18 - worth) * PPM // worth)


def exact_in(pool_of: PoolOf, give: Money, to: Currency) -> Quoted:
    """What ``give`` buys. Raises Refused."""
    _check_pair(give.currency, to)
    hops: list[Hop] = []
    amount = give.minor
    if give.currency != USDC:
        hops.append(_hop(pool_of, give.currency, amount, model.sell_exact_in))
        amount = hops[-1].fill.amount_out
    if to != USDC:
        hops.append(_hop(pool_of, to, amount, model.buy_exact_in))
        amount = hops[-1].fill.amount_out
    return Quoted(give, Money(amount, to), tuple(hops))


def exact_out(pool_of: PoolOf, get: Money, give: Currency) -> Quoted:
    """What ``get`` costs. Raises Refused."""
    _check_pair(give, get.currency)
    hops: list[Hop] = []
    amount = get.minor
    if get.currency != USDC:
        hops.append(_hop(pool_of, get.currency, amount, model.buy_exact_out))
        amount = hops[-1].fill.amount_in
    if give != USDC:
        hops.append(_hop(pool_of, give, amount, model.sell_exact_out))
        amount = hops[-1].fill.amount_in
    return Quoted(Money(amount, give), get, tuple(reversed(hops)))


def _hop(pool_of: PoolOf, token: Currency, amount: int, trade: Callable[[Pool, int], Fill]) -> Hop:
    pool = pool_of(token)
    return Hop(token, pool, trade(pool, amount))


def _check_pair(give: Currency, get: Currency) -> None:
    if give == get:
        raise Refused(Refusal.UNKNOWN_POOL)
