"""The SQL of quotes and of payments as a person sees them. Payments at work are in ``sheet_store``."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from juapesa.db import UnitOfWork
from juapesa.money import Money, currency
from juapesa.payments.domain import Fee, Kind, Order, Quote, Source, Status, Summary


@dataclass(frozen=True, slots=True)
class StoredQuote:
    """A quote with what only payments may know."""

    quote: Quote
    person_id: int
    from_rail: str
    to_rail: str | None
    to_phone_sealed: bytes | None


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
