"""A list of orders that is booked all at once leaves what it would have left row by row."""

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from juapesa.db import Database, UnitOfWork
from juapesa.ledger.engine.orders import Capture, Line, Order, Post
from support.books import assert_books_verify
from support.drawn_orders import DRAWN, GOOD, completed, order_of, times_by_row
from support.engine_books import Opened, hold, send
from support.postgres import PostgresForTests

NOWHERE = 10**15
FUNCTIONS = st.sampled_from(["apply", "apply_all"])
BALANCES = "SELECT account, posted, held, incoming, entries, last_id FROM book.balances ORDER BY account"
REFERRING = range(3, 9)  # kinds of rows whose detail is another row


def call(uow: UnitOfWork, function: str, orders: Sequence[Order]) -> Any:
    row = uow.one(f"SELECT book.{function}(%s::jsonb) AS said", (msgspec.json.encode(orders).decode(),))
    assert row is not None
    return row["said"]


def left(uow: UnitOfWork, said: Any) -> dict[str, Any]:
    """Answers and tables, with rows called by their place in the order of ids."""
    rows = uow.tuples("SELECT * FROM book.transfers ORDER BY id")
    places = {row[0]: place for place, row in enumerate(rows)}
    lines = {row[0]: row[12] for row in rows}
    for row in rows:
        assert lines[row[0] - row[12]] == 0, "the ids of a group follow each other"
    for answer in said if isinstance(said, list) else []:
        for row in answer.get("rows", []):
            row["id"] = places[row["id"]]
    return {
        "said": said,
        "transfers": [
            (*row[1:6], places.get(row[6]), places.get(row[7]),
             places[row[8]] if row[10] in REFERRING else row[8], *row[9:])
            for row in rows
        ],
        "balances": [
            (*row[:5], places.get(row[5]))
            for row in uow.tuples(BALANCES)
        ],
        "holds": [
            (places[row[0]], *row[1:]) for row in uow.tuples("SELECT * FROM book.open_holds ORDER BY id")
        ],
        "checkpoints": sorted(
            (row[0], places[row[1]], row[2]) for row in uow.tuples("SELECT * FROM book.checkpoints")
        ),
        "reversals": sorted(
            (places[row[0]], places[row[1]]) for row in uow.tuples("SELECT * FROM book.reversals")
        ),
        "codes": uow.tuples("SELECT id, code FROM book.codes ORDER BY id"),
    }  # fmt: skip


def book_both_ways(database: Database, function: str, orders: Sequence[Order]) -> str:
    """Book row by row, take it back, book again as it pleases the function; which way that was."""
    with database.unit_of_work() as uow:
        uow.execute("SAVEPOINT before")
        by_row = left(uow, call(uow, f"{function}_by_row", orders))
        uow.execute("ROLLBACK TO SAVEPOINT before")
        times = times_by_row(uow)
        either = left(uow, call(uow, function, orders))
        way = "together" if times_by_row(uow) == times else "by row"
    for what, expected in by_row.items():
        assert either[what] == expected, what
    return way


def drawn_orders(database: Database, drawn: Sequence[Any], keys: Any, accounts: Sequence[int]) -> list[Order]:
    """What was drawn for the books as they are now."""
    with database.unit_of_work() as uow:
        rows = [number for (number,) in uow.tuples("SELECT id FROM book.transfers ORDER BY id")]
        holds = [rows.index(number) for (number,) in uow.tuples("SELECT id FROM book.open_holds ORDER BY id")]
    good = completed([rest for word, rest in drawn if word == "good"], lambda: f"new{next(keys)}", holds)
    wild = [rest for word, rest in drawn if word == "any"]
    return [
        order_of(each, accounts, lambda place: rows[place] if place < len(rows) else NOWHERE + place)
        for each in [*good, *wild]
    ]


GOOD_LIST = st.lists(st.tuples(st.just("good"), GOOD), min_size=5, max_size=12)
MIXED_LIST = st.lists(
    st.tuples(st.just("any"), DRAWN) | st.tuples(st.just("good"), GOOD), min_size=3, max_size=8
)


def test_any_list_comes_out_as_row_by_row(postgres: PostgresForTests) -> None:
    ways: Counter[str] = Counter()

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(FUNCTIONS, GOOD_LIST, MIXED_LIST, MIXED_LIST), min_size=2, max_size=4))
    def run(history: list[Any]) -> None:
        keys = itertools.count()
        with postgres.connected(connections_max=1) as database:
            accounts = [*Opened.new(database).all(), NOWHERE]
            funds = [(3, 0, 200, "KES", "send", None), (2, 3, 200, "KES", "fee", None)]
            book_both_ways(database, "apply_all", [order_of(("post", "fund", funds), accounts, int)])
            for function, *lists in history:
                for drawn in lists:
                    orders = drawn_orders(database, drawn, keys, accounts)
                    ways[book_both_ways(database, function, orders)] += 1
            assert_books_verify(database)

    run()
    assert ways["together"] > 20, ways
    assert ways["by row"] > 10, ways  # drawn: 26 to 53 in seven runs


OLD, REUSED = st.tuples(st.just("old"), st.integers(0, 99)), st.tuples(st.just("reused"), st.integers(0, 99))


def test_a_list_that_is_sent_again_in_part_comes_out_as_row_by_row(postgres: PostgresForTests) -> None:
    """Longer than what goes row by row anyway: orders booked before, others under their keys, new ones."""
    new = st.tuples(st.just("good"), GOOD) | st.tuples(st.just("any"), DRAWN)

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(st.tuples(st.just("good"), GOOD), min_size=10, max_size=20),
        st.lists(OLD | OLD | REUSED | new, min_size=17, max_size=40),
    )
    def run(first: list[Any], then: list[Any]) -> None:
        keys = itertools.count()
        with postgres.connected(connections_max=1) as database:
            accounts = [*Opened.new(database).all(), NOWHERE]
            funds = [(3, 0, 200, "KES", "send", None), (2, 3, 200, "KES", "fee", None)]
            book_both_ways(database, "apply_all", [order_of(("post", "fund", funds), accounts, int)])
            booked = drawn_orders(database, first, keys, accounts)
            book_both_ways(database, "apply", booked)
            fresh = iter(drawn_orders(database, then, keys, accounts))
            orders = []
            for word, drawn in then:
                if word in {"good", "any"}:
                    orders += itertools.islice(fresh, 1)
                    continue
                old = booked[drawn % len(booked)]
                other = send(old.key, accounts[3], accounts[0], 1 + drawn)
                orders.append(old if word == "old" else other)
            book_both_ways(database, "apply", orders)
            assert_books_verify(database)

    run()


def test_a_long_list_leaves_the_same_checkpoints_keys_and_holds(postgres: PostgresForTests) -> None:
    with postgres.connected(connections_max=1) as database:
        house = Opened.new(database)
        many = Post("many", tuple(Line(house.capital, house.anna, 7, "KES", "send") for _ in range(100)))
        posts = [send(f"p{number}", house.capital, house.anna, 5) for number in range(100)]
        holds = [hold(f"h{number}", house.anna, house.ben, 2) for number in range(100)]
        first = [send("first", house.capital, house.anna, 1), hold("first hold", house.anna, house.ben, 1)]
        assert book_both_ways(database, "apply_all", first) == "by row", "it is short"
        assert book_both_ways(database, "apply_all", [many, *posts]) == "together"
        assert book_both_ways(database, "apply", holds) == "together"
        with database.unit_of_work() as uow:
            placed = [number for (number,) in uow.tuples("SELECT id FROM book.open_holds ORDER BY id DESC")]
        ends = [Capture(f"c{place}", number, place % 3 or None) for place, number in enumerate(placed)]
        assert book_both_ways(database, "apply_all", ends) == "together"
        assert book_both_ways(database, "apply_all", ends) == "by row"
        assert_books_verify(database)
