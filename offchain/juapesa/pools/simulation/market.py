"""What the world outside does: a market price for each minute, and what three publishers sign of it.

Daily closes come from a file of the Central Bank of Kenya's published rates (columns Date as day/month/year,
Mean as shillings for a dollar) or from a seeded walk. Minutes between two closes are a Brownian bridge of the
month's own volatility. Prices are USDC per token × 10^18.
"""

import csv
import math
import random
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from juapesa.pools.exact_model import E18, PPM

MINUTES = 1_440
NANO = 10**9
SOURCE_NOISE_PPM = 100  # how far one publisher's price is from the market's, one deviation
FIRST_YEAR = 1999
SPIKE = 0.05  # a day this far from both its neighbours, on one side, is a slip of the pen
START_E18 = E18 * 100 // 12_950
CALM_DAILY, ROUGH_DAILY = 0.002, 0.015  # deviations of a day's return where there is no file


@dataclass(frozen=True, slots=True)
class Month:
    """Daily closes, one more than days, and where they are from."""

    closes_e18: tuple[int, ...]
    source: str

    @property
    def daily_deviation(self) -> float:
        """The root mean square of a day's return."""
        return _deviation(self.closes_e18)


@dataclass(frozen=True, slots=True)
class Market:
    """Minute by minute: the true price, and what the publishers sign, a minute old."""

    mids_e18: tuple[int, ...]
    signed_e18: tuple[tuple[int, ...], ...]


def read_months(file: Path, days: int) -> tuple[Month, Month]:
    """The month of median volatility and the most volatile one. Raises ValueError for too short a file."""
    closes = _closes(file)
    if len(closes) <= days:
        raise ValueError(f"{file.name} holds {len(closes)} days, {days + 1} are needed")
    windows = [closes[start : start + days + 1] for start in range(len(closes) - days)]
    ranked = sorted(windows, key=lambda window: (_deviation([each[1] for each in window]), window[0][0]))
    return _named(ranked[len(ranked) // 2]), _named(ranked[-1])


def synthetic_months(seed: int, days: int) -> tuple[Month, Month]:
    """A calm and a rough walk."""
    return _walk(seed, days, CALM_DAILY, "calm"), _walk(seed, days, ROUGH_DAILY, "rough")


def minutes(month: Month, seed: int, shock: tuple[int, int, int] | None) -> Market:
    """A month by the minute. A shock is (minute, ppm that is left of the price, minutes the publishers are
    blind): they go on signing the old price, the worst they can do without lying."""
    draw = random.Random(f"{seed} minutes")  # noqa: S311 - a simulation replays
    spread = round(month.daily_deviation * NANO)
    path: list[int] = []
    for begin, end in pairwise(month.closes_e18):
        bridge = _bridge(draw, spread)
        path += [
            (begin * (MINUTES - at) + end * at) // MINUTES * (NANO + bridge[at]) // NANO
            for at in range(MINUTES)
        ]
    seen = path[:1] + path[:-1]
    if shock:
        at, left_ppm, blind = shock
        seen = [mid * left_ppm // PPM if minute >= at + blind else mid for minute, mid in enumerate(seen)]
        path = [mid * left_ppm // PPM if minute >= at else mid for minute, mid in enumerate(path)]
    signed = tuple(tuple(_blurred(draw, mid) for _ in range(3)) for mid in seen)
    return Market(tuple(path), signed)


def _closes(file: Path) -> list[tuple[date, int]]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        read = [(_day(row["Date"]), E18 * 10**6 // _micro(row["Mean"])) for row in csv.DictReader(lines)]
    # The file dates an unknown day 1970, and holds one Sunday seventeen times at another day's rate.
    closes = sorted({day: mid for day, mid in read if day.year > FIRST_YEAR}.items())
    inner = zip(closes, closes[1:], closes[2:], strict=False)
    kept = [day for before, day, after in inner if not _spike(before[1], day[1], after[1])]
    return [closes[0], *kept, closes[-1]]


def _day(text: str) -> date:
    return datetime.strptime(text, "%d/%m/%Y").date()  # noqa: DTZ007 - a day, not a moment


def _micro(rate: str) -> int:
    return int(Decimal(rate) * PPM)


def _spike(before: int, mid: int, after: int) -> bool:
    one, other = mid / before - 1, mid / after - 1
    return abs(one) > SPIKE and abs(other) > SPIKE and (one > 0) == (other > 0)


def _named(window: list[tuple[date, int]]) -> Month:
    return Month(tuple(mid for _, mid in window), f"CBK {window[0][0]} to {window[-1][0]}")


def _walk(seed: int, days: int, deviation: float, name: str) -> Month:
    draw, closes = random.Random(f"{seed} {name}"), [START_E18]  # noqa: S311 - a simulation replays
    for _ in range(days):
        closes.append(closes[-1] * (NANO + round(draw.gauss(0, deviation) * NANO)) // NANO)
    return Month(tuple(closes), f"synthetic, seed {seed}, {name}")


def _bridge(draw: random.Random, deviation_nano: int) -> list[int]:
    """A day's walk that ends where it began."""
    walk = [0]
    for _ in range(MINUTES):
        walk.append(walk[-1] + round(draw.gauss(0, deviation_nano) / math.sqrt(MINUTES)))
    return [at - walk[-1] * minute // MINUTES for minute, at in enumerate(walk)]


def _blurred(draw: random.Random, mid: int) -> int:
    return mid * (PPM + round(draw.gauss(0, SOURCE_NOISE_PPM))) // PPM


def _deviation(closes: list[int] | tuple[int, ...]) -> float:
    returns = [math.log(after / before) for before, after in pairwise(closes)]
    return math.sqrt(sum(each * each for each in returns) / len(returns))
