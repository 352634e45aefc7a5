"""Verdicts on the whole books, on record: what was found, when, and how many rows were looked at."""

from dataclasses import dataclass
from datetime import datetime

from juapesa.db import Database, UnitOfWork
from juapesa.ledger.engine.verify import Verdict, examine


@dataclass(frozen=True, slots=True)
class Checked:
    """A verdict and its time."""

    at: datetime
    verdict: Verdict


def record_verdict(db: Database, now: datetime) -> Verdict:
    """Recompute the books now and put what was found on record."""
    with db.snapshot() as snapshot:
        verdict = examine(snapshot)
    with db.unit_of_work() as uow:
        uow.execute(
            "INSERT INTO book.verdicts (at, transfers, first_fault) VALUES (%s, %s, %s) "
            "ON CONFLICT DO NOTHING",
            (now, verdict.transfers, verdict.first_fault),
        )
    return verdict


def last_verdict(uow: UnitOfWork) -> Checked | None:
    """The newest verdict on record."""
    row = uow.one("SELECT at, transfers, first_fault FROM book.verdicts ORDER BY at DESC LIMIT 1")
    return None if row is None else Checked(row["at"], Verdict(row["transfers"], row["first_fault"]))
