"""Traffic like a real operator's: types and amounts drawn from hourly aggregates.

The file has the columns action, month, day, hour, count, sum, avg, std, step (PaySim's parameters,
from an African operator's logs). An action's share of the hour is its count's; an amount is drawn
from the log-normal distribution with that hour's mean and deviation, scaled to our currencies and
cut at our limits.
"""

import asyncio
import csv
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from juapesa.demo.handset import Handset, UnexpectedScreen
from juapesa.demo.stories import Teller, Told, order, send_answers
from juapesa.demo.world import Report
from juapesa.errors import InvalidInput

AT_ONCE = 12
UNITS_PER_SHILLING = 150  # the operator's currency is not named; its mean cash-in becomes about 1,000 KES
KES_MIN, KES_MAX = 50, 12_000
NAIRA_PER_SHILLING = 11


class NotAggregates(InvalidInput):
    """The file is not one of hourly aggregates, or lacks the hour."""

    slug = "not-aggregates"


@dataclass(frozen=True, slots=True)
class Action:
    """One row of the hour: how often, and how large."""

    name: str
    count: int
    average: float
    deviation: float

    def draw_kes(self, dice: random.Random) -> int:
        """An amount in whole shillings."""
        spread = math.log(1 + (self.deviation / self.average) ** 2)
        mean = math.log(self.average) - spread / 2
        drawn = dice.lognormvariate(mean, math.sqrt(spread)) / UNITS_PER_SHILLING
        return max(KES_MIN, min(KES_MAX, round(drawn)))


def read_actions(path: Path, hour: int) -> list[Action]:
    """The actions of an hour, from the days that have it. Raises NotAggregates."""
    try:
        with path.open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if int(row["hour"]) == hour]
            found = [
                Action(row["action"], int(row["count"]), float(row["avg"]), float(row["std"]))
                for row in rows
                if int(row["count"]) > 0 and float(row["avg"]) > 0
            ]
    except (OSError, KeyError, ValueError, TypeError) as problem:
        raise NotAggregates(f"{path} cannot be read as hourly aggregates: {problem!r}.") from None
    if not found:
        raise NotAggregates(f"{path} has no transactions in hour {hour}; use 0 to 23.")
    return found


async def run(
    teller: Teller,
    actions: Sequence[Action],
    count: int,
    seed: int,
    report: Report,
    per_second: float | None = None,
) -> list[Told]:
    """Make that many transfers; what became of each.

    At most ``AT_ONCE`` are under way or, with ``per_second``, so many begin each second.
    """
    dice = random.Random(seed)  # noqa: S311 - a simulation, replayable by its seed
    drawn = dice.choices(actions, weights=[action.count for action in actions], k=count)
    planned = [(action, action.draw_kes(dice)) for action in drawn]
    gate, told = asyncio.Semaphore(count if per_second else AT_ONCE), []

    async def one(number: int, action: Action, kes: int) -> None:
        await asyncio.sleep(number / per_second if per_second else 0)
        async with gate:
            told.append(await _transfer(teller, action.name, kes))
            if len(told) % 25 == 0:
                report(f"{len(told)} of {count} transfers")

    await asyncio.gather(*(one(number, *each) for number, each in enumerate(planned)))
    return told


async def _transfer(teller: Teller, action: str, kes: int) -> Told:
    told = Told(action)
    try:
        phone, menu, answers = _order(teller, action, kes)
        told.receipt = await order(phone, menu, answers)
        receipt = await teller.follow(told.receipt, told)
        told.ok = receipt["status"] == "completed"
    except UnexpectedScreen as failed:
        told.steps.append(failed.detail)
    return told


def _order(teller: Teller, action: str, kes: int) -> tuple[Handset, str, dict[str, str]]:
    """CASH_IN fills a wallet, PAYMENT stays in Kenya, everything else crosses the border, both ways."""
    match action:
        case "CASH_IN":
            phone = teller.phone("NG")
            naira = str(kes * NAIRA_PER_SHILLING)
            answers = {"pin": phone.pin, "how much": naira, "amount": naira, "total": ">Pay|Confirm"}
            return phone, "Receive", answers
        case "PAYMENT" | "DEBIT":
            phone, to = teller.phone("KE"), teller.phone("KE")
            return phone, "Send", send_answers(phone, str(kes), to.number)
        case "CASH_OUT":
            phone, to = teller.phone("NG"), teller.phone("KE")
            return phone, "Send", send_answers(phone, str(kes * NAIRA_PER_SHILLING), to.number)
        case _:
            phone, to = teller.phone("KE"), teller.phone("NG")
            return phone, "Send", send_answers(phone, str(kes), to.number)
