"""The model, the engine and the function in the database give the same answers on any history."""

import itertools
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from juapesa.ledger.engine.books import CHECKPOINT_ENTRIES
from juapesa.ledger.engine.function import apply_orders
from juapesa.ledger.engine.model import Model, ModelAccount
from juapesa.ledger.engine.orders import Answer, Done, Expire, Kind, Order, micros
from support.drawn_orders import DRAWN, FUNDING, GOOD, HOURS, completed, order_of, times_by_row
from support.engine_books import START, EngineByHand, Opened
from support.postgres import PostgresForTests

ACCOUNTS_LOADED = 1  # of six: the others are learnt when they are needed
NOWHERE = 10**15


class Back:
    """A back under test: its own ids for the rows that the model numbers."""

    def __init__(self) -> None:
        self.rows: list[int] = []

    def row(self, place: int) -> int:
        return self.rows[place] if place < len(self.rows) else NOWHERE + place

    def told(self, answer: Answer) -> Any:
        """The answer in the model's words."""
        if not isinstance(answer, Done):
            return answer.slug
        if not answer.repeated:
            self.rows += [each.id for each in answer.rows]
        return tuple((self.rows.index(each.id), each.debit_after, each.credit_after) for each in answer.rows)


class BackMachine(RuleBasedStateMachine):
    """Each step is one batch; each history has databases of its own."""

    postgres: PostgresForTests
    ways: Counter[str]

    @initialize(funded=st.booleans())
    def open(self, funded: bool) -> None:
        self.stack = ExitStack()
        engine_url = self.stack.enter_context(self.postgres.fresh())
        self.database = self.stack.enter_context(self.postgres.connected(connections_max=1))
        from juapesa.db import Database

        other = Database.connect(engine_url, connections_max=1)
        self.stack.callback(other.close)
        self.opened = Opened.new(other)
        assert Opened.new(self.database) == self.opened
        self.numbers = [*self.opened.all(), NOWHERE]
        self.engine = EngineByHand(engine_url, accounts_loaded=ACCOUNTS_LOADED)
        self.stack.callback(self.engine.close)
        self.by_engine, self.by_function = Back(), Back()
        self.new_keys = itertools.count()
        house = self.opened
        self.model = Model(
            {
                house.anna: ModelAccount("KES", -1, 0),
                house.ben: ModelAccount("KES", -1, 0, 500),
                house.mpesa: ModelAccount("KES", 1, 0),
                house.capital: ModelAccount("KES", -1, -(10**18)),
                house.naira: ModelAccount("NGN", -1, 0),
                house.naira_capital: ModelAccount("NGN", -1, -(10**18)),
            }
        )
        if funded:
            fund = [(3, 0, 400, "KES", "fund", None), (2, 3, 100, "KES", "fund", None)]
            self.run_batch([("post", "fund", fund)])

    def order(self, drawn: Any, back: Back | None) -> Order:
        """What was drawn, in the words of a back; None: the model's."""
        return order_of(drawn, self.numbers, back.row if back else lambda place: place)

    def run_batch(self, drawn: list[Any]) -> None:
        # A row that this very batch books has no id yet when the others are asked, so places are
        # resolved before it on all sides alike.
        known = len(self.model.events)
        batch = [each for each in drawn if not self.reaches_into_itself(each, known)]
        self.compare(
            [self.order(each, None) for each in batch],
            [self.order(each, self.by_engine) for each in batch],
            [self.order(each, self.by_function) for each in batch],
        )

    @staticmethod
    def reaches_into_itself(drawn: Any, known: int) -> bool:
        return drawn[0] in {"capture", "release", "reverse"} and drawn[2] >= known

    def compare(self, ours: list[Order], engines: list[Order], functions: list[Order]) -> None:
        said = [self.model.apply(each) for each in ours]
        assert [self.by_engine.told(each) for each in self.engine.apply(engines).answers] == said
        with self.database.unit_of_work() as uow:
            before = times_by_row(uow)
            answers = apply_orders(uow, functions)
            self.ways["by row" if times_by_row(uow) > before else "together"] += 1
        assert [self.by_function.told(each) for each in answers] == said

    @rule(drawn=st.lists(DRAWN, min_size=1, max_size=4))
    def batch(self, drawn: list[Any]) -> None:
        self.run_batch(drawn)

    @rule(good=st.lists(GOOD, min_size=4, max_size=12))
    def good_batch(self, good: list[Any]) -> None:
        """A list that can be booked all at once, unless a balance is too small for it."""
        events = self.model.events
        open_holds = [
            each.number for each in events if each.kind == Kind.HOLD and self.model.left(each.number)
        ]
        self.run_batch(completed(good, lambda: f"new{next(self.new_keys)}", open_holds))

    @rule(funding=FUNDING)
    def funding_batch(self, funding: list[Any]) -> None:
        """A list that is booked all at once, unless its code is a new one."""
        self.run_batch(completed(funding, lambda: f"new{next(self.new_keys)}", []))

    @rule(drawn=DRAWN)
    def twins(self, drawn: Any) -> None:
        self.run_batch([drawn, drawn])

    @rule(hours=HOURS)
    def expire(self, hours: int) -> None:
        now = START + timedelta(hours=hours)
        due = self.model.due(micros(now))
        for number in due:
            assert not isinstance(self.model.apply(Expire(f"book:expire:{number}", number)), str)
        orders = self.engine.books.due(micros(now), 1000)
        assert [each.hold for each in orders] == [self.by_engine.row(number) for number in due]
        for answer in self.engine.apply(orders).answers:
            self.by_engine.told(answer)
        with self.database.unit_of_work() as uow:
            row = uow.one("SELECT book.expire(%s, 1000) AS count", (now,))
            assert row is not None
            assert row["count"] == len(due)
            found = uow.all("SELECT id FROM book.transfers ORDER BY id")
        self.by_function.rows = [each["id"] for each in found]

    @rule()
    def restart_the_engine(self) -> None:
        self.engine.close()
        self.engine = EngineByHand(self.engine.url, accounts_loaded=ACCOUNTS_LOADED)
        self.stack.callback(self.engine.close)

    @invariant()
    def every_balance_agrees(self) -> None:
        if not hasattr(self, "numbers"):
            return
        with self.database.unit_of_work() as uow:
            found = {row["account"]: row for row in uow.all("SELECT * FROM book.balances")}
        for number in self.model.accounts:
            expected = (
                self.model.posted(number),
                self.model.reserved(number, -1),
                self.model.reserved(number, 1),
            )
            row = found[number]
            assert (row["posted"], row["held"], row["incoming"]) == expected
            account = self.engine.books.accounts.get(number)
            if account is not None:
                assert (account.posted, account.held, account.incoming) == expected

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            self.stack.close()


def test_model_engine_and_function_agree_on_any_history(postgres: PostgresForTests) -> None:
    assert CHECKPOINT_ENTRIES > 1
    ways: Counter[str] = Counter()
    machine = type("Machine", (BackMachine,), {"postgres": postgres, "ways": ways})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert ways["together"] > 20, "the function books whole lists at once"
    assert ways["by row"] > 20
