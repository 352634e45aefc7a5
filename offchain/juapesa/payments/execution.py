"""Carry out the saga's commands in the database transaction that records the fact behind them."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from juapesa.clock import Clock
from juapesa.crypto import Sealer
from juapesa.db import UnitOfWork
from juapesa.issuance.domain import Source as MintSource
from juapesa.ledger import (
    AccountName,
    Hold,
    Ledger,
    LedgerOrder,
    Transfer,
    order_capture,
    order_post,
    order_release,
)
from juapesa.money import Currency, Money
from juapesa.payments import bookings, messages, store
from juapesa.payments.bookings import Entry, Parties
from juapesa.payments.chain_orders import Custody, chain_order
from juapesa.payments.domain import Status
from juapesa.payments.ports import ChainDesk, Outbox
from juapesa.payments.saga import (
    CHAIN_LEGS,
    ENDED,
    AddLeg,
    Book,
    Booking,
    CallOperator,
    Command,
    Fact,
    Leg,
    LegKind,
    LegState,
    Message,
    SetLeg,
    SetStatus,
    StartLeg,
    Tell,
    step,
)
from juapesa.wallet import People

RAIL_WORK = "rail_work"  # notification channel: a rail leg is due
HOLD_DAYS = 36_500  # only the payment itself ends its holds: money under way is never let go by a calendar
PHONE_CONTEXT = "payments.to_phone"

_FINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.REFUNDED})


@dataclass(frozen=True)
class Execution:
    """The saga's hands: ledger, chain desk, messages."""

    ledger: Ledger
    chain: ChainDesk
    outbox: Outbox
    people: People
    sealer: Sealer
    clock: Clock
    public_url: str
    float_rails: Mapping[Currency, str]  # the rail whose float is the custody of a currency

    def record(self, uow: UnitOfWork, payment_id: int, seq: int, fact: Fact) -> None:
        """Take in one fact about one leg and do all that follows from it."""
        loaded = store.load(uow, payment_id)
        self.run(uow, payment_id, seq, step(loaded.saga, seq, fact))

    def run(self, uow: UnitOfWork, payment_id: int, seq: int, commands: list[Command]) -> None:
        """Carry out commands in order."""
        for command in commands:
            self._do(uow, payment_id, seq, command)

    def start(self, uow: UnitOfWork, payment_id: int, seq: int) -> None:
        """Make a leg due: a rail leg for the settler, a chain leg as an order to the relayer."""
        now = self.clock.now()
        loaded = store.load(uow, payment_id)
        leg = loaded.leg(seq)
        store.add_event(uow, payment_id, now, f"{leg.kind} started", seq=seq)
        if leg.kind in CHAIN_LEGS:
            self._order_chain(uow, loaded, leg)
            store.set_leg(uow, payment_id, seq, state=LegState.PENDING, asked_at=now, next_at=now)
        else:
            store.set_leg(uow, payment_id, seq, state=LegState.DUE, next_at=now)
            uow.notify(RAIL_WORK)

    def hold(self, uow: UnitOfWork, key: str, entry: Entry) -> Hold:
        """Reserve money on both sides. Raises LimitExceeded."""
        expires_at = self.clock.now() + timedelta(days=HOLD_DAYS)
        return self.ledger.hold(uow, key, self._transfers(uow, [entry])[0], expires_at)

    def available(self, uow: UnitOfWork, *accounts: AccountName) -> list[Money]:
        """What may be taken from each of these accounts now."""
        ids = self.ledger.accounts(uow, accounts)
        balances = self.ledger.balances(uow, list(ids.values()))
        return [balances[ids[each]].available for each in accounts]

    def _do(self, uow: UnitOfWork, payment_id: int, seq: int, command: Command) -> None:
        now = self.clock.now()
        match command:
            case SetLeg(leg_seq, state):
                self._set_leg(uow, payment_id, leg_seq, state, now)
            case StartLeg(leg_seq):
                self.start(uow, payment_id, leg_seq)
            case AddLeg(kind):
                self._add_leg(uow, payment_id, kind)
            case Book(booking, leg_seq):
                self._book(uow, payment_id, booking, leg_seq)
            case SetStatus(status):
                store.set_status(uow, payment_id, status, now if status in _FINAL else None)
                store.add_event(uow, payment_id, now, status)
            case Tell(message, reason):
                self._tell(uow, payment_id, Tell(message, reason))
            case CallOperator():
                self._call_operator(uow, payment_id, seq, command)

    def _set_leg(self, uow: UnitOfWork, payment_id: int, seq: int, state: LegState, now: datetime) -> None:
        before = store.load(uow, payment_id).leg(seq)
        if before.state is not state:
            store.add_event(uow, payment_id, now, f"{before.kind} {state}", seq=seq)
        store.set_leg(uow, payment_id, seq, state=state)
        if state is LegState.DUE:
            store.set_leg(uow, payment_id, seq, next_at=now, lease_until=None)
        if state in ENDED:
            store.set_leg(uow, payment_id, seq, next_at=None)
            if before.state not in ENDED and store.end_call(uow, payment_id, seq):
                store.add_event(uow, payment_id, now, "needs no operator any more", seq=seq)

    def _call_operator(self, uow: UnitOfWork, payment_id: int, seq: int, call: CallOperator) -> None:
        """Call a person, once for each reason: what is asked about again and again says the same."""
        if store.needs_operator(uow, payment_id) == call.why:
            return
        store.call_operator(uow, payment_id, call.why, call.until_end_of)
        store.add_event(uow, payment_id, self.clock.now(), "needs an operator", call.why, seq)

    def _add_leg(self, uow: UnitOfWork, payment_id: int, kind: LegKind) -> None:
        legs = store.load(uow, payment_id).legs
        seq = legs[-1].seq + 1
        store.insert_leg(uow, payment_id, Leg(seq, kind, LegState.WAITING), str(uuid.uuid4()), None)
        self.start(uow, payment_id, seq)

    def _order_chain(self, uow: UnitOfWork, loaded: store.Loaded, leg: store.LegRow) -> None:
        order = chain_order(leg.kind, loaded.saga, _custody(loaded, leg))
        names = [bookings.float_at(rail, currency) for currency, rail in self.float_rails.items()]
        floats = dict(zip(self.float_rails, self.available(uow, *names), strict=True))
        self.chain.order(uow, leg.reference, order, floats)

    def _book(self, uow: UnitOfWork, payment_id: int, booking: Booking, seq: int) -> None:
        """What ends a hold and what moves beside it is one call: all of it or nothing."""
        loaded = store.load(uow, payment_id)
        key = bookings.booking_key(payment_id, seq, booking)
        orders = self._hold_end(loaded, booking, seq, key)
        entries = bookings.entries(booking, loaded.saga, parties(loaded))
        if entries:
            orders.append(order_post(key, self._transfers(uow, entries)))
        if orders:
            self.ledger.book(uow, orders)

    def _hold_end(self, loaded: store.Loaded, booking: Booking, seq: int, key: str) -> list[LedgerOrder]:
        hold_id = loaded.leg(seq).hold_id
        match booking:
            case Booking.CONVERTED if not bookings.funded_by_hold(loaded.saga):
                return []
            case Booking.CONVERTED | Booking.PAID_OUT | Booking.REFUNDED:
                assert hold_id is not None, "the leg that moves reserved money has its hold"
                return [order_capture(f"{key}/capture", hold_id)]
            case Booking.HOLD_RELEASED | Booking.PAYOUT_RELEASED | Booking.REFUND_RELEASED:
                return [] if hold_id is None else [order_release(f"{key}/release", hold_id)]
            case _:
                return []

    def _tell(self, uow: UnitOfWork, payment_id: int, tell: Tell) -> None:
        loaded = store.load(uow, payment_id)
        person = self.people.get(uow, loaded.person_id)
        to: int | str = person.id
        language = person.language
        if tell.message is Message.RECEIVED:
            assert loaded.to_phone_sealed is not None
            to, language = self.sealer.open(loaded.to_phone_sealed, PHONE_CONTEXT).decode(), "en"
        text = messages.text(
            tell.message,
            language,
            code=loaded.code,
            paid=loaded.saga.total,
            receives=loaded.saga.receives,
            reason=tell.reason,
            url=f"{self.public_url}/p/{loaded.code}",
        )
        self.outbox.enqueue(uow, f"payment/{payment_id}/{tell.message}", to, text)

    def _transfers(self, uow: UnitOfWork, entries: list[Entry]) -> list[Transfer]:
        ids = self.ledger.accounts(uow, [name for each in entries for name in (each.debit, each.credit)])
        return [Transfer(ids[each.debit], ids[each.credit], each.amount, each.code) for each in entries]


def parties(loaded: store.Loaded) -> Parties:
    """Who stands at both ends of a payment."""
    return Parties(loaded.person_id, loaded.from_rail, loaded.to_rail)


def _custody(loaded: store.Loaded, leg: store.LegRow) -> Custody | None:
    """The operator's movement that the mint of a chain leg rests on."""
    match leg.kind:
        case LegKind.CHAIN:
            collect = loaded.last(LegKind.COLLECT)
            if collect is None:
                return None
            # An operator may confirm a collection and yet not name its receipt; our reference stands in.
            return Custody(MintSource.COLLECT, loaded.from_rail, collect.reference, collect.receipt or "")
        case LegKind.UNWIND:
            assert loaded.to_rail is not None
            return _refused(loaded, LegKind.PAYOUT, loaded.to_rail)
        case _:
            return _refused(loaded, LegKind.REFUND, loaded.from_rail)


def _refused(loaded: store.Loaded, kind: LegKind, rail: str) -> Custody:
    refused = loaded.last(kind)
    assert refused is not None
    return Custody(MintSource.PAYOUT_FAILED, rail, refused.reference, refused.receipt or "")
