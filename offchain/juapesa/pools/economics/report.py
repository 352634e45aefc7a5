"""What a comparison says: as JSON, as lines for a terminal, as a table for a page."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from juapesa.pools.economics.compare import Goal
from juapesa.pools.economics.month import Result
from juapesa.pools.economics.planned import PlannedPool

HEAD = ("month", "venue", "refused", "cost, median", "cost, 95 %", "against holding", "the fall's day")


def as_json(results: Sequence[Result], goals: Sequence[Goal], pool: PlannedPool) -> dict[str, Any]:
    """Everything; shares and costs in ppm, money in USDC base units."""
    return {
        "pool": asdict(pool),
        "results": [asdict(each) | {"refused_ppm": each.refused_ppm} for each in results],
        "goals": [asdict(each) | {"met": each.met} for each in goals],
    }


def lines(results: Sequence[Result], goals: Sequence[Goal]) -> list[str]:
    """A table in columns, then each goal."""
    rows = [HEAD, *(_row(each) for each in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    table = [
        "  ".join(
            cell.ljust(width) if at < 2 else cell.rjust(width) for at, cell, width in _cells(row, widths)
        )
        for row in rows
    ]
    return [*table, "", *(told(each) for each in goals)]


def markdown(results: Sequence[Result]) -> str:
    """The same table as a page shows it."""
    rows = ["| " + " | ".join(HEAD) + " |", "|---|---|---:|---:|---:|---:|---:|"]
    return "\n".join([*rows, *("| " + " | ".join(_row(each)) + " |" for each in results)]) + "\n"


def told(goal: Goal) -> str:
    """A goal in a sentence."""
    verdict, unit = "met" if goal.met else "MISSED", bps if goal.in_bps else percent
    return f"{goal.what}: {unit(goal.measured_ppm)}, goal {unit(goal.most_ppm)}: {verdict}"


def percent(ppm: int) -> str:
    """Two decimals, a true minus."""
    return f"{'−' if ppm < 0 else ''}{abs(ppm) // 10_000}.{abs(ppm) % 10_000 // 100:02} %"


def bps(ppm: int) -> str:
    """One decimal."""
    return f"{'−' if ppm < 0 else ''}{abs(ppm) // 100}.{abs(ppm) % 100 // 10} bps"


def _row(result: Result) -> tuple[str, ...]:
    return (
        result.scenario,
        result.venue,
        percent(result.refused_ppm),
        bps(result.cost_median_ppm),
        bps(result.cost_p95_ppm),
        percent(result.lp_against_holding_ppm),
        "" if result.lp_shock_ppm is None else percent(result.lp_shock_ppm),
    )


def _cells(row: Sequence[str], widths: Sequence[int]) -> list[tuple[int, str, int]]:
    return [(at, cell, widths[at]) for at, cell in enumerate(row)]
