"""The bookkeeper: one leads, its jobs come round, and another takes over when its session ends."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest

from juapesa.assembly import Parts
from juapesa.clock import SystemClock
from juapesa.config import Settings
from juapesa.crypto import Keystore, open_keystore
from juapesa.db import Database
from juapesa.ledger import AccountKind, Ledger, Transfer
from juapesa.ledger.engine.checks import last_verdict
from juapesa.ledger.engine.sealer import Sealer
from juapesa.transparency.liabilities import statements
from juapesa_agents.bookkeeper import LEADERSHIP, Bookkeeper
from juapesa_agents.common.leader import Leader
from juapesa_agents.common.options import Options
from support.books import Books, kes
from support.postgres import PostgresForTests

LONG_AGO = datetime(2026, 1, 2, tzinfo=UTC)


@dataclass(frozen=True)
class BookkeepersParts:
    """What the bookkeeper uses of a process's parts."""

    database_url: str
    db: Database
    ledger: Ledger
    clock: SystemClock
    keystore: Keystore


@pytest.fixture
def parts(postgres: PostgresForTests, tmp_path: Path) -> Iterator[Parts]:
    with postgres.fresh() as url:
        database = Database.connect(url, connections_max=4)
        keystore = open_keystore(Settings(data_dir=tmp_path))
        yield cast("Parts", BookkeepersParts(url, database, Ledger(), SystemClock(), keystore))
        database.close()


def keeper(parts: Parts, **given: Any) -> Bookkeeper:
    options = Options(**({"once": False, "dry_run": False, "number": 1} | given))
    return Bookkeeper(parts, options, Leader(parts.database_url, LEADERSHIP))


def booked(parts: Parts) -> Books:
    """A hold that is long due, and rows that nobody has sealed."""
    books = Books(parts.db)
    asha, ben = books.wallet(1, kes(100)), books.wallet(2)
    with parts.db.unit_of_work() as uow:
        parts.ledger.hold(uow, "h", Transfer(asha, ben, kes(5), "send"), LONG_AGO)
    return books


def held(parts: Parts) -> int:
    with parts.db.unit_of_work() as uow:
        return len(uow.all("SELECT id FROM book.open_holds"))


def test_one_cycle_does_every_job(parts: Parts) -> None:
    books = booked(parts)
    assert asyncio.run(keeper(parts, once=True, dry_run=True).tick()) == 1
    assert held(parts) == 1
    done = asyncio.run(keeper(parts, once=True).tick())
    assert done >= 3
    assert held(parts) == 0
    with parts.db.unit_of_work() as uow:
        checked = last_verdict(uow)
        [stated] = statements(uow, 9)
    assert stated.leaves == 2
    assert asyncio.run(keeper(parts, once=True).tick()) == 0
    assert checked is not None
    assert checked.verdict.ok
    assert checked.verdict.transfers == 3
    books.assert_balanced()


async def until(true: Callable[[], bool], *keepers: Bookkeeper) -> None:
    async with asyncio.timeout(20):
        while not await asyncio.to_thread(true):
            for each in keepers:
                await each.tick()
            await asyncio.sleep(0.05)


def test_only_the_leader_works_and_another_takes_over(parts: Parts) -> None:
    booked(parts)

    async def scene() -> None:
        first, second = keeper(parts), keeper(parts)
        await until(lambda: held(parts) == 0, first, second)
        assert first.scheduler is not None
        assert second.scheduler is None
        end_leaders(parts.database_url)
        with pytest.raises(psycopg.OperationalError):
            await first.tick()
        assert first.scheduler is None
        await second.tick()
        assert second.scheduler is not None
        with parts.db.unit_of_work() as uow:
            wallet = parts.ledger.accounts_of(uow, AccountKind.WALLET, "1")
            [asha] = wallet.values()
            [ben] = parts.ledger.accounts_of(uow, AccountKind.WALLET, "2").values()
            later = datetime.now(UTC) + timedelta(seconds=0.5)
            parts.ledger.hold(uow, "again", Transfer(asha, ben, kes(1), "send"), later)
        await until(lambda: held(parts) == 0 and not Sealer(parts.db).waiting(), second)
        second.stop()

    asyncio.run(scene())


def end_leaders(url: str) -> None:
    with psycopg.connect(url) as connection:
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'leader' AND datname = current_database() AND pid IN "
            "(SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND granted)",
            (LEADERSHIP,),
        ).fetchall()
    assert len(ended) == 1


def test_what_a_job_fails_with_is_told_by_the_next_cycle(parts: Parts) -> None:
    def broken() -> int:
        raise ZeroDivisionError

    async def scene() -> None:
        found = keeper(parts)
        await found.tick()
        assert found.scheduler is not None
        found.scheduler.add_job(broken, "date", id="broken")
        async with asyncio.timeout(20):
            while True:
                await asyncio.sleep(0.05)
                await found.tick()

    with pytest.raises(ZeroDivisionError):
        asyncio.run(scene())
