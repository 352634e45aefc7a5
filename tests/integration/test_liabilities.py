"""Statements of what is owed: exact at their instant, checkable by each customer, by anybody in total."""

import json
from typing import Any

import pytest

from juapesa.db import Database
from juapesa.ledger import AccountKind, Transfer
from juapesa.ledger.engine.sealer import Sealer
from juapesa.money import KES, USDC, Money
from juapesa.transparency import liabilities
from juapesa.transparency.liabilities import (
    NobodyToCount,
    NotCounted,
    Statement,
    counted,
    fault_of,
    is_counted,
)
from support.books import Books, kes

KEY = bytes(range(32))


@pytest.fixture
def books(database: Database) -> Books:
    """Three customers and a float that holds more than they have."""
    found = Books(database)
    money, capital = found.house(AccountKind.FLOAT, "mpesa-ke"), found.house(AccountKind.CAPITAL)
    with database.unit_of_work() as uow:
        found.post(uow, Transfer(money, capital, kes(1_000), "opening"))
    for person, shillings in ((1, 100), (2, 250), (3, 7)):
        found.wallet(person, kes(shillings))
    found.wallet(2, Money(0, USDC) + Money(5, USDC))
    hub, dollars = found.house(AccountKind.CHAIN_HUB, "", USDC), found.house(AccountKind.CAPITAL, "", USDC)
    with database.unit_of_work() as uow:
        found.post(uow, Transfer(hub, dollars, Money(5, USDC), "chain"))
    return found


def state(books: Books) -> Statement:
    bound = Sealer(books.database).settle()
    assert bound is not None
    with books.database.unit_of_work() as uow:
        return liabilities.make(uow, bound, KEY)


def proof(books: Books, person: int) -> dict[str, Any]:
    with books.database.unit_of_work() as uow:
        found = counted(uow, KEY, AccountKind.WALLET, str(person)).as_json()
    return dict(json.loads(json.dumps(found)))


def test_each_customer_is_counted_and_the_total_is_the_ledgers(books: Books) -> None:
    stated = state(books)
    assert dict(zip(stated.currencies, stated.root.sums, strict=True)) == {
        "KES": kes(357).minor,
        "USDC": 5,
    }
    assert stated.covered
    for person, amounts in ((1, [kes(100).minor, 0]), (2, [kes(250).minor, 5]), (3, [kes(7).minor, 0])):
        told = proof(books, person)
        assert told["amounts"] == amounts
        assert is_counted(told)
        assert not is_counted(told | {"amounts": [amounts[0] + 1, amounts[1]]})
        assert not is_counted(told | {"owed": [1, 1]})
    with books.database.unit_of_work() as uow, pytest.raises(NotCounted):
        counted(uow, KEY, AccountKind.WALLET, "4")
    books.assert_balanced()


def test_a_statement_stays_true_however_much_is_booked_afterwards(books: Books) -> None:
    stated = state(books)
    asha, ben = books.wallet(1), books.wallet(2)
    with books.database.unit_of_work() as uow:
        books.post(uow, Transfer(asha, ben, kes(60), "send"))
        books.ledger.account(uow, AccountKind.WALLET, "9", KES)
        assert fault_of(uow, stated) is None
    later = state(books)
    assert later.root.digest != stated.root.digest
    assert later.root.sums == stated.root.sums
    with books.database.unit_of_work() as uow:
        names = [
            {
                row["customer"]
                for row in uow.all("SELECT customer FROM transparency.leaf WHERE statement = %s", (number,))
            }
            for number in (stated.number, later.number)
        ]
    assert not names[0] & names[1], "a customer could be followed from statement to statement"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("UPDATE transparency.leaf SET amounts[1] = amounts[1] - 1 WHERE place = 0", "do not make its root"),
        ("DELETE FROM transparency.leaf WHERE place = 2", "do not make its root"),
        ("UPDATE transparency.statement SET custody[1] = custody[1] + 1", "its custody"),
        ("UPDATE transparency.statement SET chain = root", "another one"),
    ],
)
def test_an_auditor_sees_what_was_changed(books: Books, change: str, fault: str) -> None:
    state(books)
    with books.database.unit_of_work() as uow:
        assert uow.execute(change) == 1
        [stated] = liabilities.statements(uow, 1)
        assert fault in str(fault_of(uow, stated))


def test_an_auditor_sees_a_customer_who_was_left_out(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = liabilities._owed

    def forgetful(uow: Any, at: Any) -> Any:
        return {who: amounts for who, amounts in honest(uow, at).items() if who[1] != "3"}

    with monkeypatch.context() as patch:
        patch.setattr(liabilities, "_owed", forgetful)
        stated = state(books)
    with books.database.unit_of_work() as uow:
        assert "not what the ledger owes" in str(fault_of(uow, stated))


def test_owing_more_than_is_held_is_told(books: Books) -> None:
    books.wallet(4, kes(2_000))
    stated = state(books)
    assert not stated.covered
    with books.database.unit_of_work() as uow:
        assert fault_of(uow, stated) == "more is owed than held"


def test_a_house_without_customers_states_nothing(database: Database) -> None:
    with pytest.raises(NobodyToCount):
        state(Books(database))
