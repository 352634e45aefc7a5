"""Where a transfer can be exchanged: our pool, and the two kinds of pool it is measured against.

All begin with the same money. Amounts are base units; a venue that refuses answers None.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from juapesa.pools import exact_model
from juapesa.pools.economics.planned import PlannedPool
from juapesa.pools.exact_model import E18, PPM, Levels, Pool, Refused, Reserves
from juapesa.pools.price_model import KeptPrice, agreed, updated
from juapesa.pools.whole_pool import WholePool

PRODUCT_FEE_PPM = 3_000


class Venue(Protocol):
    """A place of exchange between the token and USDC."""

    name: str

    def hears(self, now: int, signed_e18: Sequence[int]) -> None:
        """The publishers' newest prices, observed a minute before ``now``."""
        ...

    def quote(self, now: int, amount_in: int, *, sell: bool) -> int | None:
        """What a trade would pay."""
        ...

    def trade(self, now: int, amount_in: int, *, sell: bool) -> int | None:
        """Makes it; what it paid."""
        ...

    def owns(self) -> tuple[int, int]:
        """All that is the providers': token, and USDC with fees and pot."""
        ...


class OurPool:
    """The exact model with its oracle, the house the only provider."""

    name = "jua pesa"

    def __init__(self, planned: PlannedPool, token: int, usdc: int, now: int, mid_e18: int) -> None:
        self._kept = KeptPrice(mid_e18, 0, now, planned.max_step_ppm, planned.sources_min)
        self.pool = WholePool(
            planned.settings, self._kept.price(), Reserves(token, usdc), Levels(touched_at=now)
        )
        self._seen: Pool | None = None  # as it trades this minute; a quote changes nothing

    def hears(self, now: int, signed_e18: Sequence[int]) -> None:
        price = updated(self._kept, agreed(signed_e18, now - 60), now)
        self._kept = replace(
            self._kept, mid_e18=price.mid_e18, doubt_ppm=price.doubt_ppm, observed_at=price.observed_at
        )
        self.pool.price, self._seen = price, None

    def quote(self, now: int, amount_in: int, *, sell: bool) -> int | None:
        pool = self._seen = self._seen or self.pool.at(now)
        try:
            asked = exact_model.sell_exact_in if sell else exact_model.buy_exact_in
            return asked(pool, amount_in).amount_out
        except Refused:
            return None

    def trade(self, now: int, amount_in: int, *, sell: bool) -> int | None:
        self._seen = None
        try:
            made = self.pool.sell if sell else self.pool.buy
            return made(now, amount_in).amount_out
        except Refused:
            return None

    def owns(self) -> tuple[int, int]:
        return self.pool.reserves.token, self.pool.held_usdc


@dataclass
class ConstantSum:
    """The publishers' median ± our half-spread, no skew, no limits: trades until a side is empty."""

    spread_ppm: int
    token: int
    usdc: int
    mid_e18: int
    name: str = "constant sum"

    def hears(self, now: int, signed_e18: Sequence[int]) -> None:  # noqa: ARG002 - it knows no age
        self.mid_e18 = agreed(signed_e18, 0).mid_e18

    def quote(self, now: int, amount_in: int, *, sell: bool) -> int | None:  # noqa: ARG002
        kept = PPM - self.spread_ppm
        value = amount_in * self.mid_e18 // E18 if sell else amount_in * E18 // self.mid_e18
        out = value * kept // PPM
        return out if 0 < out <= (self.usdc if sell else self.token) else None

    def trade(self, now: int, amount_in: int, *, sell: bool) -> int | None:
        out = self.quote(now, amount_in, sell=sell)
        if out is not None:
            self.token += amount_in if sell else -out
            self.usdc += -out if sell else amount_in
        return out

    def owns(self) -> tuple[int, int]:
        return self.token, self.usdc


@dataclass
class ConstantProduct:
    """x × y = k with 30 bps of fee; knows no oracle."""

    token: int
    usdc: int
    name: str = "constant product"

    def hears(self, now: int, signed_e18: Sequence[int]) -> None:
        """It does not listen."""

    def quote(self, now: int, amount_in: int, *, sell: bool) -> int | None:  # noqa: ARG002
        into, out_of = (self.token, self.usdc) if sell else (self.usdc, self.token)
        net = amount_in * (PPM - PRODUCT_FEE_PPM)
        return net * out_of // (into * PPM + net) or None

    def trade(self, now: int, amount_in: int, *, sell: bool) -> int | None:
        out = self.quote(now, amount_in, sell=sell)
        if out is not None:
            self.token += amount_in if sell else -out
            self.usdc += -out if sell else amount_in
        return out

    def owns(self) -> tuple[int, int]:
        return self.token, self.usdc
