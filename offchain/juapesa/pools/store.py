"""Snapshots of the pools in the database: written by the watcher, read by quotes."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from juapesa.db import UnitOfWork
from juapesa.money import Currency
from juapesa.pools.exact_model import Levels, Price, Reserves, Settings
from juapesa.pools.price_model import Agreed, KeptPrice, updated
from juapesa.pools.reader import PoolState


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A pool as it stood at a block, with what the publishers said then (None: too few of them did)."""

    token: Currency
    block: int
    state: PoolState
    agreed: Agreed | None

    def price_at(self, now: int) -> Price:
        """The price of a trade at ``now`` (unix seconds): a batch carries the publishers' prices along."""
        return updated(self.state.kept, self.agreed, now)


def save(uow: UnitOfWork, snapshot: Snapshot, now: datetime) -> None:
    """Keep the newest snapshot of a token's pool."""
    uow.execute(
        """INSERT INTO pools.snapshot (token, block, state, agreed, seen_at) VALUES (%s, %s, %s, %s, %s)
           ON CONFLICT (token) DO UPDATE SET block = excluded.block, state = excluded.state,
               agreed = excluded.agreed, seen_at = excluded.seen_at""",
        (
            snapshot.token.code,
            snapshot.block,
            json.dumps(asdict(snapshot.state)),
            None if snapshot.agreed is None else json.dumps(asdict(snapshot.agreed)),
            now,
        ),
    )


def load(uow: UnitOfWork, token: Currency) -> Snapshot | None:
    """The newest snapshot, or None before the watcher has seen the pool."""
    row = uow.one("SELECT block, state, agreed FROM pools.snapshot WHERE token = %s", (token.code,))
    if row is None:
        return None
    kept = row["state"]
    state = PoolState(
        kept=KeptPrice(**kept["kept"]),
        settings=Settings(**kept["settings"]),
        reserves=Reserves(**kept["reserves"]),
        levels=Levels(**kept["levels"]),
    )
    return Snapshot(token, row["block"], state, None if row["agreed"] is None else Agreed(**row["agreed"]))
