"""Steps that raise: put off, then parked for a person, so that one payment's trouble stays its own.

What everybody suffers from at once (the database is away) is not kept here: it is the agent's to bear. What
a part of the system causes by not being there (``Unavailable``) is put off for as long as it takes.
"""

import logging
import traceback
from datetime import datetime, timedelta
from pathlib import Path

import psycopg

from juapesa.config import WaitSettings
from juapesa.errors import JuaError, Unavailable
from juapesa.payments import commands
from juapesa.payments.saga import CallOperator, LegKind
from juapesa.payments.sheet import Sheet

log = logging.getLogger(__name__)

STUMBLES_MAX = 5
EVERYBODYS: tuple[type[Exception], ...] = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.IdleInTransactionSessionTimeout,
)


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


def tell(sheet: Sheet, seq: int, raised: Exception) -> None:
    """Log what a step raised and where, and nothing of what it held."""
    frame = traceback.extract_tb(raised.__traceback__)[-1]
    where = f"{Path(frame.filename).name}:{frame.lineno}"
    log.error("payment %s, leg %s raised %s at %s", sheet.payment_id, seq, slug_of(raised), where)


def note(sheet: Sheet, seq: int, raised: Exception, waits: WaitSettings, now: datetime) -> None:
    """Put a leg off whose step raised; park it and call a person when that was too often in a row."""
    leg, slug = sheet.leg(seq), slug_of(raised)
    count = leg.stumbles + 1
    parked = count >= STUMBLES_MAX and not isinstance(raised, Unavailable)
    later = None if parked else now + backoff(waits, count)
    sheet.set_leg(seq, stumbles=count, stumbled_on=slug, next_at=later, lease_until=None)
    sheet.add_event(now, f"{leg.kind} stumbled", slug, seq)
    if parked and sheet.needs_operator is None:
        commands.run(sheet, seq, [CallOperator(parked_because(leg.kind, count, slug), seq)], now)
