"""The SQL of payments: quotes, payments, legs and events as rows."""

import json
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from juapesa.db import UnitOfWork
from juapesa.money import Money, currency
from juapesa.payments.domain import Fee, Kind, Order, Quote, Source, Status, Summary
from juapesa.payments.saga import Leg, LegKind, LegState, Saga


@dataclass(frozen=True, slots=True)
class StoredQuote:
    """A quote with what only payments may know."""

    quote: Quote
    person_id: int
    from_rail: str
    to_rail: str | None
    to_phone_sealed: bytes | None


@dataclass(frozen=True, slots=True)
class LegRow:
    """A leg with everything needed to ask for it."""

    payment_id: int
    seq: int
    kind: LegKind
    state: LegState
    reference: str
    handle: str | None
    receipt: str | None
    hold_id: int | None
    asked_at: datetime | None
    attempts: int
    stumbles: int  # steps in a row that raised


@dataclass(frozen=True, slots=True)
class Loaded:
    """A payment, whole: the saga for the rules, the rest for carrying them out."""

    saga: Saga
    code: str
    person_id: int
    from_rail: str
    to_rail: str | None
    to_phone_sealed: bytes | None
    legs: tuple[LegRow, ...]

    def leg(self, seq: int) -> LegRow:
        """The leg with this number; it exists."""
        return next(leg for leg in self.legs if leg.seq == seq)

    def last(self, kind: LegKind) -> LegRow | None:
        """The newest leg of this kind."""
        return next((leg for leg in reversed(self.legs) if leg.kind is kind), None)


def insert_quote(uow: UnitOfWork, stored: StoredQuote, now: datetime) -> None:
    quote, order = stored.quote, stored.quote.order
    uow.execute(
        """INSERT INTO payments.quote (token, person_id, kind, source, amount_minor, total_minor,
               from_currency, receives_minor, to_currency, fees, rate, from_rail, to_rail, to_label,
               to_phone_sealed, created_at, expires_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        (
            quote.token,
            stored.person_id,
            order.kind,
            order.source,
            order.amount.minor,
            quote.total.minor,
            order.amount.currency.code,
            quote.receives.minor,
            quote.receives.currency.code,
            json.dumps([[fee.name, fee.amount.minor] for fee in quote.fees]),
            quote.rate,
            stored.from_rail,
            stored.to_rail,
            quote.to_label,
            stored.to_phone_sealed,
            now,
            quote.expires_at,
        ),
    )


def find_quote(uow: UnitOfWork, token: str) -> StoredQuote | None:
    """The quote, locked, so that concurrent confirmations of it wait for each other."""
    row = uow.one("SELECT * FROM payments.quote WHERE token = %s FOR UPDATE", (token,))
    if row is None:
        return None
    source, target = currency(row["from_currency"]), currency(row["to_currency"])
    kind = Kind(row["kind"])
    order = Order(
        kind=kind,
        amount=Money(row["amount_minor"], source),
        source=Source(row["source"]),
        to_currency=target if kind is Kind.CONVERT else None,
    )
    quote = Quote(
        token=row["token"],
        order=order,
        fees=tuple(Fee(name, Money(minor, source)) for name, minor in row["fees"]),
        total=Money(row["total_minor"], source),
        receives=Money(row["receives_minor"], target),
        rate=row["rate"],
        to_label=row["to_label"],
        expires_at=row["expires_at"],
    )
    return StoredQuote(quote, row["person_id"], row["from_rail"], row["to_rail"], row["to_phone_sealed"])


def insert_payment(uow: UnitOfWork, code: str, stored: StoredQuote, now: datetime) -> int:
    row = uow.one(
        """INSERT INTO payments.payment (code, quote_token, person_id, status, created_at)
           VALUES (%s, %s, %s, %s, %s) RETURNING id""",
        (code, stored.quote.token, stored.person_id, Status.PROCESSING, now),
    )
    assert row is not None
    return int(row["id"])


def insert_leg(uow: UnitOfWork, payment_id: int, leg: Leg, reference: str, next_at: datetime | None) -> None:
    uow.execute(
        """INSERT INTO payments.leg (payment_id, seq, kind, state, reference, next_at)
           VALUES (%s, %s, %s, %s, %s, %s)""",
        (payment_id, leg.seq, leg.kind, leg.state, reference, next_at),
    )


_SUMMARY = """
    SELECT p.code, q.kind, p.status, q.total_minor, q.from_currency, q.receives_minor, q.to_currency,
           p.created_at
    FROM payments.payment p JOIN payments.quote q ON q.token = p.quote_token
"""


def summary_of_quote(uow: UnitOfWork, token: str) -> Summary | None:
    """The payment that this quote became."""
    row = uow.one(_SUMMARY + "WHERE q.token = %s", (token,))
    return _summary(row) if row else None


def summaries(uow: UnitOfWork, person_id: int, limit: int) -> list[Summary]:
    """A person's payments, newest first."""
    sql = _SUMMARY + "WHERE p.person_id = %s ORDER BY p.id DESC LIMIT %s"
    return [_summary(row) for row in uow.all(sql, (person_id, limit))]


def _summary(row: dict[str, Any]) -> Summary:
    return Summary(
        code=row["code"],
        kind=Kind(row["kind"]),
        status=Status(row["status"]),
        paid=Money(row["total_minor"], currency(row["from_currency"])),
        receives=Money(row["receives_minor"], currency(row["to_currency"])),
        created_at=row["created_at"],
    )


def load(uow: UnitOfWork, payment_id: int) -> Loaded:
    """A payment with its legs, locked until the unit of work ends."""
    row = uow.one(
        """SELECT p.*, q.kind, q.source, q.amount_minor, q.total_minor, q.from_currency, q.receives_minor,
                  q.to_currency, q.from_rail, q.to_rail, q.to_phone_sealed
           FROM payments.payment p JOIN payments.quote q ON q.token = p.quote_token
           WHERE p.id = %s FOR UPDATE OF p""",
        (payment_id,),
    )
    assert row is not None, f"payment {payment_id} is not on record"
    legs = tuple(
        _leg(each)
        for each in uow.all("SELECT * FROM payments.leg WHERE payment_id = %s ORDER BY seq", (payment_id,))
    )
    source = currency(row["from_currency"])
    saga = Saga(
        payment_id=payment_id,
        kind=Kind(row["kind"]),
        source=Source(row["source"]),
        amount=Money(row["amount_minor"], source),
        total=Money(row["total_minor"], source),
        receives=Money(row["receives_minor"], currency(row["to_currency"])),
        status=Status(row["status"]),
        legs=tuple(Leg(leg.seq, leg.kind, leg.state) for leg in legs),
    )
    return Loaded(
        saga,
        row["code"],
        row["person_id"],
        row["from_rail"],
        row["to_rail"],
        row["to_phone_sealed"],
        legs,
    )


def find_leg(uow: UnitOfWork, reference: str) -> tuple[int, int] | None:
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


def claim_legs(
    uow: UnitOfWork, kinds: list[str], now: datetime, lease_until: datetime, limit: int
) -> list[LegRow]:
    """Legs whose time has come, oldest first, leased to the caller; two workers never get the same one.

    A failed collection has a time only while its success may still come to light.
    """
    rows = uow.all(
        """UPDATE payments.leg SET lease_until = %(lease)s
           WHERE (payment_id, seq) IN (
               SELECT payment_id, seq FROM payments.leg
               WHERE (state IN ('due', 'asking', 'pending', 'unknown')
                      OR state = 'failed' AND kind = 'collect')
                 AND kind = ANY(%(kinds)s)
                 AND next_at <= %(now)s AND (lease_until IS NULL OR lease_until <= %(now)s)
               ORDER BY next_at, payment_id, seq LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
           RETURNING *""",
        {"lease": lease_until, "kinds": kinds, "now": now, "limit": limit},
    )
    rows.sort(key=lambda row: (row["next_at"], row["payment_id"], row["seq"]))
    return [_leg(row) for row in rows]


def waiting_legs(uow: UnitOfWork, kinds: list[str], now: datetime) -> list[str]:
    """References of legs under way whose time has not come."""
    rows = uow.all(
        """SELECT reference FROM payments.leg
           WHERE state IN ('due', 'asking', 'pending', 'unknown') AND kind = ANY(%s) AND next_at > %s""",
        (kinds, now),
    )
    return [str(row["reference"]) for row in rows]


def make_due(uow: UnitOfWork, references: list[str], now: datetime) -> None:
    """The time of these legs has come."""
    if references:
        uow.execute(
            "UPDATE payments.leg SET next_at = %s WHERE reference = ANY(%s::uuid[]) AND next_at > %s",
            (now, references, now),
        )


def set_leg(uow: UnitOfWork, payment_id: int, seq: int, **columns: Any) -> None:
    """Change columns of a leg. Column names come from our own code only."""
    assigned = ", ".join(f"{name} = %({name})s" for name in columns)
    uow.execute(
        f"UPDATE payments.leg SET {assigned} WHERE payment_id = %(payment_id)s AND seq = %(seq)s",  # noqa: S608
        {**columns, "payment_id": payment_id, "seq": seq},
    )


def stumbles(uow: UnitOfWork, payment_id: int, seq: int) -> int:
    """How many steps of a leg have raised in a row; its payment is locked until the unit of work ends."""
    uow.execute("SELECT FROM payments.payment WHERE id = %s FOR UPDATE", (payment_id,))
    row = uow.one("SELECT stumbles FROM payments.leg WHERE payment_id = %s AND seq = %s", (payment_id, seq))
    assert row is not None, f"leg {seq} of payment {payment_id} is on record"
    return int(row["stumbles"])


def set_status(uow: UnitOfWork, payment_id: int, status: Status, ended_at: datetime | None) -> None:
    uow.execute(
        "UPDATE payments.payment SET status = %s, ended_at = %s WHERE id = %s",
        (status, ended_at, payment_id),
    )


def needs_operator(uow: UnitOfWork, payment_id: int) -> str | None:
    """Why a person has been called to look; None when nobody has."""
    row = uow.one("SELECT needs_operator FROM payments.payment WHERE id = %s", (payment_id,))
    return row["needs_operator"] if row is not None else None


def call_operator(uow: UnitOfWork, payment_id: int, why: str | None, until_end_of: int | None = None) -> None:
    """``None``: nobody is called any more. ``until_end_of`` is the leg whose end ends the call."""
    uow.execute(
        "UPDATE payments.payment SET needs_operator = %s, call_ends_with = %s WHERE id = %s",
        (why, until_end_of, payment_id),
    )


def end_call(uow: UnitOfWork, payment_id: int, seq: int) -> bool:
    """A leg has ended: whether a person was called until then, and is no more."""
    sql = "UPDATE payments.payment SET needs_operator = NULL, call_ends_with = NULL"
    return bool(uow.execute(f"{sql} WHERE id = %s AND call_ends_with = %s", (payment_id, seq)))


def add_event(
    uow: UnitOfWork, payment_id: int, at: datetime, name: str, detail: str = "", seq: int | None = None
) -> None:
    """Write a line of the payment's history. ``detail`` holds no phone number and no name."""
    uow.execute(
        "INSERT INTO payments.event (payment_id, seq, at, name, detail) VALUES (%s, %s, %s, %s, %s)",
        (payment_id, seq, at, name, detail),
    )


def _leg(row: dict[str, Any]) -> LegRow:
    return LegRow(
        payment_id=row["payment_id"],
        seq=row["seq"],
        kind=LegKind(row["kind"]),
        state=LegState(row["state"]),
        reference=str(row["reference"]),
        handle=row["handle"],
        receipt=row["receipt"],
        hold_id=row["hold_id"],
        asked_at=row["asked_at"],
        attempts=row["attempts"],
        stumbles=row["stumbles"],
    )
