"""What the database function booked is sealed while others go on booking, and nothing is ever passed over."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import psycopg
import pytest

from juapesa.db import Database
from juapesa.ledger import AccountKind, Transfer
from juapesa.ledger.engine import sealer as module
from juapesa.ledger.engine.orders import Done, Line, Post
from juapesa.ledger.engine.proofs import proofs_in
from juapesa.ledger.engine.seal import row_id
from juapesa.ledger.engine.sealer import Sealer
from juapesa.ledger.engine.tree import leaf_of
from juapesa.transparency.merkle import includes
from support.books import Books, kes
from support.engine_books import EngineByHand
from support.postgres import PostgresForTests

NEVER = datetime(2099, 1, 1, tzinfo=UTC)


@pytest.fixture
def books(database: Database) -> Books:
    return Books(database)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sealer that does not wait long for a transaction that stays open."""
    monkeypatch.setattr(module, "WAIT_SECONDS_MAX", 0.05)


def sealed(books: Books) -> int:
    with books.database.unit_of_work() as uow:
        row = uow.one(
            "SELECT count(*) AS n FROM book.transfers WHERE id <= (SELECT max(last_id) FROM book.batches)"
        )
        assert row is not None
        return int(row["n"])


def test_rows_are_sealed_once_and_have_proofs(books: Books) -> None:
    asha, ben = books.wallet(1, kes(100)), books.wallet(2)
    with books.database.unit_of_work() as uow:
        ids = [books.post(uow, Transfer(asha, ben, kes(1), "send")).id for _ in range(5)]
    sealer = Sealer(books.database)
    assert sealer.run() == 6
    assert sealer.run() == 0
    with books.database.snapshot() as snapshot:
        proofs = proofs_in(snapshot, ids)
        assert [row_id(proof.image) for proof in proofs] == ids
        for proof in proofs:
            assert includes(leaf_of(proof.image), proof.index, proof.leaves, proof.path, proof.root)
    books.assert_balanced()


def test_sealing_waits_for_a_transaction_that_booked_before_and_passes_no_row_over(
    books: Books, impatient: None
) -> None:
    asha, ben = books.wallet(1, kes(100)), books.wallet(2)
    carol, dan = books.wallet(3, kes(100)), books.wallet(4)
    sealer = Sealer(books.database)
    assert sealer.run() == 2
    with books.database.unit_of_work() as slow:
        early = books.ledger.post(slow, "early", [Transfer(asha, ben, kes(1), "payout")])
        with books.database.unit_of_work() as uow:
            late = books.ledger.post(uow, "late", [Transfer(carol, dan, kes(1), "payout")])
        assert early.id < late.id
        assert sealer.run() == 0
        with books.database.unit_of_work() as uow:
            later = books.ledger.post(uow, "later", [Transfer(carol, dan, kes(1), "payout")])
    assert later.id > late.id
    assert sealer.run() == 3
    books.assert_balanced()


def test_nobody_books_below_the_bound_even_when_clocks_disagree(books: Books) -> None:
    asha, ben = books.wallet(1, kes(100)), books.wallet(2)
    with books.database.unit_of_work() as uow:
        uow.all("SELECT setval('book.bound', book.first_id_at(clock_timestamp() + interval '1 hour'))")
        row = uow.one("SELECT last_value FROM book.bound")
        assert row is not None
        first = books.post(uow, Transfer(asha, ben, kes(1), "send"))
        second = books.post(uow, Transfer(asha, ben, kes(1), "send"))
    assert row["last_value"] < first.id < second.id
    Sealer(books.database).run()
    books.assert_balanced()


def test_sealing_beside_many_who_book_leaves_nothing_unsealed(books: Books) -> None:
    capital = books.house(AccountKind.CAPITAL)
    wallets = [books.wallet(number, kes(50)) for number in range(8)]
    sealer, done = Sealer(books.database), threading.Event()

    def book(mine: int) -> None:
        for number in range(40):
            with books.database.unit_of_work() as uow:
                there = Transfer(wallets[mine], capital, kes(1), "payout")
                back = Transfer(capital, wallets[mine], kes(1), "refund")
                books.ledger.post(uow, f"{mine}/{number}", [there, back])

    def seal() -> int:
        total = 0
        while not done.is_set():
            total += sealer.run()
        return total

    with ThreadPoolExecutor(6) as pool:
        sealing = [pool.submit(seal) for _ in range(2)]
        for each in [pool.submit(book, mine) for mine in range(4)]:
            each.result()
        done.set()
        assert sum(each.result() for each in sealing) + sealer.run() == 8 + 4 * 40 * 2
    assert not sealer.waiting()
    books.assert_balanced()


@pytest.mark.parametrize(
    "change", ["amount = amount + 1", "code = 2", "credit_after = 7", "key = gen_random_uuid()"]
)
def test_a_changed_row_is_named_after_it_was_sealed(books: Books, change: str) -> None:
    asha, ben = books.wallet(1, kes(100)), books.wallet(2)
    with books.database.unit_of_work() as uow:
        row = books.post(uow, Transfer(asha, ben, kes(30), "send")).id
        books.post(uow, Transfer(asha, ben, kes(3), "send"))
    Sealer(books.database).run()
    with books.database.unit_of_work() as uow:
        month = uow.one("SELECT tableoid::regclass::text AS name FROM book.transfers WHERE id = %s", (row,))
        assert month is not None
        uow.execute(f"ALTER TABLE {month['name']} DISABLE TRIGGER USER")
        uow.execute(f"UPDATE book.transfers SET {change} WHERE id = %s", (row,))  # noqa: S608
    with pytest.raises(AssertionError, match=f"row {row} is not what was booked"):
        books.assert_balanced()


def test_an_engine_and_the_function_take_turns_and_answer_the_same_keys(postgres: PostgresForTests) -> None:
    with postgres.fresh() as url:
        database = Database.connect(url, connections_max=4)
        books = Books(database)
        asha, ben = books.wallet(1, kes(100)), books.wallet(2)
        sealer = Sealer(database)
        order = [Transfer(asha, ben, kes(2), "send"), Transfer(asha, ben, kes(1), "fee")]
        with database.unit_of_work() as uow:
            first = books.ledger.post(uow, "group", order)
        engine = EngineByHand(url)
        try:
            assert sealer.run() == 0
            lines = tuple(Line(t.debit, t.credit, t.amount.minor, "KES", t.code) for t in order)
            again = engine.answer(Post("group", lines))
            assert isinstance(again, Done)
            assert again.repeated
            assert [each.id for each in again.rows] == [each.id for each in first.transfers]
            engine.apply([Post("other", lines)])
            assert not books_are_free(books, order)
        finally:
            engine.close()
        deadline = time.monotonic() + 10
        while not books_are_free(books, order):
            assert time.monotonic() < deadline
        assert sealer.run() == 2
        assert sealed(books) == 7
        books.assert_balanced()
        database.close()


def books_are_free(books: Books, order: list[Transfer]) -> bool:
    """Whether the function books, or an engine's session still holds the books."""
    try:
        with books.database.unit_of_work() as uow:
            books.ledger.post(uow, "third", order)
    except psycopg.Error as refusal:
        if refusal.sqlstate != "JL010":
            raise
        return False
    return True


def attempt(books: Books, *statements: str) -> None:
    with books.database.unit_of_work() as uow:
        for each in statements:
            uow.execute(each)


def test_the_application_role_books_and_does_nothing_else(books: Books) -> None:
    asha, ben = books.wallet(1, kes(100)), books.wallet(2)
    with books.database.unit_of_work() as uow:
        uow.execute("SET LOCAL ROLE juapesa_app")
        hold = books.ledger.hold(uow, "h", Transfer(asha, ben, kes(5), "send"), NEVER)
        books.ledger.capture(uow, "c", hold.id)
        books.ledger.hold(uow, "h2", Transfer(asha, ben, kes(5), "send"), NEVER)
        assert books.ledger.expire_holds(uow, NEVER) == 1
        assert len(books.ledger.entries(uow, asha, 9)) == 2
        assert books.ledger.balance_at(uow, asha, NEVER) == kes(95)
    for statement in (
        "SELECT book.raise_bound()",
        "SELECT book.write(5, 1, 2, 1, 1, 0, 1, 0, 'x', gen_random_uuid(), 0, 1)",
        "INSERT INTO book.batches SELECT * FROM book.batches",
        "UPDATE book.balances SET posted = 5",
        "DELETE FROM book.transfers",
        "SELECT setval('book.bound', 1)",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            attempt(books, "SET LOCAL ROLE juapesa_app", statement)
    books.assert_balanced()


def test_even_the_owner_of_the_tables_cannot_edit_rows(books: Books) -> None:
    books.wallet(1, kes(100))
    Sealer(books.database).run()
    for statement in (
        "UPDATE book.transfers SET amount = 1",
        "DELETE FROM book.transfers",
        "TRUNCATE book.transfers",
        "UPDATE book.batches SET leaves = 1",
        "DELETE FROM book.accounts",
        "UPDATE book.accounts SET floor = -1",
        "UPDATE book.codes SET code = 'gift' WHERE id = 1",
    ):
        for before in ("SELECT 1", "SET LOCAL session_replication_role = replica"):
            with pytest.raises(psycopg.Error) as refusal:
                attempt(books, before, statement)
            assert refusal.value.sqlstate == "JL009", statement
    books.assert_balanced()
