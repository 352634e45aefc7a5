"""Our pool beside its rivals over all scenarios, and the goals it is held to."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from juapesa.pools.economics.month import START, Result, played
from juapesa.pools.economics.planned import PlannedPool
from juapesa.pools.economics.scenarios import Plan, Scenario, scenarios
from juapesa.pools.economics.venues import ConstantProduct, ConstantSum, OurPool, Venue
from juapesa.pools.exact_model import E18

REFUSED_PPM_MAX, COST_MEDIAN_PPM_MAX, SHOCK_LOSS_PPM_MAX = 5_000, 2_000, 16_000


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound, and what was measured against it, in ppm."""

    what: str
    measured_ppm: int
    most_ppm: int
    in_bps: bool = False  # how it is told

    @property
    def met(self) -> bool:
        """Whether the measure keeps the bound."""
        return self.measured_ppm <= self.most_ppm


def compared(plan: Plan, pool: PlannedPool, say: Callable[[str], None]) -> list[Result]:
    """Every scenario at every venue. Raises ValueError for too short a series."""
    results = []
    for scenario in scenarios(plan):
        say(f"{scenario.name}: {scenario.source}")
        results += [played(scenario, venue, plan) for venue in _venues(scenario, plan, pool)]
    return results


def goals(results: list[Result]) -> list[Goal]:
    """Of our pool, the worst month of each measure; the fall's loss by both ways of counting it."""
    ours = [each for each in results if each.venue == OurPool.name]
    refused = max(ours, key=lambda each: each.refused_ppm)
    dear = max(ours, key=lambda each: each.cost_median_ppm)
    fallen = [each for each in ours if each.lp_shock_ppm is not None]
    by_trades = max(-(each.lp_shock_ppm or 0) for each in fallen)
    by_holding = max(-each.lp_against_holding_ppm for each in fallen)
    return [
        Goal(f"refused, worst month ({refused.scenario})", refused.refused_ppm, REFUSED_PPM_MAX),
        Goal(
            f"cost, median, worst month ({dear.scenario})",
            dear.cost_median_ppm,
            COST_MEDIAN_PPM_MAX,
            in_bps=True,
        ),
        Goal("providers' loss by trades in the day after the fall", by_trades, SHOCK_LOSS_PPM_MAX),
        Goal("providers' loss over the fall's month, against holding", by_holding, SHOCK_LOSS_PPM_MAX),
    ]


def _venues(scenario: Scenario, plan: Plan, pool: PlannedPool) -> Iterator[Venue]:
    mid = scenario.market.mids_e18[0]
    usdc = plan.pool_usdc // 2
    token = usdc * E18 // mid
    yield OurPool(pool, token, usdc, START, mid)
    yield ConstantSum(pool.settings.spread_ppm, token, usdc, mid)
    yield ConstantProduct(token, usdc)
