"""The saga of a payment, as a pure function: what has happened → what to do.

A payment is a row of legs. Each leg asks one party (an operator, or the chain through the
issuance context) to do one thing, and ends DONE or FAILED; silence keeps it UNKNOWN and is
asked about, never ordered again. ``step`` takes one fact about one leg and answers with
commands; ``execution`` carries them out in the same database transaction that records the fact.

Made so often that they are not dataclasses: a payment from rail to rail takes some fifty of them.
"""

from enum import StrEnum

from msgspec import Struct

from juapesa.money import Currency, Money
from juapesa.payments.domain import Kind, Source, Status
from juapesa.rails.ports import Outcome, RailAnswer, Reason

UNWINDS_MAX = 5
ANOTHER_AMOUNT = "the operator reports another amount than was ordered"


class LegKind(StrEnum):
    """What a leg asks of the world."""

    COLLECT = "collect"  # the payer's operator takes the money
    CHAIN = "chain"  # mint, swap and burn, as this payment needs them
    PAYOUT = "payout"  # the payee's operator pays
    UNWIND = "unwind"  # after a refused payout: mint back what was burnt, swap back
    REFUND = "refund"  # the payer's operator pays the payer back
    RESTORE = "restore"  # after a refused refund: mint what was collected, into the payer's wallet


CHAIN_LEGS = frozenset({LegKind.CHAIN, LegKind.UNWIND, LegKind.RESTORE})
RAIL_LEGS = frozenset({LegKind.COLLECT, LegKind.PAYOUT, LegKind.REFUND})


class LegState(StrEnum):
    """How far a leg is."""

    WAITING = "waiting"  # an earlier leg is not done
    DUE = "due"  # to be asked for
    ASKING = "asking"  # the intent is on record; the world may or may not have heard it
    PENDING = "pending"  # the world has accepted it
    UNKNOWN = "unknown"  # the world is silent
    DONE = "done"
    FAILED = "failed"  # the world said no, or never said yes in time


ENDED = frozenset({LegState.DONE, LegState.FAILED})


class Leg(Struct, frozen=True):
    """One leg as it is on record."""

    seq: int
    kind: LegKind
    state: LegState


class Saga(Struct, frozen=True):
    """A payment and its legs, oldest first."""

    payment_id: int
    kind: Kind
    source: Source
    amount: Money
    total: Money
    receives: Money
    status: Status
    legs: tuple[Leg, ...]

    @property
    def fees(self) -> Money:
        """All fees together, in the payer's currency."""
        return self.total - self.amount

    @property
    def from_currency(self) -> Currency:
        return self.amount.currency

    @property
    def to_currency(self) -> Currency:
        return self.receives.currency

    def leg(self, seq: int) -> Leg:
        """The leg with this number; it exists."""
        return next(leg for leg in self.legs if leg.seq == seq)

    def after(self, leg: Leg) -> Leg | None:
        """The leg that waits for this one."""
        return next((other for other in self.legs if other.seq == leg.seq + 1), None)


# --- facts ---------------------------------------------------------------------------------


class Answered(Struct, frozen=True):
    """An operator answered about a rail leg."""

    answer: RailAnswer


class ItemSettled(Struct, frozen=True):
    """The chain did what a chain leg asked for."""


class ItemFailed(Struct, frozen=True):
    """The chain refused, and this item will never be tried again."""

    reason: str


class GaveUp(Struct, frozen=True):
    """An operator stayed silent for as long as we wait, or our float stayed too low."""

    reason: Reason


class TriedAgain(Struct, frozen=True):
    """A person wants what the chain refused too often to be tried once more."""


Fact = Answered | ItemSettled | ItemFailed | GaveUp | TriedAgain


# --- commands ------------------------------------------------------------------------------


class Booking(StrEnum):
    """Entries in the ledger, each a fixed set of transfers (``bookings``)."""

    COLLECTED = "collected"
    CONVERTED = "converted"
    PAID_OUT = "paid-out"
    PAYOUT_RELEASED = "payout-released"
    UNWOUND = "unwound"
    REFUNDED = "refunded"
    REFUND_RELEASED = "refund-released"
    RESTORED = "restored"
    HOLD_RELEASED = "hold-released"


class Message(StrEnum):
    """What people are told by SMS."""

    RECEIPT = "receipt"
    RECEIVED = "received"  # to the payee of a SEND
    FAILED = "failed"
    PENDING = "pending"
    REFUNDING = "refunding"
    REFUNDED = "refunded"


class SetLeg(Struct, frozen=True):
    """Record a leg's new state."""

    seq: int
    state: LegState


class StartLeg(Struct, frozen=True):
    """A waiting leg becomes due."""

    seq: int


class AddLeg(Struct, frozen=True):
    """Append a leg and start it."""

    kind: LegKind


class Book(Struct, frozen=True):
    """Make these entries. ``seq`` is the leg that caused them and makes the key unique."""

    booking: Booking
    seq: int


class SetStatus(Struct, frozen=True):
    """What the payment now is."""

    status: Status


class Tell(Struct, frozen=True):
    """Send a message, once."""

    message: Message
    reason: Reason = Reason.NONE


class CallOperator(Struct, frozen=True):
    """A person must look: no rule of ours may go on alone.

    ``until_end_of``: the leg whose end ends the call too; None where only the person does.
    """

    why: str
    until_end_of: int | None = None


Command = SetLeg | StartLeg | AddLeg | Book | SetStatus | Tell | CallOperator


def plan(kind: Kind, source: Source) -> tuple[LegKind, ...]:
    """The legs of a payment in which nothing goes wrong."""
    match kind, source:
        case Kind.SEND, Source.RAIL:
            return (LegKind.COLLECT, LegKind.CHAIN, LegKind.PAYOUT)
        case Kind.SEND, Source.WALLET:
            return (LegKind.CHAIN, LegKind.PAYOUT)
        case Kind.RECEIVE, _:
            return (LegKind.COLLECT, LegKind.CHAIN)
        case _:
            return (LegKind.CHAIN,)


def step(saga: Saga, seq: int, fact: Fact) -> list[Command]:
    """The commands that follow from ``fact`` about leg ``seq``. A repeated fact gives none."""
    leg = saga.leg(seq)
    match fact:
        case Answered(answer):
            return _answered(saga, leg, answer)
        case GaveUp(reason):
            return [] if leg.state in ENDED else _failed(saga, leg, reason)
        case ItemSettled():
            return [] if leg.state in ENDED else _done(saga, leg)
        case ItemFailed():
            return [] if leg.state in ENDED else _failed(saga, leg, Reason.OTHER)
        case TriedAgain():
            return [AddLeg(leg.kind)] if is_given_up_by_the_chain(saga, leg) else []


def is_given_up_by_the_chain(saga: Saga, leg: Leg) -> bool:
    """Whether money waits for a leg of the chain that was refused and is not being tried again."""
    undoing = leg.kind in {LegKind.UNWIND, LegKind.RESTORE}
    return undoing and leg.state is LegState.FAILED and saga.after(leg) is None


def _answered(saga: Saga, leg: Leg, answer: RailAnswer) -> list[Command]:
    if leg.state in ENDED:
        return _late(saga, leg, answer)
    match answer.outcome:
        case Outcome.SUCCESS:
            if _names_another_amount(saga, leg, answer):
                return [SetLeg(leg.seq, LegState.UNKNOWN), CallOperator(ANOTHER_AMOUNT)]
            return _done(saga, leg)
        case Outcome.FAILED:
            return _failed(saga, leg, answer.reason)
        case Outcome.PENDING:
            return [SetLeg(leg.seq, LegState.PENDING)]
        case Outcome.ABSENT:
            return [SetLeg(leg.seq, LegState.DUE)]
        case Outcome.UNKNOWN:
            return [SetLeg(leg.seq, LegState.UNKNOWN)]


def _names_another_amount(saga: Saga, leg: Leg, answer: RailAnswer) -> bool:
    expected = saga.receives if leg.kind is LegKind.PAYOUT else saga.total
    return answer.amount is not None and answer.amount != expected


def _late(saga: Saga, leg: Leg, answer: RailAnswer) -> list[Command]:
    """An answer after the end: only a collection that succeeds after all still matters (RAIL-3)."""
    collected_late = (
        leg.kind is LegKind.COLLECT and leg.state is LegState.FAILED and answer.outcome is Outcome.SUCCESS
    )
    if collected_late and _names_another_amount(saga, leg, answer):
        return [CallOperator(ANOTHER_AMOUNT)]
    if collected_late:
        return [
            SetLeg(leg.seq, LegState.DONE),
            Book(Booking.COLLECTED, leg.seq),
            AddLeg(LegKind.REFUND),
            SetStatus(Status.REFUNDING),
            Tell(Message.REFUNDING),
        ]
    contradicts = {LegState.DONE: Outcome.FAILED, LegState.FAILED: Outcome.SUCCESS}[leg.state]
    if answer.outcome is contradicts:
        return [CallOperator(f"a {leg.kind} that ended {leg.state} is now reported {answer.outcome}")]
    return []


def _done(saga: Saga, leg: Leg) -> list[Command]:
    done: list[Command] = [SetLeg(leg.seq, LegState.DONE)]
    following = saga.after(leg)
    start: list[Command] = [StartLeg(following.seq)] if following else []
    match leg.kind:
        case LegKind.COLLECT:
            return [*done, Book(Booking.COLLECTED, leg.seq), SetStatus(Status.PROCESSING), *start]
        case LegKind.CHAIN:
            completed: list[Command] = [SetStatus(Status.COMPLETED), Tell(Message.RECEIPT)]
            return [*done, Book(Booking.CONVERTED, leg.seq), *(start or completed)]
        case LegKind.PAYOUT:
            return [
                *done,
                Book(Booking.PAID_OUT, leg.seq),
                SetStatus(Status.COMPLETED),
                Tell(Message.RECEIPT),
                Tell(Message.RECEIVED),
            ]
        case LegKind.UNWIND:
            back: list[Command] = (
                [AddLeg(LegKind.REFUND)]
                if saga.source is Source.RAIL
                else [
                    Book(Booking.RESTORED, leg.seq),
                    SetStatus(Status.REFUNDED),
                    Tell(Message.REFUNDED),
                ]
            )
            return [*done, Book(Booking.UNWOUND, leg.seq), *back]
        case LegKind.REFUND:
            booked = Book(Booking.REFUNDED, leg.seq)
            return [*done, booked, SetStatus(Status.REFUNDED), Tell(Message.REFUNDED)]
        case LegKind.RESTORE:
            restored = Book(Booking.RESTORED, leg.seq)
            return [*done, restored, SetStatus(Status.REFUNDED), Tell(Message.REFUNDED)]


def _failed(saga: Saga, leg: Leg, reason: Reason) -> list[Command]:
    failed: list[Command] = [SetLeg(leg.seq, LegState.FAILED)]
    refunding: list[Command] = [SetStatus(Status.REFUNDING), Tell(Message.REFUNDING, reason)]
    match leg.kind:
        case LegKind.COLLECT:
            return [*failed, SetStatus(Status.FAILED), Tell(Message.FAILED, reason)]
        case LegKind.CHAIN if saga.source is Source.WALLET:
            released = Book(Booking.HOLD_RELEASED, leg.seq)
            return [*failed, released, SetStatus(Status.FAILED), Tell(Message.FAILED, reason)]
        case LegKind.CHAIN:
            return [*failed, *refunding, AddLeg(LegKind.REFUND)]
        case LegKind.PAYOUT:
            back = LegKind.REFUND if _burnt_nothing_to_undo(saga) else LegKind.UNWIND
            booked = Book(Booking.PAYOUT_RELEASED, leg.seq)
            undo: list[Command] = [Book(Booking.UNWOUND, leg.seq)] if back is LegKind.REFUND else []
            return [*failed, booked, *refunding, *undo, AddLeg(back)]
        case LegKind.REFUND:
            return [*failed, Book(Booking.REFUND_RELEASED, leg.seq), AddLeg(LegKind.RESTORE)]
        case LegKind.UNWIND | LegKind.RESTORE:
            tried = sum(other.kind is leg.kind for other in saga.legs)
            if tried < UNWINDS_MAX:
                return [*failed, AddLeg(leg.kind)]
            return [*failed, CallOperator(f"the chain refused the {leg.kind} {tried} times")]


def _burnt_nothing_to_undo(saga: Saga) -> bool:
    """One currency on both rails: what was burnt is custody again, and leaves by the refund."""
    return saga.source is Source.RAIL and saga.from_currency == saga.to_currency
