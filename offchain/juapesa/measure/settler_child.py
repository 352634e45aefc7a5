"""A settler in a process of its own, for ``jua pay kill``: its operators take a while to answer."""

import asyncio
import importlib
import random
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from juapesa.db import Database, Worker
from juapesa.measure.immediate import ImmediateRail, furnished, settler_on
from juapesa.observability import configure_logging
from juapesa.rails.ports import CollectOrder, PayoutOrder, RailAnswer

ANSWER_SECONDS = (0.1, 1.0)
IDLE_SECONDS_MAX = 5.0


@dataclass(frozen=True)
class SlowRail(ImmediateRail):
    """An operator that thinks before it answers."""

    async def collect(self, order: CollectOrder) -> RailAnswer:
        await asyncio.sleep(random.uniform(*ANSWER_SECONDS))  # noqa: S311 - spreads load
        return await super().collect(order)

    async def payout(self, order: PayoutOrder) -> RailAnswer:
        await asyncio.sleep(random.uniform(*ANSWER_SECONDS))  # noqa: S311 - spreads load
        return await super().payout(order)


def begin(url: str, folder: Path, telling: Connection) -> None:
    """Tell the number under which it claims work, then work until killed."""
    configure_logging("ERROR", service="settler")
    asyncio.run(_work(url, folder, telling))


async def _work(url: str, folder: Path, telling: Connection) -> None:
    agents = importlib.import_module("juapesa_agents.settler")
    base = importlib.import_module("juapesa_agents.common.base")
    database = importlib.import_module("juapesa_agents.common.database")
    db = Database.connect(url, connections_max=6, name="settler", idle_seconds_max=IDLE_SECONDS_MAX)
    settler = settler_on(furnished(db, folder, SlowRail))
    agent = base.Agent("settler", settler.tick, agents.PACE_SECONDS, passing=database.PASSING)
    settler.heard, settler.worker = agent.wake.set, Worker(url, "settler")
    telling.send(settler.worker.number())
    await agent.run(once=False)
