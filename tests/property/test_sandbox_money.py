"""Whatever is ordered, in whatever order and however it is spoilt, an operator's books balance."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from juapesa.money import KES, Money
from juapesa.sandbox.book import OUTSIDE, Book
from juapesa.sandbox.courier import Courier, Delivery
from juapesa.sandbox.engine import Delay, Engine
from juapesa.sandbox.faults import ORDER_FAULTS, Fault, FaultBoard
from juapesa.sandbox.orders import FAILED, SUCCESS, Order, plan
from juapesa.sandbox.store import Store

PEOPLE = ("254700000001", "254700000002", "254700000003")
SPOILT = sorted(ORDER_FAULTS - {"outage", "rate-limit", "timeout-after-accept"})

moves = st.lists(
    st.tuples(st.sampled_from(("outside", "a", "b", "c")), st.sampled_from("abc"), st.integers(0, 10**12)),
    max_size=30,
)
orders = st.lists(
    st.tuples(
        st.sampled_from(("collect", "payout")),
        st.sampled_from(PEOPLE),
        st.integers(1, 40_000),
        st.sampled_from([None, *SPOILT]),
    ),
    max_size=12,
)


class StoppedClock:
    """Always noon."""

    def now(self) -> datetime:
        return datetime(2026, 11, 21, 9, tzinfo=UTC)


@given(moves)
def test_moving_money_never_changes_the_sum(steps: list[tuple[str, str, int]]) -> None:
    store = Store()
    book = Book(KES, store, "t")
    book.open("a", Money.whole(1_000, KES))
    for source, target, minor in steps:
        book.move(source, target, Money(minor, KES))
        assert book.total() == Money.zero(KES)
    store.commit()
    assert Book(KES, store, "t").accounts() == book.accounts()


@settings(max_examples=40, deadline=None)
@given(orders)
def test_every_order_settles_once_and_the_books_balance(wanted: list[tuple[str, str, int, Any]]) -> None:
    book, done = asyncio.run(_play(wanted))
    assert book.total() == Money.zero(KES)
    assert len(done) == len(wanted)
    for order in done:
        assert order.times_moved == (1 if order.status == SUCCESS else 0)
    people = sum((book.balance(each) for each in PEOPLE), Money.zero(KES))
    assert people + book.balance("float") == -book.balance(OUTSIDE)
    assert all(held >= Money.zero(KES) for name, held in book.accounts().items() if name != OUTSIDE)


async def _play(wanted: list[tuple[str, str, int, Any]]) -> tuple[Book, list[Order]]:
    store, clock = Store(), StoppedClock()
    book = Book(KES, store, "t")
    book.open("float", Money(50_000, KES))
    for person in PEOPLE:
        book.open(person, Money(50_000, KES))

    def settle(order: Order) -> None:
        ends = (order.phone, "float") if order.kind == "collect" else ("float", order.phone)
        if order.plan.fail_code or not book.covers(ends[0], order.amount):
            order.status = FAILED
            return
        book.move(*ends, order.amount)
        order.times_moved += 1
        order.status = SUCCESS

    def notify(_: Order, *, forged: bool) -> Delivery | None:
        del forged
        return None

    board = FaultBoard({"callback": frozenset()}, clock)
    engine = Engine(
        "t", store, clock, board, Courier(), delay=Delay(0, 0), seed=1, settle=settle, notify=notify
    )
    for number, (kind, phone, minor, spoilt) in enumerate(wanted):
        fault = Fault(str(number), kind, spoilt, seconds=0.0) if spoilt else None
        engine.accept(_order(str(number), kind, phone, minor, fault))
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task is not asyncio.current_task()))
    return book, list(engine.orders.values())


def _order(number: str, kind: str, phone: str, minor: int, fault: Fault | None) -> Order:
    return Order(
        id=number,
        kind=kind,
        reference=number,
        phone=phone,
        minor=minor,
        currency="KES",
        exponent=2,
        callback_url=None,
        accepted_at=0.0,
        settle_at=0.0,
        plan=plan(fault, "1032"),
        wire={},
    )
