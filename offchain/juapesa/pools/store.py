"""Snapshots of the pools in the database: written by the watcher, read by quotes."""

from dataclasses import dataclass
from datetime import datetime

from juapesa.db import UnitOfWork
from juapesa.money import Currency


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A pool as it stood at a block, with the newest signed price. Amounts in token units."""

    token: Currency
    block: int
    mid_e18: int
    observed_at: int
    reserve_token: int
    reserve_usdc: int
    spread_ppm: int
    max_share_ppm: int
    max_age_seconds: int
    max_step_ppm: int
    sells_paused: bool
    buys_paused: bool


_COLUMNS = (
    "block",
    "mid_e18",
    "observed_at",
    "reserve_token",
    "reserve_usdc",
    "spread_ppm",
    "max_share_ppm",
    "max_age_seconds",
    "max_step_ppm",
    "sells_paused",
    "buys_paused",
)


def save(uow: UnitOfWork, snapshot: Snapshot, now: datetime) -> None:
    """Keep the newest snapshot of a token's pool."""
    values = {name: getattr(snapshot, name) for name in _COLUMNS}
    names = ", ".join(_COLUMNS)
    places = ", ".join(f"%({name})s" for name in _COLUMNS)
    changes = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS)
    uow.execute(
        f"""INSERT INTO pools.snapshot (token, seen_at, {names}) VALUES (%(token)s, %(now)s, {places})
            ON CONFLICT (token) DO UPDATE SET seen_at = excluded.seen_at, {changes}""",  # noqa: S608
        {"token": snapshot.token.code, "now": now, **values},
    )


def load(uow: UnitOfWork, token: Currency) -> Snapshot | None:
    """The newest snapshot, or None before the watcher has seen the pool."""
    row = uow.one("SELECT * FROM pools.snapshot WHERE token = %s", (token.code,))
    if row is None:
        return None
    return Snapshot(token, **{name: row[name] for name in _COLUMNS} | {"mid_e18": int(row["mid_e18"])})
