"""What is played: six months that differ in price, direction and trouble."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from juapesa.pools.economics.market import MINUTES, Market, minutes, read_months, synthetic_months

# Shares of a day's transfers by the hour, in thousandths: quiet nights, a peak at noon and one after work.
HOURS = (8, 5, 4, 4, 6, 14, 30, 45, 55, 60, 62, 64, 66, 64, 60, 58, 60, 66, 70, 66, 54, 40, 25, 14)
BLIND_MINUTES = 60
LEFT_PPM = 800_000  # a fall of a fifth


@dataclass(frozen=True, slots=True)
class Plan:
    """A month's size. Money in USDC base units."""

    days: int = 30
    seed: int = 1
    transfers_per_day: int = 300
    median_usdc: int = 25_000_000
    pool_usdc: int = 50_000_000_000
    outside_cost_ppm: int = 1_000
    series: Path | None = None


@dataclass(frozen=True, slots=True)
class Transfer:
    """Somebody exchanges: the token for USDC (``sell``) or USDC for the token."""

    minute: int
    sell: bool
    usdc: int


@dataclass(frozen=True, slots=True)
class Scenario:
    """One month to play. ``shock_minute`` is when the price falls, if it does."""

    name: str
    source: str
    market: Market
    transfers: tuple[Transfer, ...]
    shock_minute: int | None = None


def scenarios(plan: Plan) -> list[Scenario]:
    """The six months; the same plan gives the same ones. Raises ValueError for too short a series."""
    calm, rough = (
        read_months(plan.series, plan.days) if plan.series else synthetic_months(plan.seed, plan.days)
    )
    shock_minute = plan.days * MINUTES // 2
    quiet = minutes(calm, plan.seed, None)
    fallen = minutes(calm, plan.seed, (shock_minute, LEFT_PPM, BLIND_MINUTES))
    return [
        Scenario("calm", calm.source, quiet, transfers(plan, 500)),
        Scenario("rough", rough.source, minutes(rough, plan.seed, None), transfers(plan, 500)),
        Scenario("devaluation", calm.source, fallen, transfers(plan, 500), shock_minute),
        Scenario("70/30", calm.source, quiet, transfers(plan, 700)),
        Scenario("all sell", calm.source, quiet, transfers(plan, 1_000)),
        Scenario("all buy", calm.source, quiet, transfers(plan, 0)),
    ]


def transfers(plan: Plan, sells_per_mille: int) -> tuple[Transfer, ...]:
    """A month's transfers: log-normal amounts, the hours of a working day."""
    draw = random.Random(f"{plan.seed} transfers")  # noqa: S311 - a simulation replays
    made = [_transfer(draw, plan, sells_per_mille) for _ in range(plan.days * plan.transfers_per_day)]
    return tuple(sorted(made, key=lambda each: each.minute))


def _transfer(draw: random.Random, plan: Plan, sells_per_mille: int) -> Transfer:
    minute = draw.randrange(plan.days) * MINUTES + _hour(draw, HOURS) * 60 + draw.randrange(60)
    thousandths = round(draw.lognormvariate(0, 1) * 1_000)
    return Transfer(
        minute,
        sell=draw.randrange(1_000) < sells_per_mille,
        usdc=max(plan.median_usdc * thousandths // 1_000, 1_000_000),
    )


def _hour(draw: random.Random, weights: Sequence[int]) -> int:
    return draw.choices(range(24), weights)[0]
