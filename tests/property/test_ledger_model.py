"""The database and the plain model give the same answers on the same random history."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from juapesa.db import UnitOfWork
from juapesa.errors import JuaError
from juapesa.ledger import AccountKind, Ledger, Transfer
from juapesa.ledger.model import LedgerModel, ModelAccount
from juapesa.money import KES, NGN, Currency, Money
from support.postgres import PostgresForTests

START = datetime(2026, 11, 21, tzinfo=UTC)
OPENED: list[tuple[AccountKind, str, Currency]] = [
    (AccountKind.WALLET, "1", KES),
    (AccountKind.WALLET, "2", KES),
    (AccountKind.FLOAT, "mpesa-ke", KES),
    (AccountKind.CAPITAL, "", KES),
    (AccountKind.POSITION, "", KES),
    (AccountKind.WALLET, "1", NGN),
    (AccountKind.FLOAT, "momo-ng", NGN),
    (AccountKind.CAPITAL, "", NGN),
    (AccountKind.POSITION, "", NGN),
]
PLACES = st.integers(0, len(OPENED))  # one too many: an account that nobody opened
KEYS = st.sampled_from([f"k{number}" for number in range(12)])  # few, so that they repeat
# Few and small, so that balances run out; now and then near the range's end.
MINOR = st.sampled_from([1, 2, 3, 5, 8, 13, 40, 100]) | st.sampled_from([10**18, 10**18 - 1])
CODES = st.sampled_from(["send", "fee"])
CURRENCIES = st.sampled_from([KES, KES, NGN])
TIMES = st.integers(0, 5).map(lambda hours: START + timedelta(hours=hours))


@st.composite
def drawn_transfers(draw: st.DrawFn) -> tuple[int, int, int, Currency, str]:
    debit = draw(PLACES)
    credit = draw(PLACES.filter(lambda place: place != debit))
    return debit, credit, draw(MINOR), draw(CURRENCIES), draw(CODES)


def outcome(call: Callable[[], Any]) -> Any:
    """What a call answered, or the name of its expected failure."""
    try:
        return call()
    except JuaError as failure:
        return failure.slug


class LedgerMachine(RuleBasedStateMachine):
    """Every step goes to both, in a unit of work of its own; each history has its own database."""

    postgres: PostgresForTests

    @initialize(funded=st.booleans())
    def open(self, funded: bool) -> None:
        self.ledger, self.model, self.ids = Ledger(), LedgerModel(), []
        self.stack = ExitStack()
        self.database = self.stack.enter_context(self.postgres.connected(connections_max=1))
        with self.database.unit_of_work() as uow:
            for kind, owner, unit in OPENED:
                number = self.ledger.account(uow, kind, owner, unit)
                self.ids.append(number)
                self.model.accounts[number] = ModelAccount(kind, unit)
        if funded:
            self.post("fund", [(3, 0, 100, KES, "fund"), (2, 3, 100, KES, "fund"), (6, 7, 50, NGN, "fund")])

    def transfer(self, drawn: tuple[int, int, int, Currency, str]) -> Transfer:
        debit, credit, minor, unit, code = drawn
        numbers = [*self.ids, 10**15]
        return Transfer(numbers[debit], numbers[credit], Money(minor, unit), code)

    def both(self, real: Callable[[UnitOfWork], Any], model: Callable[[], Any]) -> Any:
        with self.database.unit_of_work() as uow:
            found = outcome(lambda: real(uow))
        assert found == outcome(model)
        return found

    @rule(key=KEYS, drawn=st.lists(drawn_transfers(), min_size=1, max_size=3))
    def post(self, key: str, drawn: list[tuple[int, int, int, Currency, str]]) -> None:
        transfers = tuple(self.transfer(each) for each in drawn)

        def real(uow: UnitOfWork) -> Any:
            posting = self.ledger.post(uow, key, transfers)
            return tuple((t.debit_after.minor, t.credit_after.minor) for t in posting.transfers)

        self.both(real, lambda: self.model.post(key, transfers))

    @rule(key=KEYS, drawn=drawn_transfers(), expires_at=TIMES)
    def hold(self, key: str, drawn: tuple[int, int, int, Currency, str], expires_at: datetime) -> None:
        transfer = self.transfer(drawn)
        with self.database.unit_of_work() as uow:
            found = outcome(lambda: self.ledger.hold(uow, key, transfer, expires_at).id)
        wanted = found if isinstance(found, int) else -1
        assert found == outcome(lambda: self.model.hold(key, wanted, transfer, expires_at))

    @rule(key=KEYS, place=st.integers(0, 5), minor=st.none() | MINOR)
    def capture(self, key: str, place: int, minor: int | None) -> None:
        hold = self.some_hold(place)
        unit = self.model.holds[hold].transfer.amount.currency if hold in self.model.holds else KES
        amount = None if minor is None else Money(minor, unit)

        def real(uow: UnitOfWork) -> Any:
            posting = self.ledger.capture(uow, key, hold, amount)
            return tuple((t.debit_after.minor, t.credit_after.minor) for t in posting.transfers)

        self.both(real, lambda: self.model.capture(key, hold, amount))

    @rule(key=KEYS, place=st.integers(0, 5))
    def release(self, key: str, place: int) -> None:
        hold = self.some_hold(place)
        self.both(
            lambda uow: self.ledger.release(uow, key, hold),
            lambda: self.model.release(key, hold),
        )

    @rule(now=TIMES)
    def expire(self, now: datetime) -> None:
        self.both(
            lambda uow: self.ledger.expire_holds(uow, now, limit=10_000),
            lambda: self.model.expire_holds(now),
        )

    def some_hold(self, place: int) -> int:
        known = sorted(self.model.holds)
        return known[place] if place < len(known) else 10**15

    @invariant()
    def every_balance_agrees(self) -> None:
        if not hasattr(self, "ids"):
            return
        with self.database.unit_of_work() as uow:
            for number, expected in self.model.accounts.items():
                found = self.ledger.balance(uow, number)
                assert (found.posted.minor, found.held.minor, found.incoming.minor) == (
                    expected.posted,
                    expected.held,
                    expected.incoming,
                )

    def teardown(self) -> None:
        if not hasattr(self, "ids"):
            return
        with self.stack, self.database.unit_of_work() as uow:
            for number, expected in self.model.accounts.items():
                entries = self.ledger.entries(uow, number, 1000)
                assert [each.after.minor for each in reversed(entries)] == expected.entries
            assert self.ledger.trial(uow).faults == ()


def test_database_and_model_agree_on_any_history(postgres: PostgresForTests) -> None:
    machine = type("Machine", (LedgerMachine,), {"postgres": postgres})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=40,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
