"""`jua pools simulate`: a month of transfers, arbitrage and trouble on the exact model of the pools."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from juapesa.cli.pools.common import AsJson
from juapesa.errors import InvalidInput

if TYPE_CHECKING:
    from juapesa.pools.economics.month import Result


def simulate(
    *,
    series: Annotated[
        Path | None,
        typer.Option(
            help="daily rates of the Central Bank of Kenya (CSV: Date, Mean); a seeded walk without"
        ),
    ] = None,
    network: Annotated[Path, typer.Option(help="the network's file: its pool is played")] = Path(
        "deployments/networks/hedera-testnet.toml"
    ),
    token: Annotated[str, typer.Option(help="which of its pools")] = "cKES",  # noqa: S107 - a currency
    days: Annotated[int, typer.Option(min=2, max=365, help="days of each month")] = 30,
    seed: Annotated[int, typer.Option(help="the same seed plays the same months")] = 1,
    outside_ppm: Annotated[
        int, typer.Option(min=0, max=50_000, help="what a trade costs on the market outside, in millionths")
    ] = 1_000,
    out: Annotated[
        Path | None, typer.Option(help="a folder for economics.svg and economics-table.md")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Play six months at our pool and at two rivals; exit 1 when a goal is missed."""
    from juapesa.pools.economics import report  # noqa: PLC0415 - keeps `jua --help` quick
    from juapesa.pools.economics.compare import compared, goals  # noqa: PLC0415
    from juapesa.pools.economics.planned import planned_pool  # noqa: PLC0415
    from juapesa.pools.economics.scenarios import Plan  # noqa: PLC0415

    plan = Plan(days=days, seed=seed, outside_cost_ppm=outside_ppm, series=series)
    try:
        pool = planned_pool(network, token)
        results = compared(plan, pool, _say)
    except (OSError, ValueError, KeyError) as unreadable:
        raise InvalidInput(f"The series or the network's file cannot be used: {unreadable}") from None
    reached = goals(results)
    if out:
        _keep(out, results)
    if as_json:
        sys.stdout.write(json.dumps(report.as_json(results, reached, pool)) + "\n")
    else:
        sys.stdout.write("\n".join(report.lines(results, reached)) + "\n")
    if not all(each.met for each in reached):
        raise typer.Exit(1)


def _keep(folder: Path, results: "list[Result]") -> None:
    from juapesa.pools.economics import picture, report  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "economics.svg").write_text(picture.drawn(results), encoding="utf-8")
    (folder / "economics-table.md").write_text(report.markdown(results), encoding="utf-8")


def _say(step: str) -> None:
    sys.stderr.write(f"{step} …\n")
