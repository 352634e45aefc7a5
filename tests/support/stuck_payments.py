"""A settler whose adapter breaks on demand, and the desk that shows and releases what is stuck."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from juapesa.assembly import build_parts
from juapesa.payments.callbacks import Callbacks
from juapesa.payments.decisions import Decider, Decision
from juapesa.payments.stuck import StuckLeg
from juapesa.payments.stuck_store import Release
from juapesa.rails.ports import CallbackNews, PayoutOrder, Rail, RailAnswer
from juapesa_agents.common.options import Options
from juapesa_agents.settler import Settler
from support.payments_house import DEPLOYMENT, House

SECONDS_MAX = 20.0
POISON = b"poison"


@dataclass
class Brittle:
    """A rail whose adapter breaks on the payouts to some numbers, before the operator hears of them, and on
    one callback."""

    inner: Rail
    numbers: set[str] = field(default_factory=set)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def payout(self, order: PayoutOrder) -> RailAnswer:
        if order.phone in self.numbers:
            raise KeyError(order.phone)
        return await self.inner.payout(order)

    def parse_callback(self, kind: str, body: bytes) -> CallbackNews:
        if body == POISON:
            raise KeyError("status")
        return self.inner.parse_callback(kind, body)


def work_until(house: House, true: Callable[[], object], breaks_on: frozenset[str] = frozenset()) -> None:
    """A settler that works until this holds; it raises nothing."""

    async def work() -> None:
        parts = build_parts(house.settings, "", house.db, DEPLOYMENT)
        brittle: Any = Brittle(parts.rails["momo-ng"], set(breaks_on))
        rails = {**parts.rails, "momo-ng": brittle}
        work = replace(parts.work, rails=rails)
        parts = replace(parts, work=work, callbacks=Callbacks(rails, work))
        settler = Settler(parts, house.texts, Options(once=True, dry_run=False, number=1))
        try:
            async with asyncio.timeout(SECONDS_MAX):
                while not true():
                    await settler.tick()
                    house.play_chain()
                    await asyncio.sleep(0.01)
        finally:
            await parts.rails.close()

    asyncio.run(work())


def stuck(house: House) -> list[StuckLeg]:
    with house.db.unit_of_work() as uow:
        return house.parts().stuck.stuck(uow)


def stuck_leg(house: House, code: str) -> StuckLeg | None:
    return next((each for each in stuck(house) if each.code == code), None)


def release(
    house: House,
    code: str,
    seq: int,
    decision: Decision = Decision.TRY_AGAIN,
    because: str = "it is mended",
    by: str = "operations",
    *,
    proven: bool = True,
) -> Release:
    who = Decider(by, "tester", proven)
    with house.db.unit_of_work() as uow:
        return house.parts().stuck.release(uow, code, seq, decision, by=who, because=because)


def stand_still(house: House) -> None:
    """As if everything under way had been so for an hour."""
    with house.db.unit_of_work() as uow:
        uow.execute(
            "UPDATE payments.leg SET asked_at = now() - interval '1 hour'"
            " WHERE state IN ('due', 'asking', 'pending', 'unknown')"
        )


def history(house: House, code: str) -> list[str]:
    with house.db.unit_of_work() as uow:
        return [each.name for each in house.parts().receipts.trace(uow, code)]
