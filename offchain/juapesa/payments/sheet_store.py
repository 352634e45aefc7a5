"""The SQL of sheets, many at once: payments claimed, read and locked whole, and written down again."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from juapesa.db import UnitOfWork
from juapesa.money import Money, currency
from juapesa.payments.domain import Kind, Source, Status
from juapesa.payments.saga import LegKind, LegState, Saga
from juapesa.payments.sheet import Frame, Happening, LegRow, Sheet

UNDER_WAY = ("due", "asking", "pending", "unknown")

_CLAIM = """
SELECT l.payment_id, l.seq FROM payments.leg l JOIN payments.payment p ON p.id = l.payment_id
 WHERE (l.state = ANY(%(under_way)s) OR l.state = 'failed' AND l.kind = 'collect')
   AND l.kind = ANY(%(kinds)s) AND {due} AND (l.lease_until IS NULL OR l.lease_until <= %(now)s)
 ORDER BY l.next_at, l.payment_id, l.seq LIMIT %(limit)s FOR UPDATE OF p, l SKIP LOCKED
"""
_PAYMENTS = """
SELECT p.id, p.code, p.person_id, p.status, p.needs_operator, p.call_ends_with, p.ended_at, q.kind, q.source,
       q.amount_minor, q.total_minor, q.from_currency, q.receives_minor, q.to_currency, q.from_rail,
       q.to_rail, q.to_phone_sealed
  FROM payments.payment p JOIN payments.quote q ON q.token = p.quote_token
 WHERE p.id = ANY(%s::bigint[]) ORDER BY p.id
"""
_LEGS = """
SELECT payment_id, seq, kind, state, reference::text, handle, receipt, code, hold_id, asked_at, next_at,
       lease_until, lease_by, leases, attempts, stumbles, stumbled_on, given_up_at
  FROM payments.leg WHERE payment_id = ANY(%s::bigint[]) ORDER BY payment_id, seq
"""
# A leg's columns with their types: which it is, what never changes, and what does.
_KEYS = {"payment_id": "bigint", "seq": "int"}
_FIXED = {"kind": "text", "reference": "uuid"}
_CHANGING = {
    "state": "text",
    "handle": "text",
    "receipt": "text",
    "code": "text",
    "hold_id": "bigint",
    "asked_at": "timestamptz",
    "next_at": "timestamptz",
    "lease_until": "timestamptz",
    "lease_by": "int",
    "leases": "int",
    "attempts": "int",
    "stumbles": "int",
    "stumbled_on": "text",
    "given_up_at": "timestamptz",
}


def _rows(types: dict[str, str]) -> str:
    """A JSON array of objects as rows."""
    return f"json_to_recordset(%s::json) AS n ({', '.join(f'{name} {kind}' for name, kind in types.items())})"


_UPDATE_LEGS = (
    f"UPDATE payments.leg l SET {', '.join(f'{name} = n.{name}' for name in _CHANGING)}"  # noqa: S608
    f" FROM {_rows(_KEYS | _CHANGING)} WHERE l.payment_id = n.payment_id AND l.seq = n.seq"
)
_INSERT_LEGS = (
    f"INSERT INTO payments.leg ({', '.join(_KEYS | _FIXED | _CHANGING)})"  # noqa: S608
    f" SELECT * FROM {_rows(_KEYS | _FIXED | _CHANGING)}"
)
_UPDATE_PAYMENTS = """
UPDATE payments.payment p
   SET status = n.status, ended_at = n.ended_at, needs_operator = n.needs_operator,
       call_ends_with = n.call_ends_with
  FROM json_to_recordset(%s::json)
       AS n (id bigint, status text, ended_at timestamptz, needs_operator text, call_ends_with int)
 WHERE p.id = n.id
"""
_INSERT_EVENTS = """
INSERT INTO payments.event (payment_id, seq, at, name, detail)
SELECT payment_id, seq, at, name, detail
  FROM ROWS FROM (json_to_recordset(%s::json)
                  AS (payment_id bigint, seq int, at timestamptz, name text, detail text))
       WITH ORDINALITY n (payment_id, seq, at, name, detail, place) ORDER BY place
"""
_KINDS, _STATES = {str(each): each for each in LegKind}, {str(each): each for each in LegState}

Claimed = tuple[int, int]  # (payment, seq)


def claim_due(uow: UnitOfWork, kinds: Collection[LegKind], now: datetime, limit: int) -> list[Claimed]:
    """Legs whose time has come, oldest first, locked with their payments; two workers never get the same one.

    A failed collection has a time only while its success may still come to light.
    """
    return _claim(uow, "l.next_at <= %(now)s", kinds, now, limit, [])


def claim_named(
    uow: UnitOfWork, kinds: Collection[LegKind], references: Sequence[str], now: datetime, limit: int
) -> list[Claimed]:
    """Those legs of these references that are under way, whether their time has come or not; locked."""
    due = "l.next_at IS NOT NULL AND l.reference = ANY(%(references)s::uuid[])"
    return _claim(uow, due, kinds, now, limit, references)


def _claim(
    uow: UnitOfWork,
    due: str,
    kinds: Collection[LegKind],
    now: datetime,
    limit: int,
    references: Sequence[str],
) -> list[Claimed]:
    values = {
        "under_way": list(UNDER_WAY),
        "kinds": [str(each) for each in kinds],
        "now": now,
        "limit": limit,
        "references": list(references),
    }
    return [(payment_id, seq) for payment_id, seq in uow.tuples(_CLAIM.format(due=due), values)]


def waiting_references(uow: UnitOfWork, kinds: Collection[LegKind], now: datetime) -> list[str]:
    """References of legs under way whose time has not come and that nobody has claimed."""
    rows = uow.tuples(
        "SELECT reference::text FROM payments.leg WHERE state = ANY(%s) AND kind = ANY(%s) AND next_at > %s"
        " AND (lease_until IS NULL OR lease_until <= %s)",
        (list(UNDER_WAY), [str(each) for each in kinds], now, now),
    )
    return [reference for (reference,) in rows]


def free_leases(uow: UnitOfWork, workers: Sequence[int]) -> int:
    """What these workers have claimed is free again; how many legs."""
    return uow.execute(
        "UPDATE payments.leg SET lease_until = NULL"
        " WHERE lease_by = ANY(%s) AND lease_until IS NOT NULL AND next_at IS NOT NULL",
        (list(workers),),
    )


def open_sheets(uow: UnitOfWork, payment_ids: Collection[int], *, lock: bool = True) -> dict[int, Sheet]:
    """These payments with their legs, by id; with ``lock`` nobody else changes them before this unit ends."""
    ids = set(payment_ids)
    listed = f"{{{','.join(map(str, ids))}}}"  # the driver would look for quotes in each
    payments = uow.all(_PAYMENTS + ("FOR UPDATE OF p" if lock else ""), (listed,))
    sheets = {row["id"]: _sheet(row) for row in payments}
    assert len(sheets) == len(ids), f"payments {ids - set(sheets)} are not on record"
    for payment_id, seq, kind, state, *rest in uow.tuples(_LEGS, (listed,)):
        sheets[payment_id].legs[seq] = LegRow(payment_id, seq, _KINDS[kind], _STATES[state], *rest)
    return sheets


def write_payments(uow: UnitOfWork, sheets: Sequence[Sheet]) -> None:
    """Payments and their history as they are on these sheets."""
    payments = [each for each in sheets if each.is_changed]
    if payments:
        uow.execute(_UPDATE_PAYMENTS, (_json([_columns(each) for each in payments]),))
    if events := [each for sheet in sheets for each in sheet.happened]:
        uow.execute(_INSERT_EVENTS, (_json(events),))


def write_legs(uow: UnitOfWork, sheets: Sequence[Sheet]) -> None:
    """Legs as they are on these sheets."""
    for sql, new in ((_INSERT_LEGS, True), (_UPDATE_LEGS, False)):
        if legs := _picked(sheets, new=new):
            uow.execute(sql, (_json(legs),))


def _picked(sheets: Iterable[Sheet], *, new: bool) -> list[LegRow]:
    """Legs that are to be inserted, or updated."""
    return [
        sheet.legs[seq]
        for sheet in sheets
        for seq in sorted(sheet.added if new else sheet.changed - sheet.added)
    ]


def _columns(sheet: Sheet) -> dict[str, Any]:
    return {
        "id": sheet.payment_id,
        "status": sheet.status,
        "ended_at": sheet.ended_at,
        "needs_operator": sheet.needs_operator,
        "call_ends_with": sheet.call_ends_with,
    }


def _json(rows: Sequence[LegRow] | Sequence[Happening] | Sequence[dict[str, Any]]) -> str:
    """Ten times cheaper to make than arrays of the driver's."""
    return msgspec.json.encode(rows).decode()


def _sheet(row: dict[str, Any]) -> Sheet:
    source, status = currency(row["from_currency"]), Status(row["status"])
    terms = Saga(
        payment_id=row["id"],
        kind=Kind(row["kind"]),
        source=Source(row["source"]),
        amount=Money(row["amount_minor"], source),
        total=Money(row["total_minor"], source),
        receives=Money(row["receives_minor"], currency(row["to_currency"])),
        status=status,
        legs=(),
    )
    frame = Frame(
        row["id"], row["code"], row["person_id"], row["from_rail"], row["to_rail"], row["to_phone_sealed"]
    )
    return Sheet(
        frame, terms, status, row["needs_operator"], row["call_ends_with"], {}, ended_at=row["ended_at"]
    )


def find_leg(uow: UnitOfWork, reference: str) -> Claimed | None:
    """(payment, seq) of the leg with this reference, which may be anything that was in an address."""
    try:
        wanted = uuid.UUID(reference)
    except ValueError:
        return None
    row = uow.one("SELECT payment_id, seq FROM payments.leg WHERE reference = %s", (wanted,))
    return (row["payment_id"], row["seq"]) if row else None


def is_handle_known(uow: UnitOfWork, handle: str) -> bool:
    """Whether some leg has this handle of an operator's."""
    return uow.one("SELECT 1 FROM payments.leg WHERE handle = %s LIMIT 1", (handle,)) is not None
