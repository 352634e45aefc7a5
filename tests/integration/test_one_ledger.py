"""A data folder from before: the first ledger's whole history is in the books afterwards."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from juapesa.db import Database
from juapesa.db.migrate import upgrade
from juapesa.ledger import AccountKind, HoldEnded, Ledger, Transfer
from juapesa.ledger.engine.sealer import Sealer
from juapesa.money import KES, Money
from support.books import assert_books_verify
from support.postgres import PostgresForTests

BEFORE = "0020_api"
LATER = datetime(2027, 1, 1, tzinfo=UTC)
WHEN = datetime(2026, 9, 3, 12, tzinfo=UTC)

FIRST_LEDGER = [
    "SELECT ledger.open_account('capital', '', 'KES')",
    "SELECT ledger.open_account('wallet', '1', 'KES')",
    "SELECT ledger.open_account('wallet', '2', 'KES')",
    'SELECT ledger.post(\'grant\', \'[[1, 2, 10000, "KES", "opening", null], '
    '[1, 3, 500, "KES", "opening", "2026-09-03T12:00:00.000000+00:00"]]\')',
    "SELECT ledger.hold('h1', '[2, 3, 4000, \"KES\", \"hold\", null]', '2027-01-01Z')",
    "SELECT ledger.capture('c1', 1, 3000)",
    "SELECT ledger.hold('h2', '[2, 3, 100, \"KES\", \"hold\", null]', '2027-01-01Z')",
    "SELECT ledger.capture('c2', 2, NULL)",
    "SELECT ledger.hold('h3', '[2, 3, 100, \"KES\", \"hold\", null]', '2027-01-01Z')",
    "SELECT ledger.release('r3', 3)",
    "SELECT ledger.hold('h4', '[2, 3, 100, \"KES\", \"hold\", null]', '2020-01-01Z')",
    "SELECT ledger.expire_holds(now(), 10)",
    "SELECT ledger.hold('h5', '[2, 3, 700, \"KES\", \"gift\", null]', '2027-01-01Z')",
]


@pytest.fixture
def old(postgres: PostgresForTests) -> Iterator[str]:
    """A database at the last migration before, with every kind of row."""
    name = f"old_{next(postgres.numbers)}"
    postgres.server.create_database(name)
    try:
        url = postgres.server.url(name)
        upgrade(url, BEFORE)
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in FIRST_LEDGER:
                row = connection.execute(statement.encode()).fetchone()
                assert row is not None
                assert "fault" not in str(row[0])
            for number in range(70):  # enough for a checkpoint
                connection.execute(
                    'SELECT ledger.post(%s, \'[[2, 3, 1, "KES", "send", null]]\')', (f"many-{number}",)
                )
        yield url
    finally:
        postgres.server.drop_database(name)


def test_the_first_ledgers_history_is_carried_over(old: str) -> None:
    upgrade(old)
    upgrade(old)
    database, ledger = Database.connect(old, connections_max=2), Ledger()
    assert_books_verify(database)
    with database.unit_of_work() as uow:
        assert uow.all("SELECT 1 FROM pg_namespace WHERE nspname = 'ledger'") == []
        capital, asha, ben = (
            ledger.find_account(uow, kind, owner, KES)
            for kind, owner in (
                (AccountKind.CAPITAL, ""),
                (AccountKind.WALLET, "1"),
                (AccountKind.WALLET, "2"),
            )
        )
        assert (capital, asha, ben) == (1, 2, 3)
        assert asha is not None
        assert ben is not None
        balance = ledger.balance(uow, asha)
        assert (balance.posted.minor, balance.held.minor) == (10_000 - 3_000 - 100 - 70, 700)
        entries = ledger.entries(uow, ben, 100)
        assert len(entries) == 73
        assert (entries[-1].effective_at, entries[-1].code) == (WHEN, "opening")
        assert entries[-1].booked_at < entries[0].booked_at <= datetime.now(UTC)
        assert ledger.balance_at(uow, ben, datetime.now(UTC) + timedelta(seconds=1)).minor == 3_670
        # Old keys still name what they booked.
        assert ledger.post(uow, "many-3", [Transfer(asha, ben, Money(1, KES), "send")]).repeated
        [left] = ledger.open_holds(uow, asha)
        assert (left.amount.minor, left.code, left.expires_at) == (700, "gift", LATER)
        ledger.capture(uow, "c5", left.id)
        with pytest.raises(HoldEnded):
            ledger.release(uow, "r5", left.id)
        # New accounts do not collide with those that kept their numbers.
        assert ledger.account(uow, AccountKind.WALLET, "3", KES) == 4
    assert Sealer(database).run() == 2 + 5 + 4 + 70 + 1
    assert_books_verify(database)
    database.close()


def test_a_difference_stops_the_migration_and_leaves_everything(old: str) -> None:
    with psycopg.connect(old, autocommit=True) as connection:
        connection.execute("ALTER TABLE ledger.accounts DISABLE TRIGGER USER")
        connection.execute("UPDATE ledger.accounts SET posted = posted + 5 WHERE id = 3")
        with pytest.raises(Exception, match="not carried over: account 3"):
            upgrade(old)
        row = connection.execute("SELECT count(*) FROM ledger.accounts").fetchone()
        assert row == (3,)
