"""Steps that raise: put off, then parked for a person, so that one payment's trouble stays its own.

What everybody suffers from at once (the database is away) is not kept here: it is the agent's to bear. What
a part of the system causes by not being there (``Unavailable``) is put off for as long as it takes.
"""

import logging
import traceback
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg

from juapesa.clock import Clock
from juapesa.config import WaitSettings
from juapesa.db import Database
from juapesa.errors import JuaError, Unavailable
from juapesa.payments import store
from juapesa.payments.execution import Execution
from juapesa.payments.saga import CallOperator, LegKind, LegState
from juapesa.payments.store import LegRow

log = logging.getLogger(__name__)

STUMBLES_MAX = 5
EVERYBODYS: tuple[type[Exception], ...] = (psycopg.OperationalError, psycopg.InterfaceError)


def backoff(waits: WaitSettings, tries: int) -> timedelta:
    """How long to wait after so many tries: doubled each time, up to a bound."""
    doubled = waits.retry_seconds * 2 ** min(tries, 16)
    return timedelta(seconds=min(doubled, waits.retry_seconds_max))


def slug_of(raised: Exception) -> str:
    """What was raised, by a name that holds nothing of the payment's."""
    return raised.slug if isinstance(raised, JuaError) else f"bug-{type(raised).__name__}"


def parked_because(kind: LegKind, stumbles: int, slug: str) -> str:
    """What a person is told of a parked leg."""
    return f"parked: its {kind} stumbled {stumbles} times, last over {slug}"


@dataclass(frozen=True)
class Stumbles:
    """Keeps count of a leg's steps that raised."""

    db: Database
    execution: Execution
    clock: Clock
    waits: WaitSettings

    def note(self, leg: LegRow, raised: Exception) -> None:
        """Put the leg off; park it and call a person when it has raised too often in a row."""
        slug, frame = slug_of(raised), traceback.extract_tb(raised.__traceback__)[-1]
        log.error(
            "payment %s, leg %s raised %s at %s:%s",
            leg.payment_id,
            leg.seq,
            slug,
            Path(frame.filename).name,
            frame.lineno,
        )
        now = self.clock.now()
        with self.db.unit_of_work() as uow:
            count = store.stumbles(uow, leg.payment_id, leg.seq) + 1
            parked = count >= STUMBLES_MAX and not isinstance(raised, Unavailable)
            later = None if parked else now + backoff(self.waits, count)
            store.set_leg(
                uow,
                leg.payment_id,
                leg.seq,
                stumbles=count,
                stumbled_on=slug,
                next_at=later,
                lease_until=None,
            )
            store.add_event(uow, leg.payment_id, now, f"{leg.kind} stumbled", slug, leg.seq)
            if parked and store.needs_operator(uow, leg.payment_id) is None:
                why = parked_because(leg.kind, count, slug)
                self.execution.run(uow, leg.payment_id, leg.seq, [CallOperator(why, leg.seq)])

    def forget(self, leg: LegRow) -> None:
        """A step went well. Hearing that an order never arrived is not yet a way past what raised."""
        with self.db.unit_of_work() as uow:
            now = store.load(uow, leg.payment_id).leg(leg.seq)
            if now.state not in {LegState.DUE, LegState.ASKING}:
                store.set_leg(uow, leg.payment_id, leg.seq, stumbles=0, stumbled_on=None)
