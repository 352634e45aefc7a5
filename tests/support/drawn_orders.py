"""Orders as tests draw them, without ids, and which way the database's function booked them."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from juapesa.db import UnitOfWork
from juapesa.ledger.engine.orders import Capture, Line, Order, PlaceHold, Post, Release, Reverse
from support.engine_books import START

PLACES = st.integers(0, 6)  # one more than ``Opened`` has accounts
KEYS = st.sampled_from([f"k{number}" for number in range(14)])  # few, so that they repeat
MINOR = st.sampled_from([1, 2, 3, 5, 8, 13, 40, 100, 300]) | st.sampled_from([0, -1, 10**18, 10**18 + 1])
CODES = st.sampled_from(["send", "fee"])
CURRENCIES = st.sampled_from(["KES", "KES", "KES", "NGN"])
HOURS = st.integers(0, 4)
ROWS = st.integers(0, 12)

DRAWN_LINE = st.tuples(PLACES, PLACES, MINOR, CURRENCIES, CODES, st.none() | HOURS)
DRAWN = st.one_of(
    st.tuples(st.just("post"), KEYS, st.lists(DRAWN_LINE, min_size=1, max_size=3)),
    st.tuples(st.just("hold"), KEYS, DRAWN_LINE),
    st.tuples(st.just("capture"), KEYS, ROWS, st.none() | MINOR, st.booleans()),
    st.tuples(st.just("release"), KEYS, ROWS),
    st.tuples(st.just("reverse"), KEYS, ROWS, CODES),
)

# Orders that are mostly fine. They have no key, and end a hold by its place among those that are open.
_GOOD_PAIRS = st.sampled_from(
    [(3, 0, "KES"), (3, 1, "KES"), (0, 1, "KES"), (0, 2, "KES"), (2, 3, "KES"), (5, 4, "NGN")]
)
_SMALL = st.sampled_from([1, 2, 3, 5, 8])
_GOOD_LINE = st.builds(
    lambda pair, amount, code, hours: (*pair[:2], amount, pair[2], code, hours),
    _GOOD_PAIRS, _SMALL, CODES, st.none() | HOURS,
)  # fmt: skip
GOOD = st.one_of(
    st.tuples(st.just("post"), st.lists(_GOOD_LINE, min_size=1, max_size=3)),
    st.tuples(st.just("hold"), _GOOD_LINE),
    st.tuples(st.just("capture"), ROWS, st.none() | _SMALL, st.booleans()),
    st.tuples(st.just("release"), ROWS),
)

# A list of orders that nothing can refuse, out of accounts that may go as low as they like.
FUNDING = st.lists(
    st.builds(
        lambda pair, amount: ("post", [(*pair[:2], amount, pair[2], "send", None)]),
        st.sampled_from([(3, 0, "KES"), (5, 4, "NGN")]), _SMALL,
    ),
    min_size=4, max_size=12,
)  # fmt: skip


def completed(good: Sequence[Any], keys: Callable[[], str], open_holds: Sequence[int]) -> list[Any]:
    """What was drawn from ``GOOD`` as if it were drawn from ``DRAWN``: each key new, no hold ended twice."""
    left, orders = list(open_holds), []
    for what, *rest in good:
        if what not in {"capture", "release"}:
            orders.append((what, keys(), *rest))
        elif left:
            orders.append((what, keys(), left.pop(rest[0] % len(left)), *rest[1:]))
    return orders


def order_of(drawn: Any, accounts: Sequence[int], row: Callable[[int], int]) -> Order:
    """What was drawn, with ids: of the accounts by their places, of rows by what ``row`` says."""

    def line(each: Any) -> Line:
        debit, credit, amount, currency, code, hours = each
        effective = None if hours is None else START - timedelta(hours=hours)
        return Line(accounts[debit], accounts[credit], amount, currency, code, effective)

    match drawn:
        case ("post", key, lines):
            return Post(key, tuple(line(each) for each in lines))
        case ("hold", key, each):
            asked = line(each)
            expires = START + timedelta(hours=each[5] or 0)
            return PlaceHold(
                key, asked.debit, asked.credit, asked.amount, asked.currency, asked.code, expires
            )
        case ("capture", key, place, amount, last):
            return Capture(key, row(place), amount, last)
        case ("release", key, place):
            return Release(key, row(place))
        case _:
            return Reverse(drawn[1], row(drawn[2]), drawn[3])


def times_by_row(uow: UnitOfWork) -> int:
    """How often this session has booked a list row by row; to be compared within one unit of work."""
    uow.execute("SET LOCAL track_functions = 'pl'")
    row = uow.one(
        "SELECT coalesce(sum(calls), 0)::int AS calls FROM pg_stat_xact_user_functions "
        "WHERE schemaname = 'book' AND funcname IN ('apply_by_row', 'apply_all_by_row')"
    )
    assert row is not None
    return int(row["calls"])
