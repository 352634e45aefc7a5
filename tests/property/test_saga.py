"""Whatever the world answers, in whatever order and however often, no money is lost or doubled."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from juapesa.ledger import AccountKind, AccountName
from juapesa.money import KES, NGN, USDC, Money
from juapesa.payments import bookings
from juapesa.payments.bookings import Entry, Parties
from juapesa.payments.domain import Kind, Source, Status
from juapesa.payments.saga import (
    CHAIN_LEGS,
    ENDED,
    AddLeg,
    Answered,
    Book,
    Booking,
    CallOperator,
    Command,
    Fact,
    GaveUp,
    ItemFailed,
    ItemSettled,
    Leg,
    LegKind,
    LegState,
    Saga,
    SetLeg,
    SetStatus,
    StartLeg,
    Tell,
    TriedAgain,
    plan,
    step,
)
from juapesa.rails.ports import Outcome, RailAnswer, Reason

FINAL = {Status.COMPLETED, Status.FAILED, Status.REFUNDED}
PARTIES = Parties(person_id=7, from_rail="mpesa-ke", to_rail="momo-ng")


class World:
    """A saga with books kept in a dict; carries out commands as the execution does."""

    def __init__(self, kind: Kind, source: Source, *, cross_border: bool) -> None:
        amount, total = Money(100_000, KES), Money(100_900, KES)
        if kind is Kind.RECEIVE:
            total = receives = amount
        elif kind is Kind.CONVERT:
            receives = Money(7_700_000, USDC)
        else:
            receives = Money(1_140_000, NGN) if cross_border else amount
        legs = tuple(Leg(seq, each, LegState.WAITING) for seq, each in enumerate(plan(kind, source)))
        self.saga = Saga(1, kind, source, amount, total, receives, Status.PROCESSING, legs)
        self.parties = PARTIES if cross_border else Parties(7, "mpesa-ke", "mpesa-ke")
        self.balances: dict[AccountName, int] = defaultdict(int)
        self.held: dict[int, Entry] = {}
        self.bookings: list[tuple[Booking, int]] = []
        self.messages: list[Tell] = []
        self.operator_called = False
        if source is Source.WALLET:
            self.balances[bookings.wallet(7, KES)] = total.minor
            self.held[0] = bookings.wallet_hold(self.saga, self.parties)
        self.start(0)

    def tell(self, seq: int, fact: Fact) -> None:
        for command in step(self.saga, seq, fact):
            self.do(command)

    def do(self, command: Command) -> None:
        match command:
            case SetLeg(seq, state):
                self.set_leg(seq, state)
            case StartLeg(seq):
                self.start(seq)
            case AddLeg(kind):
                seq = len(self.saga.legs)
                self.replace(legs=(*self.saga.legs, Leg(seq, kind, LegState.WAITING)))
                self.start(seq)
            case SetStatus(status):
                self.replace(status=status)
            case Tell():
                self.messages.append(command)
            case CallOperator():
                self.operator_called = True
            case Book(booking, seq):
                self.book(booking, seq)

    def start(self, seq: int) -> None:
        leg = self.saga.leg(seq)
        assert leg.state is LegState.WAITING, "a leg starts once"
        self.set_leg(seq, LegState.PENDING)
        if leg.kind is LegKind.PAYOUT:
            self.held[seq] = bookings.payout_hold(self.saga, self.parties)
        if leg.kind is LegKind.REFUND:
            self.held[seq] = bookings.refund_hold(self.saga, self.parties)

    def book(self, booking: Booking, seq: int) -> None:
        assert (booking, seq) not in self.bookings, "one booking a leg"
        self.bookings.append((booking, seq))
        captured = booking in {Booking.PAID_OUT, Booking.REFUNDED} or (
            booking is Booking.CONVERTED and bookings.funded_by_hold(self.saga)
        )
        if captured:
            self.move(self.held.pop(seq))
        if booking in {Booking.HOLD_RELEASED, Booking.PAYOUT_RELEASED, Booking.REFUND_RELEASED}:
            self.held.pop(seq)
        for entry in bookings.entries(booking, self.saga, self.parties):
            self.move(entry)

    def move(self, entry: Entry) -> None:
        assert entry.amount.minor > 0
        assert entry.debit != entry.credit
        self.balances[entry.debit] -= entry.amount.minor
        self.balances[entry.credit] += entry.amount.minor
        floored = {AccountKind.IN_TRANSIT, AccountKind.WALLET, AccountKind.FEES}
        assert entry.debit.kind not in floored or self.balances[entry.debit] >= 0

    def set_leg(self, seq: int, state: LegState) -> None:
        legs = tuple(Leg(leg.seq, leg.kind, state) if leg.seq == seq else leg for leg in self.saga.legs)
        self.replace(legs=legs)

    def replace(self, **changes: object) -> None:
        self.saga = structs.replace(self.saga, **changes)

    def balance(self, account: AccountName) -> int:
        return self.balances[account]


OUTCOMES = st.sampled_from(
    [
        Answered(RailAnswer(Outcome.SUCCESS)),
        Answered(RailAnswer(Outcome.FAILED, Reason.PAYER_FUNDS)),
        Answered(RailAnswer(Outcome.PENDING)),
        Answered(RailAnswer(Outcome.UNKNOWN)),
        Answered(RailAnswer(Outcome.ABSENT)),
        GaveUp(Reason.EXPIRED),
        ItemSettled(),
        ItemFailed("slippage"),
        TriedAgain(),
    ]
)
SHAPES = st.sampled_from(
    [
        (Kind.SEND, Source.RAIL, True),
        (Kind.SEND, Source.RAIL, False),
        (Kind.SEND, Source.WALLET, True),
        (Kind.SEND, Source.WALLET, False),
        (Kind.RECEIVE, Source.RAIL, False),
        (Kind.CONVERT, Source.WALLET, False),
    ]
)


def fits(leg: Leg, fact: Fact) -> bool:
    """Chain facts are about chain legs, operators' answers about rail legs; payouts are never given up."""
    if leg.kind in CHAIN_LEGS:
        return isinstance(fact, ItemSettled | ItemFailed)
    if isinstance(fact, GaveUp):
        return leg.kind is LegKind.COLLECT
    return isinstance(fact, Answered)


@given(SHAPES, st.lists(st.tuples(st.integers(0, 12), OUTCOMES), max_size=60))
def test_books_balance_and_money_reaches_one_end_whatever_happens(
    shape: tuple[Kind, Source, bool], facts: list[tuple[int, Fact]]
) -> None:
    kind, source, cross_border = shape
    world = World(kind, source, cross_border=cross_border)
    for at, fact in facts:
        started = [leg for leg in world.saga.legs if leg.state is not LegState.WAITING]
        leg = started[at % len(started)]
        if fits(leg, fact):
            world.tell(leg.seq, fact)

    in_transit = {a: v for a, v in world.balances.items() if a.kind is AccountKind.IN_TRANSIT}
    assert all(value >= 0 for value in in_transit.values())
    open_legs = [leg for leg in world.saga.legs if leg.state not in {*ENDED, LegState.WAITING}]
    if world.saga.status in FINAL:
        assert not open_legs, "nothing is under way after the end"
        assert not world.held
        assert all(value == 0 for value in in_transit.values())
        person_is_square(world)
    else:
        assert open_legs or world.operator_called, "a payment that is not at its end has something to do"


def person_is_square(world: World) -> None:
    saga = world.saga
    wallet = world.balance(bookings.wallet(7, KES))
    paid_in = -world.balance(bookings.float_at("mpesa-ke", KES))
    if saga.status is Status.FAILED:
        assert paid_in == 0
        assert wallet == (saga.total.minor if saga.source is Source.WALLET else 0)
        assert world.balance(bookings.fees(KES)) == 0
    if saga.status is Status.REFUNDED:
        assert wallet == paid_in + (saga.total.minor if saga.source is Source.WALLET else 0)
        assert world.balance(bookings.fees(KES)) == 0
        assert world.balance(bookings.float_at("momo-ng", NGN)) == 0
    if saga.status is Status.COMPLETED and saga.kind is Kind.SEND and saga.to_currency == NGN:
        assert world.balance(bookings.float_at("momo-ng", NGN)) == saga.receives.minor
    if saga.status is Status.COMPLETED and saga.kind is Kind.CONVERT:
        assert world.balance(bookings.wallet(7, USDC)) == saga.receives.minor


@given(SHAPES)
def test_a_payment_in_which_nothing_goes_wrong_completes(shape: tuple[Kind, Source, bool]) -> None:
    kind, source, cross_border = shape
    world = World(kind, source, cross_border=cross_border)
    for leg in world.saga.legs:
        done = ItemSettled() if leg.kind in CHAIN_LEGS else Answered(RailAnswer(Outcome.SUCCESS))
        world.tell(leg.seq, done)
    assert world.saga.status is Status.COMPLETED
    person_is_square(world)


@given(SHAPES, OUTCOMES)
def test_a_fact_told_twice_changes_nothing_more(shape: tuple[Kind, Source, bool], fact: Fact) -> None:
    kind, source, cross_border = shape
    world = World(kind, source, cross_border=cross_border)
    if not fits(world.saga.leg(0), fact):
        return
    world.tell(0, fact)
    before = (world.saga, dict(world.balances), list(world.bookings), list(world.messages))
    if world.saga.leg(0).state in ENDED:
        world.tell(0, fact)
        assert (world.saga, dict(world.balances), world.bookings, world.messages) == before


def test_a_collection_that_succeeds_after_we_gave_up_is_paid_back() -> None:
    world = World(Kind.SEND, Source.RAIL, cross_border=True)
    world.tell(0, GaveUp(Reason.EXPIRED))
    assert world.saga.status is Status.FAILED
    world.tell(0, Answered(RailAnswer(Outcome.SUCCESS)))
    assert world.saga.status is Status.REFUNDING
    refund = world.saga.legs[-1]
    assert refund.kind is LegKind.REFUND
    world.tell(refund.seq, Answered(RailAnswer(Outcome.SUCCESS)))
    assert world.saga.status is Status.REFUNDED
    person_is_square(world)


def test_another_amount_than_ordered_is_never_booked() -> None:
    world = World(Kind.SEND, Source.RAIL, cross_border=True)
    world.tell(0, Answered(RailAnswer(Outcome.SUCCESS, amount=Money(1, KES))))
    assert world.operator_called
    assert not world.bookings


def test_another_amount_that_comes_to_light_late_is_for_a_person_to_look_at() -> None:
    world = World(Kind.SEND, Source.RAIL, cross_border=True)
    world.tell(0, GaveUp(Reason.EXPIRED))
    world.tell(0, Answered(RailAnswer(Outcome.SUCCESS, amount=Money(1, KES))))
    assert world.operator_called
    assert not world.bookings
