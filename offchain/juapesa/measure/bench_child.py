"""A settler in a process of its own, for ``jua pay bench``: works when told to, and says what that took."""

import asyncio
import time
from dataclasses import dataclass
from enum import Enum, auto
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from juapesa.db import Database, Worker
from juapesa.measure.immediate import CountedDatabase, furnished, is_under_way, settler_on
from juapesa.observability import collect_rarely, configure_logging

IDLE_SECONDS = 0.005  # until it looks again when others have everything
IDLE_SECONDS_MAX = 5.0
WORK_SECONDS_MAX = 600.0


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


def begin(url: str, folder: Path, line: Connection) -> None:
    """Say that it is ready; then, as often as it is told to go, work to the end of all payments."""
    configure_logging("ERROR", service="settler")
    asyncio.run(_serve(url, folder, line))


async def _serve(url: str, folder: Path, line: Connection) -> None:
    inner = Database.connect(url, connections_max=6, name="settler", idle_seconds_max=IDLE_SECONDS_MAX)
    db = CountedDatabase(inner)
    settler = settler_on(furnished(db, folder))
    settler.worker = Worker(url, "settler")
    collect_rarely()
    line.send(settler.worker.number())
    while line.recv() is Call.GO:
        cpu, units, statements = time.process_time(), db.counts.units, db.counts.statements
        await _work(settler, db)
        counts = db.counts
        line.send(Spent(time.process_time() - cpu, counts.units - units, counts.statements - statements))
    settler.worker.resign()
    inner.close()


async def _work(settler: Any, db: CountedDatabase) -> None:
    """Until no payment is under way, whoever has it."""
    async with asyncio.timeout(WORK_SECONDS_MAX):
        while True:
            done = await settler.tick()
            if not done and not is_under_way(db):
                break
            await asyncio.sleep(0 if done else IDLE_SECONDS)
        await settler.finish()
