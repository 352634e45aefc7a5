"""Our pool beside its rivals over all scenarios, and the goals it is held to."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from juapesa.pools.economics.month import START, Result, played
from juapesa.pools.economics.scenarios import Plan, Scenario, scenarios
from juapesa.pools.economics.venues import ConstantProduct, ConstantSum, OurPool, Venue
from juapesa.pools.exact_model import E18, Settings

# The settings that came out of playing thirty days of the real series; hour and day are what bounds a loss.
DEFAULT = Settings(
    spread_ppm=400,
    age_ppm_per_minute=100,
    fresh_seconds=60,
    max_age_seconds=900,
    max_doubt_ppm=20_000,
    skew_ppm=40_000,
    heal_ppm=1_000_000,
    target_ppm=500_000,
    hour_ppm=30_000,
    day_ppm=100_000,
    buffer_ppm=100_000,
)
REFUSED_PPM_MAX, COST_MEDIAN_PPM_MAX, SHOCK_LOSS_PPM_MAX = 5_000, 2_000, 16_000


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound, and what was measured against it, in ppm."""

    what: str
    measured_ppm: int
    most_ppm: int

    @property
    def met(self) -> bool:
        """Whether the measure keeps the bound."""
        return self.measured_ppm <= self.most_ppm


def compared(plan: Plan, settings: Settings, say: Callable[[str], None]) -> list[Result]:
    """Every scenario at every venue. Raises ValueError for too short a series."""
    results = []
    for scenario in scenarios(plan):
        say(f"{scenario.name}: {scenario.source}")
        results += [played(scenario, venue, plan) for venue in _venues(scenario, plan, settings)]
    return results


def goals(results: list[Result]) -> list[Goal]:
    """Of our pool, the worst scenario of each measure."""
    ours = [each for each in results if each.venue == OurPool.name]
    refused = max(ours, key=lambda each: each.refused_ppm)
    dear = max(ours, key=lambda each: each.cost_median_ppm)
    shock = max(-min(each.lp_shock_ppm, each.lp_against_holding_ppm) for each in ours if each.lp_shock_ppm)
    return [
        Goal(f"refused, worst scenario ({refused.scenario})", refused.refused_ppm, REFUSED_PPM_MAX),
        Goal(f"cost, median, worst scenario ({dear.scenario})", dear.cost_median_ppm, COST_MEDIAN_PPM_MAX),
        Goal("providers' loss by a fall of a fifth and an hour's blindness", shock, SHOCK_LOSS_PPM_MAX),
    ]


def _venues(scenario: Scenario, plan: Plan, settings: Settings) -> Iterator[Venue]:
    mid = scenario.market.mids_e18[0]
    usdc = plan.pool_usdc // 2
    token = usdc * E18 // mid
    yield OurPool(settings, token, usdc, START, mid)
    yield ConstantSum(settings.spread_ppm, token, usdc, mid)
    yield ConstantProduct(token, usdc)
