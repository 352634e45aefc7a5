"""The last word: do the books balance, and do ledger, operators, chain and attestations agree?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from juapesa.demo.stories import Told
from juapesa.demo.world import World
from juapesa.money import Money, currency

FAILED_SHARE_MAX = 0.005
P95_SECONDS_MAX = 15.0
NOTHING_ANCHORED = "nothing is anchored yet"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `jua demo --json` prints, and whether all of it holds."""

    answer: dict[str, Any]
    ok: bool


async def judge(world: World, told: Sequence[Told], traffic: Sequence[Told]) -> Verdict:
    """Ask the API, the operators and the chain, and compare."""
    figures = await world.get("API", "/api/transparency")
    audit = await world.audit()
    floats = {
        "cKES": (await world.get("DARAJA", "/_sandbox/state"))["float"],
        "cNGN": (await world.get("MOMO", "/_sandbox/state"))["float"],
    }
    names = {each["address"].lower(): code for code, each in world.deployment()["tokens"].items()}
    audited = {names.get(each["token"].lower(), ""): each["supply"] for each in audit["tokens"]}
    ours = {each["token"]: each for each in figures["tokens"]}
    covered = all(_covers(code, ours[code], floats[code]) for code in floats)
    seconds = [each for story in (*told, *traffic) for each in story.confirm_seconds]
    p95 = percentile(seconds, 95)
    failed = sum(not each.ok for each in traffic) / len(traffic) if traffic else 0.0
    answer: dict[str, Any] = {
        "chain": world.network,
        "stories": [
            {
                "name": each.name,
                "ok": each.ok,
                "seconds": round(each.seconds, 2),
                "receipt": each.receipt,
                "steps": each.steps,
            }
            for each in told
        ],
        "p50_confirm_to_receipt_seconds": round(percentile(seconds, 50), 2),
        "p95_confirm_to_receipt_seconds": round(p95, 2),
        "failed_share": round(failed, 4),
        "books_balanced": bool(figures["books_balanced"]),
        "supply_matches": bool(audit["ok"])
        and all(_same_supply(audited, code, ours[code]["supply"]) for code in ours),
        "custody_covers": bool(audit["ok"]) and covered,
        "attestations": audit["entries"],
        "anchors": _anchors(audit),
    }
    holds = (
        all(each.ok for each in told)
        and answer["books_balanced"]
        and answer["supply_matches"]
        and answer["custody_covers"]
        and answer["anchors"] != NOTHING_ANCHORED
        and p95 < P95_SECONDS_MAX
        and failed < FAILED_SHARE_MAX
    )
    return Verdict(answer, holds)


def _anchors(audit: dict[str, Any]) -> str:
    """What the auditor found in the topic, whose faults are faults of the audit; what is there, in words."""
    said = audit.get("anchors")
    if said is None:
        return "this network has no consensus service"
    if not said["checkpoints"] + said["heads"]:
        return NOTHING_ANCHORED
    return (
        f"{said['checkpoints']} checkpoints of the log and {said['heads']} ledger heads"
        f" in topic {said['topic']}, {'verified' if audit['ok'] else 'NOT verified'}"
    )


def percentile(values: Sequence[float], share: int) -> float:
    """Nearest rank; 0 of nothing."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * share / 100) - 1, 0)] if ordered else 0.0


def _covers(code: str, ours: dict[str, str], float_held: str) -> bool:
    """What the operator really holds, what our books say it holds, and what was issued against it."""
    token = currency(code)
    local = currency(code.removeprefix("c"))
    held = Money.parse(float_held, local)
    booked, supply = Money.parse(ours["custody"], local), Money.parse(ours["supply"], token)
    return held == booked and supply <= held.rescaled_down(token)


def _same_supply(audited: dict[str, int], code: str, mirrored: str) -> bool:
    """The chain's own total, as the auditor found it, and our mirror of it."""
    return audited.get(code) == Money.parse(mirrored, currency(code)).minor
