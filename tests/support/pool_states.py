"""Pools as the watcher would have seen them."""

from dataclasses import replace
from typing import Any

from juapesa.money import Currency
from juapesa.pools.exact_model import E18, Levels, Reserves, Settings
from juapesa.pools.price_model import KeptPrice, agreed
from juapesa.pools.reader import PoolState
from juapesa.pools.store import Snapshot

SIDE_USDC = 250_000_000_000

SETTINGS = Settings(
    spread_ppm=800,
    age_ppm_per_minute=100,
    fresh_seconds=60,
    max_age_seconds=86_400,
    max_doubt_ppm=20_000,
    skew_ppm=20_000,
    heal_ppm=900_000,
    target_ppm=500_000,
    hour_ppm=1_000_000,
    day_ppm=1_000_000,
    buffer_ppm=100_000,
)


def pool_snapshot(token: Currency, mid_e18: int, at: int, **changes: Any) -> Snapshot:
    """A pool in balance, a quarter of a million dollars on each side, its price agreed at ``at``."""
    state = PoolState(
        kept=KeptPrice(mid_e18, 0, at - 2, 20_000, 3),
        settings=replace(SETTINGS, **changes),
        reserves=Reserves(SIDE_USDC * E18 // mid_e18, SIDE_USDC),
        levels=Levels(touched_at=at - 2),
    )
    return Snapshot(token, 1, state, agreed([mid_e18] * 3, at))
