"""A settler in a process of its own, for ``jua pay bench``: works when told to, and says what that took."""

import asyncio
import importlib
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from juapesa.config.settings import PortSettings
from juapesa.db import Database, Worker
from juapesa.measure.immediate import CountedDatabase, furnished, is_under_way, settler_on
from juapesa.measure.wire import wired
from juapesa.notifications.outbox import CHANNEL as MESSAGES
from juapesa.observability import collect_rarely, configure_logging
from juapesa.payments.execution import RAIL_WORK
from juapesa.rails.inbox import CHANNEL as CALLBACKS

IDLE_SECONDS = 0.005  # until it looks again when others have everything
IDLE_SECONDS_MAX = 5.0
LOOK_SECONDS = 0.05  # and when nothing wakes it
WORK_SECONDS_MAX = 600.0

Pause = Callable[[int], Awaitable[None]]  # after a cycle that did so much


class Call(Enum):
    """What a settler is told."""

    GO = auto()
    GO_HOME = auto()


@dataclass(frozen=True)
class Spent:
    """What one settler used since it was told to go."""

    cpu_seconds: float
    units: int
    statements: int


def begin(url: str, folder: Path, doors: PortSettings | None, line: Connection) -> None:
    """Say that it is ready; then, as often as it is told to go, work to the end of all payments.

    With ``doors`` it speaks to the operators behind them, and hears of callbacks as a settler does.
    """
    configure_logging("ERROR", service="settler")
    asyncio.run(_serve(url, folder, doors, line))


async def _serve(url: str, folder: Path, doors: PortSettings | None, line: Connection) -> None:
    inner = Database.connect(url, connections_max=6, name="settler", idle_seconds_max=IDLE_SECONDS_MAX)
    db = CountedDatabase(inner)
    parts = furnished(db, folder) if doors is None else wired(db, folder, doors)
    settler = settler_on(parts)
    settler.worker = Worker(url, "settler")
    pause, ears = (_breathe, None) if doors is None else _woken(settler, url)
    collect_rarely()
    line.send(settler.worker.number())
    while await asyncio.to_thread(line.recv) is Call.GO:
        cpu, units, statements = time.process_time(), db.counts.units, db.counts.statements
        await _work(settler, db, pause)
        counts = db.counts
        line.send(Spent(time.process_time() - cpu, counts.units - units, counts.statements - statements))
    if ears is not None:
        ears.cancel()
    await parts.rails.close()
    settler.worker.resign()
    inner.close()


async def _work(settler: Any, db: CountedDatabase, pause: Pause) -> None:
    """Until no payment is under way, whoever has it."""
    async with asyncio.timeout(WORK_SECONDS_MAX):
        while True:
            done = await settler.tick()
            if not done and not is_under_way(db):
                break
            await pause(done)
        await settler.finish()


async def _breathe(done: int) -> None:
    """Where operators answer at once there is nothing to wait for but others' work."""
    await asyncio.sleep(0 if done else IDLE_SECONDS)


def _woken(settler: Any, url: str) -> tuple[Pause, asyncio.Task[None]]:
    """As the agent waits: until something comes in."""
    agents = importlib.import_module("juapesa_agents.common.database")
    wake = asyncio.Event()
    settler.heard = wake.set
    ears = asyncio.create_task(agents.listen(url, (RAIL_WORK, CALLBACKS, MESSAGES), wake))

    async def pause(_: int) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(wake.wait(), LOOK_SECONDS)
        wake.clear()

    return pause, ears
