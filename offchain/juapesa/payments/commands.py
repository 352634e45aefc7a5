"""Carry out the saga's commands on a payment's sheet. No database, no clock: the time is handed in."""

from datetime import datetime

from juapesa.ledger import order_capture, order_release
from juapesa.payments import bookings
from juapesa.payments.domain import Status
from juapesa.payments.saga import (
    CHAIN_LEGS,
    ENDED,
    AddLeg,
    Book,
    Booking,
    CallOperator,
    Command,
    Fact,
    LegState,
    SetLeg,
    SetStatus,
    StartLeg,
    Tell,
    step,
)
from juapesa.payments.sheet import Posting, Sheet

_FINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.REFUNDED})


def record(sheet: Sheet, seq: int, fact: Fact, now: datetime) -> None:
    """Take in one fact about one leg and do all that follows from it."""
    run(sheet, seq, step(sheet.saga, seq, fact), now)


def run(sheet: Sheet, seq: int, commands: list[Command], now: datetime) -> None:
    """Carry out commands in order; ``seq`` is the leg that they are about."""
    for command in commands:
        _do(sheet, seq, command, now)


def start(sheet: Sheet, seq: int, now: datetime) -> None:
    """Make a leg due: a rail leg for the settler, a chain leg as an order to the relayer."""
    kind = sheet.leg(seq).kind
    sheet.add_event(now, f"{kind} started", seq=seq)
    if kind in CHAIN_LEGS:
        sheet.chain.append(seq)
        sheet.set_leg(seq, state=LegState.PENDING, asked_at=now, next_at=now)
    else:
        sheet.set_leg(seq, state=LegState.DUE, next_at=now)
        sheet.wakes = True


def _do(sheet: Sheet, seq: int, command: Command, now: datetime) -> None:
    match command:
        case SetLeg(leg_seq, state):
            _set_leg(sheet, leg_seq, state, now)
        case StartLeg(leg_seq):
            start(sheet, leg_seq, now)
        case AddLeg(kind):
            start(sheet, sheet.add_leg(kind), now)
        case Book(booking, leg_seq):
            _book(sheet, booking, leg_seq)
        case SetStatus(status):
            sheet.set_status(status, now if status in _FINAL else None)
            sheet.add_event(now, status)
        case Tell():
            sheet.messages.append(command)
        case CallOperator():
            _call_operator(sheet, seq, command, now)


def _set_leg(sheet: Sheet, seq: int, state: LegState, now: datetime) -> None:
    before = sheet.leg(seq)
    if before.state is not state:
        sheet.add_event(now, f"{before.kind} {state}", seq=seq)
    sheet.set_leg(seq, state=state)
    if state is LegState.DUE:
        sheet.set_leg(seq, next_at=now, lease_until=None)
    if state in ENDED:
        sheet.set_leg(seq, next_at=None)
        if before.state not in ENDED and sheet.call_ends_with == seq:
            sheet.call_operator(None)
            sheet.add_event(now, "needs no operator any more", seq=seq)


def _call_operator(sheet: Sheet, seq: int, call: CallOperator, now: datetime) -> None:
    """Call a person, once for each reason: what is asked about again and again says the same."""
    if sheet.needs_operator == call.why:
        return
    sheet.call_operator(call.why, call.until_end_of)
    sheet.add_event(now, "needs an operator", call.why, seq)


def _book(sheet: Sheet, booking: Booking, seq: int) -> None:
    """What ends a hold, and what moves beside it."""
    key = bookings.booking_key(sheet.payment_id, seq, booking)
    hold_id = sheet.leg(seq).hold_id
    match booking:
        case Booking.CONVERTED if not bookings.funded_by_hold(sheet.terms):
            pass
        case Booking.CONVERTED | Booking.PAID_OUT | Booking.REFUNDED:
            assert hold_id is not None, "the leg that moves reserved money has its hold"
            sheet.bookings.append(order_capture(f"{key}/capture", hold_id))
        case Booking.HOLD_RELEASED | Booking.PAYOUT_RELEASED | Booking.REFUND_RELEASED:
            if hold_id is not None:
                sheet.bookings.append(order_release(f"{key}/release", hold_id))
        case _:
            pass
    if entries := bookings.entries(booking, sheet.terms, sheet.frame.parties):
        sheet.bookings.append(Posting(key, tuple(entries)))
