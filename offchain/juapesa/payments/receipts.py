"""Receipts: what anyone with the code may see, and the full trace for operators."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from juapesa.db import UnitOfWork
from juapesa.ledger import Ledger
from juapesa.payments import sheet_store
from juapesa.payments.bookings import booking_keys
from juapesa.payments.codes import read_code
from juapesa.payments.domain import Status
from juapesa.payments.errors import UnknownPayment
from juapesa.payments.ports import ChainDesk, Receipt, ReceiptStep
from juapesa.payments.saga import CHAIN_LEGS, LegState
from juapesa.payments.sheet import LegRow

_STEP_STATES = {
    LegState.WAITING: "waiting",
    LegState.DONE: "done",
    LegState.FAILED: "failed",
}

# While these last, legs that still wait will be asked for; afterwards they never will.
_UNDERWAY = frozenset({Status.PROCESSING, Status.PENDING})


@dataclass(frozen=True, slots=True)
class TraceLine:
    """One line of a payment's history."""

    at: datetime
    name: str
    detail: str
    reference: str | None
    operator_receipt: str | None


@dataclass(frozen=True)
class Receipts:
    """Reads receipts and traces by code."""

    chain: ChainDesk
    ledger: Ledger

    def receipt(self, uow: UnitOfWork, code: str) -> Receipt:
        """The public receipt. Raises UnknownPayment."""
        row = _payment(uow, code)
        ended = {
            event["seq"]: event["at"]
            for event in uow.all(
                """SELECT seq, max(at) AS at FROM payments.event
                   WHERE payment_id = %s AND seq IS NOT NULL GROUP BY seq""",
                (row["id"],),
            )
        }
        sheet = sheet_store.open_sheets(uow, [row["id"]], lock=False)[row["id"]]
        steps = [ReceiptStep("confirmed", "done", row["created_at"])]
        saga = sheet.saga
        shown = [
            leg
            for leg in sheet.legs.values()
            if saga.status in _UNDERWAY or leg.state is not LegState.WAITING
        ]
        steps += [self._step(uow, leg, ended.get(leg.seq)) for leg in shown]
        return Receipt(
            code=row["code"],
            kind=saga.kind,
            status=saga.status,
            paid=saga.total,
            receives=saga.receives,
            fees=saga.fees,
            rate=row["rate"],
            created_at=row["created_at"],
            ended_at=row["ended_at"],
            steps=tuple(steps),
            ledger_rows=tuple(self.ledger.rows_of(uow, booking_keys(saga))) if row["ended_at"] else (),
        )

    def _step(self, uow: UnitOfWork, leg: LegRow, at: datetime | None) -> ReceiptStep:
        state = _STEP_STATES.get(leg.state, "now")
        if leg.kind not in CHAIN_LEGS or leg.state is LegState.WAITING:
            return ReceiptStep(leg.kind, state, at)
        trail = self.chain.trail(uow, leg.reference)
        return ReceiptStep(leg.kind, state, at, trail.tx_hash, trail.leaf_indexes)

    def trace(self, uow: UnitOfWork, code: str) -> list[TraceLine]:
        """Everything that happened, in order. Raises UnknownPayment."""
        row = _payment(uow, code)
        events = uow.all(
            """SELECT e.at, e.name, e.detail, l.reference, l.receipt FROM payments.event e
               LEFT JOIN payments.leg l ON l.payment_id = e.payment_id AND l.seq = e.seq
               WHERE e.payment_id = %s ORDER BY e.id""",
            (row["id"],),
        )
        return [
            TraceLine(
                event["at"],
                event["name"],
                event["detail"],
                str(event["reference"]) if event["reference"] else None,
                event["receipt"],
            )
            for event in events
        ]


def _payment(uow: UnitOfWork, text: str) -> dict[str, Any]:
    code = read_code(text)
    row = None
    if code is not None:
        row = uow.one(
            """SELECT p.id, p.code, p.created_at, p.ended_at, q.rate FROM payments.payment p
               JOIN payments.quote q ON q.token = p.quote_token WHERE p.code = %s""",
            (code,),
        )
    if row is None:
        raise UnknownPayment("No payment has this code. Check it and try again.")
    return row
