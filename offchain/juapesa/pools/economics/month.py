"""A month at one venue: people exchange, publishers sign, and whoever has a market outside trades too.

Those with a market outside (traders, the house's own treasury) look once a minute. They pay a cost there, and
trade against a venue exactly when that pays: it is they who bring a pool back to balance, and they who take
from it when its price is wrong. Costs and results are measured at the market's true price.
"""

from dataclasses import dataclass, field

from juapesa.pools.economics.market import MINUTES
from juapesa.pools.economics.scenarios import Plan, Scenario, Transfer
from juapesa.pools.economics.venues import Venue
from juapesa.pools.exact_model import E18, PPM

START = 1_790_000_000
PROBE_USDC = 5_000_000
LEAST_GAIN_USDC = 50_000  # below five cents nobody sends a transaction
TRADES_PER_MINUTE_MAX = 12
SIZES_USDC = tuple(PROBE_USDC * 3**step // 2**step for step in range(24))


@dataclass(slots=True)
class Books:
    """What was counted while a month was played."""

    costs_ppm: list[int] = field(default_factory=list)
    refused: int = 0
    volume_usdc: int = 0
    outside_volume_usdc: int = 0
    outside_gain_usdc: int = 0
    shock_usdc: int = 0  # what trades gave the providers in the day after the shock
    worth_usdc: list[int] = field(default_factory=list)  # at each midnight, against holding


@dataclass(frozen=True, slots=True)
class Result:
    """One scenario at one venue. Costs are ppm of what was brought, results ppm of the pool's first worth."""

    scenario: str
    venue: str
    source: str
    transfers: int
    refused: int
    cost_median_ppm: int
    cost_p95_ppm: int
    lp_against_holding_ppm: int
    lp_shock_ppm: int | None  # by trades in the day after the fall; None in a month without one
    volume_usdc: int
    outside_volume_usdc: int
    days_against_holding_ppm: tuple[int, ...]

    @property
    def refused_ppm(self) -> int:
        """The share of transfers that were refused."""
        return self.refused * PPM // self.transfers


def played(scenario: Scenario, venue: Venue, plan: Plan) -> Result:
    """A month; ``venue`` is used up by it."""
    return _Month(scenario, venue, plan).result()


class _Month:
    def __init__(self, scenario: Scenario, venue: Venue, plan: Plan) -> None:
        self._scenario, self._venue, self._plan = scenario, venue, plan
        self._books = Books()
        self._first = venue.owns()
        self._now, self._mid, self._minute = START, scenario.market.mids_e18[0], 0

    def result(self) -> Result:
        waiting = iter(self._scenario.transfers)
        next_one = next(waiting, None)
        for minute, mid in enumerate(self._scenario.market.mids_e18):
            self._minute, self._now, self._mid = minute, START + 60 * (minute + 1), mid
            self._venue.hears(self._now, self._scenario.market.signed_e18[minute])
            while next_one is not None and next_one.minute == minute:
                self._serve(next_one)
                next_one = next(waiting, None)
            self._trade_outside()
            if (minute + 1) % MINUTES == 0:
                self._books.worth_usdc.append(self._against_holding())
        return self._told()

    def _serve(self, transfer: Transfer) -> None:
        sell, value = transfer.sell, transfer.usdc
        amount = value * E18 // self._mid if sell else value
        out = self._venue.trade(self._now, amount, sell=sell)
        if out is None:
            self._books.refused += 1
            return
        worth = out if sell else out * self._mid // E18
        self._books.costs_ppm.append((value - worth) * PPM // value)
        self._books.volume_usdc += value
        self._count_shock(value - worth)

    def _trade_outside(self) -> None:
        for sell in (True, False):
            for _ in range(TRADES_PER_MINUTE_MAX):
                if self._gain(PROBE_USDC, sell=sell) <= 0:
                    break
                gain, usdc = max((self._gain(size, sell=sell), size) for size in SIZES_USDC)
                if gain < LEAST_GAIN_USDC:
                    break
                self._venue.trade(self._now, self._brought(usdc, sell=sell), sell=sell)
                self._books.outside_volume_usdc += usdc
                self._books.outside_gain_usdc += gain
                self._count_shock(-gain - self._outside_cost(usdc))

    def _gain(self, usdc: int, *, sell: bool) -> int:
        """What a trade of this worth earns against the market outside; -1 when it is refused."""
        out = self._venue.quote(self._now, self._brought(usdc, sell=sell), sell=sell)
        if out is None:
            return -1
        worth = out if sell else out * self._mid // E18
        return worth - usdc - self._outside_cost(usdc)

    def _brought(self, usdc: int, *, sell: bool) -> int:
        return usdc * E18 // self._mid if sell else usdc

    def _outside_cost(self, usdc: int) -> int:
        return usdc * self._plan.outside_cost_ppm // PPM

    def _count_shock(self, usdc: int) -> None:
        shock = self._scenario.shock_minute
        if shock is not None and shock <= self._minute < shock + MINUTES:
            self._books.shock_usdc += usdc

    def _against_holding(self) -> int:
        """What the providers' money is worth beyond what they brought, had it been left alone."""
        (token, usdc), (token_first, usdc_first) = self._venue.owns(), self._first
        return (token - token_first) * self._mid // E18 + usdc - usdc_first

    def _told(self) -> Result:
        books, scenario = self._books, self._scenario
        first = self._first[0] * scenario.market.mids_e18[0] // E18 + self._first[1]
        costs = sorted(books.costs_ppm)
        return Result(
            scenario=scenario.name,
            venue=self._venue.name,
            source=scenario.source,
            transfers=len(scenario.transfers),
            refused=books.refused,
            cost_median_ppm=_quantile(costs, 50),
            cost_p95_ppm=_quantile(costs, 95),
            lp_against_holding_ppm=books.worth_usdc[-1] * PPM // first,
            lp_shock_ppm=None if scenario.shock_minute is None else books.shock_usdc * PPM // first,
            volume_usdc=books.volume_usdc,
            outside_volume_usdc=books.outside_volume_usdc,
            days_against_holding_ppm=tuple(each * PPM // first for each in books.worth_usdc),
        )


def _quantile(ordered: list[int], percent: int) -> int:
    return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)] if ordered else 0
