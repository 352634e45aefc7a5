"""Whoever goes around the functions is refused; whoever breaks in deeper is named by the trial."""

from datetime import UTC, datetime

import psycopg
import pytest

from juapesa.db import Database
from juapesa.ledger import AccountKind, Transfer
from juapesa.money import KES
from support.books import Books, kes

NEVER = datetime(2099, 1, 1, tzinfo=UTC)
REFUSED = [
    "UPDATE ledger.transfers SET amount = 1",
    "DELETE FROM ledger.transfers",
    "TRUNCATE ledger.transfers",
    "UPDATE ledger.postings SET key = 'other'",
    "DELETE FROM ledger.postings",
    "UPDATE ledger.accounts SET posted = posted + 1",
    "UPDATE ledger.accounts SET held = 0, floor = NULL",
    "UPDATE ledger.accounts SET floor = -1000",
    "DELETE FROM ledger.accounts",
    "TRUNCATE ledger.accounts CASCADE",
    "UPDATE ledger.holds SET open = false",
    "UPDATE ledger.holds SET amount = 1",
    "DELETE FROM ledger.holds",
    "DELETE FROM ledger.hold_ends",
    "UPDATE ledger.hold_ends SET captured = 1",
    "UPDATE ledger.kinds SET floor = NULL",
    "INSERT INTO ledger.accounts (kind, owner, currency, posted) VALUES ('wallet', '9', 'KES', 5)",
    "INSERT INTO ledger.hold_ends (hold_id, posting_id, outcome, captured) VALUES (1, 1, 'captured', 1)",
    "INSERT INTO ledger.transfers (posting_id, line, debit_account, credit_account, amount, currency, code) "
    "VALUES (1, 9, 1, 2, 999999999, 'KES', 'steal')",
    "INSERT INTO ledger.transfers (posting_id, line, debit_account, credit_account, amount, currency, code, "
    "hold_id) VALUES (1, 9, 1, 2, 1, 'KES', 'steal', 1)",
    "INSERT INTO ledger.transfers (posting_id, line, debit_account, credit_account, amount, currency, code) "
    "VALUES (1, 9, 1, 2, -5, 'KES', 'steal')",
    "INSERT INTO ledger.transfers (posting_id, line, debit_account, credit_account, amount, currency, code) "
    "VALUES (1, 9, 2, 1, 5, 'NGN', 'steal')",
]


@pytest.fixture
def books(database: Database) -> Books:
    """Wallet 1 holds 60 KES, wallet 2 holds 40; one hold captured, one open."""
    found = Books(database)
    asha, ben = found.wallet(1), found.wallet(2)
    found.wallet(1, kes(100))
    with database.unit_of_work() as uow:
        first = found.ledger.hold(uow, "h1", Transfer(asha, ben, kes(40), "send"), NEVER)
        found.ledger.capture(uow, "c1", first.id)
        found.ledger.hold(uow, "h2", Transfer(asha, ben, kes(10), "send"), NEVER)
    return found


def attempt(books: Books, *statements: str) -> None:
    with books.database.unit_of_work() as uow:
        for each in statements:
            uow.execute(each)


@pytest.mark.parametrize("statement", REFUSED)
def test_even_the_owner_of_the_tables_cannot_edit_the_books(books: Books, statement: str) -> None:
    for before in ("SELECT 1", "SET LOCAL session_replication_role = replica"):
        with pytest.raises(psycopg.Error) as refusal:
            attempt(books, before, statement)
        assert refusal.value.sqlstate in {"JL001", "JL009", "23503", "23505", "23514"}
    books.assert_balanced()


def test_the_application_role_may_call_the_functions_and_nothing_else(books: Books) -> None:
    with books.database.unit_of_work() as uow:
        uow.execute("SET LOCAL ROLE juapesa_app")
        asha = books.ledger.account(uow, AccountKind.WALLET, "1", KES)
        ben = books.ledger.account(uow, AccountKind.WALLET, "2", KES)
        hold = books.ledger.hold(uow, "h9", Transfer(asha, ben, kes(5), "send"), NEVER)
        books.ledger.capture(uow, "c9", hold.id)
        books.post(uow, Transfer(ben, asha, kes(5), "refund"))
        assert books.ledger.expire_holds(uow, NEVER) == 1
        assert books.ledger.trial(uow).balanced
    for statement in (
        *REFUSED,
        "SELECT ledger.move(1, 'KES', 1, 5)",
        "SELECT ledger.claim('x', 'post', '[]')",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            attempt(books, "SET LOCAL ROLE juapesa_app", statement)
    books.assert_balanced()


@pytest.mark.parametrize(
    ("table", "statement", "fault"),
    [
        ("accounts", "UPDATE ledger.accounts SET posted = posted + 7 WHERE owner = '2'", "its entries say"),
        ("accounts", "UPDATE ledger.accounts SET held = 0", "its open holds say"),
        ("accounts", "UPDATE ledger.accounts SET floor = NULL", "side or floor"),
        ("transfers", "UPDATE ledger.transfers SET amount = amount + 1", "its rows are not what was ordered"),
        ("transfers", "UPDATE ledger.transfers SET code = 'gift' WHERE line = 1", "not what was ordered"),
        ("transfers", "UPDATE ledger.transfers SET debit_after = 1", "balance after should be"),
        (
            "transfers",
            "DELETE FROM ledger.transfers WHERE hold_id IS NOT NULL",
            "transfer disagree",
        ),
        ("holds", "UPDATE ledger.holds SET open = false", "transfer disagree"),
        ("hold_ends", "UPDATE ledger.hold_ends SET captured = captured - 1", "not what was ordered"),
        ("postings", "UPDATE ledger.postings SET body_hash = sha256('x')", "not what was ordered"),
    ],
)
def test_the_trial_names_what_somebody_changed_with_the_guards_down(
    books: Books, table: str, statement: str, fault: str
) -> None:
    with books.database.unit_of_work() as uow:
        uow.execute(f"ALTER TABLE ledger.{table} DISABLE TRIGGER USER")
        assert uow.execute(statement) > 0
        trial = books.ledger.trial(uow)
        assert any(fault in each for each in trial.faults), trial.faults
        assert not trial.balanced


def test_a_transfer_slipped_into_an_old_posting_is_named(books: Books) -> None:
    with books.database.unit_of_work() as uow:
        uow.execute(
            "INSERT INTO ledger.transfers "
            "(posting_id, line, debit_account, credit_account, amount, currency, code) "
            "SELECT posting_id, 9, debit_account, credit_account, 5, currency, code "
            "FROM ledger.transfers LIMIT 1"
        )
        assert any("not what was ordered" in each for each in books.ledger.trial(uow).faults)
