"""A relayer at work on the strict Hedera sandbox, cycle by cycle."""

import asyncio
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from juapesa.db import Database
from juapesa.issuance.relay import Relay
from support.hedera import Sandbox
from support.hedera_hub import Deployed
from support.hub import Desk
from support.operators import operator

SECONDS_MAX = 60.0
PACE_SECONDS = 0.1
LAGGING = {"block_seconds": 0.4, "lag_low_seconds": 0.4, "lag_high_seconds": 1.0}
FAULTY = {**LAGGING, "fault_percent": 30}


@contextmanager
def lagging_desk(
    deployed: Deployed, database: Database, folder: Path, **options: float
) -> Iterator[tuple[Sandbox, Desk]]:
    """A desk on a network with liquidity in both pools, which from now on lags."""
    with deployed.awake(folder / "net") as (net, chain), operator() as oracle:
        oracle.tokens_free = True
        desk = Desk(database, chain, oracle)
        desk.publish()
        desk.capital()
        net.option(**LAGGING | options)
        yield net, desk


async def cycles(desk: Desk, relay: Relay, *items: uuid.UUID) -> int:
    """Cycles until each item has ended; the most batches that were on their way at once."""
    until, most = time.monotonic() + SECONDS_MAX, 0
    while any(desk.item(each).state in {"open", "batched"} for each in items):
        assert time.monotonic() < until, [desk.item(each) for each in items]
        await relay.tick()
        most = max(most, under_way(desk))
        await asyncio.sleep(PACE_SECONDS)
    return most


def under_way(desk: Desk) -> int:
    """Batches that were built and have not ended."""
    with desk.db.unit_of_work() as uow:
        row = uow.one("SELECT count(*) AS n FROM issuance.batch WHERE state = 'built'")
    assert row is not None
    return int(row["n"])
