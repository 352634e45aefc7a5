"""Whatever is changed in stored rows is found, and the row is named."""
# ruff: noqa: S608 - the statements are the test's own

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import psycopg
import pytest

from juapesa.db import Database
from juapesa.ledger.engine.orders import Capture, Done, Reverse
from juapesa.ledger.engine.proofs import prove
from juapesa.ledger.engine.rows import unpack
from juapesa.ledger.engine.tree import leaf_of, link
from juapesa.ledger.engine.verify import KnownHead, verify
from juapesa.transparency.merkle import includes
from support.engine_books import START, EngineByHand, Opened, hold, send
from support.postgres import PostgresForTests


@dataclass
class Stored:
    """Some history in a database, and its rows' ids."""

    url: str
    ids: list[int]
    engine: EngineByHand
    opened: Opened

    def tamper(self, *statements: str) -> None:
        """As somebody with every right over the database."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            for table in ("transfers", "batches", "accounts", "codes"):
                connection.execute(f"ALTER TABLE book.{table} DISABLE TRIGGER USER")
            connection.execute("ALTER TABLE book.transfers_2026_11 DISABLE TRIGGER USER")
            for statement in statements:
                connection.execute(statement)

    def fault(self) -> str:
        found = verify(self.url)
        assert not found.ok
        assert found.first_fault is not None
        return found.first_fault


@pytest.fixture
def stored(postgres: PostgresForTests) -> Iterator[Stored]:
    with postgres.fresh() as url:
        database = Database.connect(url, connections_max=1)
        opened = Opened.new(database)
        database.close()
        engine = EngineByHand(url)
        ids: list[int] = []
        engine.apply([send("fund", opened.capital, opened.anna, 10_000)])
        for number in range(5):
            engine.now += timedelta(seconds=1)
            orders = [send(f"{number}-{place}", opened.anna, opened.ben, 1 + place) for place in range(7)]
            for answer in engine.apply(orders).answers:
                assert isinstance(answer, Done)
                ids += [each.id for each in answer.rows]
        held = engine.answer(hold("h", opened.anna, opened.ben, 50))
        assert isinstance(held, Done)
        engine.apply([Capture("c1", held.rows[0].id, 20), Capture("c2", held.rows[0].id, 10)])
        engine.apply([Reverse("r", ids[0]), hold("open", opened.anna, opened.ben, 5)])
        yield Stored(url, ids, engine, opened)
        engine.close()


def test_an_honest_history_verifies(stored: Stored) -> None:
    found = verify(stored.url)
    assert found.ok, found.first_fault
    assert found.transfers == 1 + 35 + 1 + 2 + 2


CHANGES = ["amount = amount + 1", "debit_after = debit_after - 1", "code = 2", "detail = 5", "kind = 3",
           "key = gen_random_uuid()", "credit = debit", "line = 1", "credit_before = 0"]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_row_is_named(stored: Stored, change: str) -> None:
    row = stored.ids[17]
    stored.tamper(f"UPDATE book.transfers SET {change} WHERE id = {row}")
    assert stored.fault().startswith(f"row {row} is not what was booked")


@pytest.mark.parametrize("place", [0, 17, 34])
def test_a_deleted_row_is_noticed_where_it_was(stored: Stored, place: int) -> None:
    row = stored.ids[place]
    stored.tamper(f"DELETE FROM book.transfers WHERE id = {row}")
    assert "a row is missing" in stored.fault()
    assert str(row + 1) in stored.fault() or str(row) in stored.fault()


def test_an_inserted_row_is_named(stored: Stored) -> None:
    fake = stored.ids[13] + 5  # after its batch's last row
    stored.tamper(
        f"INSERT INTO book.transfers SELECT {fake}, debit, credit, amount, debit_after, credit_after, "
        f"debit_before, credit_before, detail, gen_random_uuid(), kind, code, line, lines "
        f"FROM book.transfers WHERE id = {stored.ids[13]}"
    )
    assert stored.fault().startswith(f"row {fake} was put in")


def test_two_rows_in_each_others_place_are_named(stored: Stored) -> None:
    one, other = stored.ids[8], stored.ids[10]
    stored.tamper(
        f"UPDATE book.transfers SET id = {one + 999} WHERE id = {one}",
        f"UPDATE book.transfers SET id = {one} WHERE id = {other}",
        f"UPDATE book.transfers SET id = {other} WHERE id = {one + 999}",
    )
    assert stored.fault().startswith(f"row {one} is not what was booked")


def test_a_row_after_the_last_batch_that_no_balance_knows_is_named(stored: Stored) -> None:
    fake = stored.engine.books.last_id + 7
    stored.tamper(
        f"INSERT INTO book.transfers SELECT {fake}, debit, credit, amount, debit_after, credit_after, "
        f"debit_before, credit_before, detail, gen_random_uuid(), kind, code, line, lines "
        f"FROM book.transfers WHERE id = {stored.ids[13]}"
    )
    assert f"row {fake}" in stored.fault()


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE book.balances SET posted = posted + 1 WHERE account = 1", "account 1: its balance"),
        ("UPDATE book.accounts SET ceiling = 9000 WHERE id = 2", "batch 2: an account or code"),
        ("UPDATE book.codes SET code = 'gift' WHERE id = 1", "batch 1: an account or code"),
        ("DELETE FROM book.batches WHERE number = 3", "batch 3: it is missing"),
        ("UPDATE book.batches SET chain = root WHERE number = 4", "batch 4: its place in the chain"),
        ("DELETE FROM book.open_holds", "hold "),
        ("DELETE FROM book.checkpoints", "account 1: its checkpoint"),
    ],
)
def test_what_is_stored_beside_the_rows_is_checked_too(stored: Stored, statement: str, named: str) -> None:
    for number in range(70):  # enough for a checkpoint
        stored.engine.apply([send(f"more-{number}", stored.opened.anna, stored.opened.capital, 1)])
    stored.tamper(statement)
    assert stored.fault().startswith(named)


def test_a_history_rewritten_whole_is_found_by_an_anchored_head(stored: Stored) -> None:
    head = KnownHead(stored.engine.storage.head.number, stored.engine.storage.head.chain)
    assert verify(stored.url, [head]).ok
    forged = KnownHead(head.number, bytes(32))
    assert "not the head that was anchored" in str(verify(stored.url, [forged]).first_fault)
    assert "not the head that was anchored" in str(verify(stored.url, [head, forged]).first_fault)
    later = KnownHead(head.number + 1, head.chain)
    assert "it was anchored, but is missing" in str(verify(stored.url, [head, later]).first_fault)


def test_every_row_has_a_proof_that_the_public_check_accepts(stored: Stored) -> None:
    for row in stored.ids:
        proof = prove(stored.url, row)
        assert unpack(proof.image).id == row
        assert includes(leaf_of(proof.image), proof.index, proof.leaves, proof.path, proof.root)
        assert link(proof.before, proof.batch, proof.leaves, proof.root) == proof.chain
        other = bytearray(proof.image)
        other[-1] ^= 1
        assert not includes(leaf_of(bytes(other)), proof.index, proof.leaves, proof.path, proof.root)


@pytest.mark.parametrize("role", ["juapesa_writer", "juapesa_app", None])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE book.transfers SET amount = 1",
        "DELETE FROM book.transfers",
        "TRUNCATE book.transfers",
        "TRUNCATE book.transfers_2026_11",
        "DELETE FROM book.transfers_2026_11",
        "UPDATE book.batches SET leaves = 1",
        "UPDATE book.accounts SET floor = -5",
        "DELETE FROM book.codes",
    ],
)
def test_nobody_may_change_a_row_not_even_the_owner(stored: Stored, role: str | None, statement: str) -> None:
    with psycopg.connect(stored.url) as connection:
        if role:
            connection.execute(f"SET ROLE {role}")
        with pytest.raises(psycopg.Error, match=r"denied|append-only"):
            connection.execute(statement)


def test_a_balance_at_any_instant_is_found(stored: Stored) -> None:
    engine, opened = stored.engine, stored.opened
    known: list[tuple[object, int]] = []
    for number in range(200):
        engine.now += timedelta(minutes=1)
        engine.apply([send(f"at-{number}", opened.anna, opened.capital, 1 + number % 3)])
        known.append((engine.now + timedelta(milliseconds=1), engine.books.accounts[opened.anna].posted))
    with psycopg.connect(stored.url) as connection:

        def at(instant: object) -> int:
            row = connection.execute("SELECT book.balance_at(%s, %s)", (opened.anna, instant)).fetchone()
            assert row is not None
            return int(row[0])

        assert [at(instant) for instant, _ in known] == [posted for _, posted in known]
        assert at(START - timedelta(days=1)) == 0
        assert at(START + timedelta(days=300)) == known[-1][1]
