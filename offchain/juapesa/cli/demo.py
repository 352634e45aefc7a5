"""The canonical stories, through the HTTP ports of a house of its own."""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from juapesa.config.settings import LOCAL_NETWORK, OWN_NETWORKS, SANDBOX_NETWORK
from juapesa.demo import traffic as traffic_stories
from juapesa.demo.handset import UnexpectedScreen
from juapesa.demo.stories import DISRUPTIVE, STORIES, Teller, Told
from juapesa.demo.verdict import Verdict, judge
from juapesa.demo.world import Report, world

# The watcher may be a block behind; on Hedera the mirror six seconds, when a payment may have ended already.
SHOWN_SECONDS = {LOCAL_NETWORK: 3.0, SANDBOX_NETWORK: 9.0}


def demo(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    traffic: Annotated[
        Path | None, typer.Option(help="CSV of an operator's hourly aggregates; adds the traffic story.")
    ] = None,
    hour: Annotated[int, typer.Option(min=0, max=23, help="The hour of day to draw from.")] = 12,
    count: Annotated[int, typer.Option(min=1, max=5_000, help="How many transfers.")] = 300,
    per_second: Annotated[
        float | None,
        typer.Option(min=0.01, help="So many transfers begin each second; else twelve are under way."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Draws the same traffic again.")] = 789,
    network: Annotated[
        str, typer.Option(help="The house's chain: hedera-local, or hedera-sandbox with lag and faults.")
    ] = LOCAL_NETWORK,
    only: Annotated[str, typer.Option(help="Only stories whose name contains this.")] = "",
) -> None:
    """Tell the stories: receipts, timelines and a last word on books, chain and custody.

    Brings up an empty house on free ports and takes it down again. Progress goes to standard
    error. Exit status 0 only when every story came out right and everything agrees.
    """
    actions = traffic_stories.read_actions(traffic, hour) if traffic else []
    if network not in OWN_NETWORKS:
        raise typer.BadParameter(f"a house of its own runs on {' or '.join(OWN_NETWORKS)}")
    verdict = asyncio.run(_tell(Report(), network, only, actions, count, seed, per_second))
    if as_json:
        print(json.dumps(verdict.answer))
    else:
        _print(verdict)
    sys.exit(0 if verdict.ok else 1)


async def _tell(
    report: Report,
    network: str,
    only: str,
    actions: list[traffic_stories.Action],
    count: int,
    seed: int,
    per_second: float | None,
) -> Verdict:
    async with world(report, network) as house:
        report(f"the chain: {await house.trouble()}")
        teller = Teller(house)
        chosen = [name for name, _ in STORIES if only in name]
        # Side by side, but for the one that kills what the others use.
        quiet = [_one(teller, name, report) for name in chosen if name not in DISRUPTIVE]
        told = list(await asyncio.gather(*quiet))
        told += [await _one(teller, name, report) for name in chosen if name in DISRUPTIVE]
        crowd: list[Told] = []
        if actions:
            report(f"traffic: {count} transfers, seed {seed}")
            crowd = await traffic_stories.run(teller, actions, count, seed, report, per_second)
            for failed in (each for each in crowd if not each.ok):
                report(f"failed: {failed.name} {failed.receipt} {failed.steps}")
        report("the last word: books, chain, custody")
        await asyncio.sleep(SHOWN_SECONDS[network])
        return await judge(house, told, crowd)


async def _one(teller: Teller, name: str, report: Report) -> Told:
    told, story = Told(name), dict(STORIES)[name]
    began = time.monotonic()
    try:
        await story(teller, told)
        told.ok = True
    except UnexpectedScreen as failed:
        told.steps.append(failed.detail)
    told.seconds = time.monotonic() - began
    report(f"{'ok    ' if told.ok else 'FAILED'} {name} ({told.seconds:.1f} s) {told.receipt}")
    if not told.ok:
        report("       " + told.steps[-1])
    return told


def _print(verdict: Verdict) -> None:
    for story in verdict.answer["stories"]:
        print(f"{'ok    ' if story['ok'] else 'FAILED'} {story['name']}: {story['seconds']} s")
        for line in story["steps"]:
            print(f"         {line}")
    for name in (
        "chain",
        "p50_confirm_to_receipt_seconds",
        "p95_confirm_to_receipt_seconds",
        "failed_share",
        "books_balanced",
        "supply_matches",
        "custody_covers",
        "attestations",
        "anchors",
    ):
        print(f"{name}: {verdict.answer[name]}")
