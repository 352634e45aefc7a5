"""A pool as a network's file plans it: what is played is what is deployed."""

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

from juapesa.pools.exact_model import Settings


@dataclass(frozen=True, slots=True)
class PlannedPool:
    """The table ``[pools.TOKEN]``: the pool's settings and its price's."""

    settings: Settings
    max_step_ppm: int
    sources_min: int


def planned_pool(file: Path, token: str) -> PlannedPool:
    """Raises OSError, ValueError for what is no such file, KeyError for what it lacks."""
    table = tomllib.loads(file.read_text(encoding="utf-8"))["pools"][token]
    planned = [each.name for each in fields(Settings) if each.type is int]
    settings = Settings(**{name: table[name] for name in planned})
    return PlannedPool(settings, table["max_step_ppm"], table["sources_min"])
