"""A closed month gets its indexes, goes into a file and comes back, and the books verify all along."""

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from juapesa.db import Database
from juapesa.ledger.engine import storage
from juapesa.ledger.engine.function import apply_orders
from juapesa.ledger.engine.months import MonthNotReady, archive, keep, restore
from juapesa.ledger.engine.orders import Capture, Done, Refused, Reverse
from juapesa.ledger.engine.verify import verify
from support.engine_books import EngineByHand, Opened, hold, send
from support.postgres import PostgresForTests

OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def engine(postgres: PostgresForTests) -> Iterator[EngineByHand]:
    """Rows in October and November; the clock stands in November."""
    with postgres.fresh() as url:
        database = Database.connect(url, connections_max=1)
        opened = Opened.new(database)
        database.close()
        found = EngineByHand(url, now=OCTOBER + timedelta(days=3))
        found.apply([send("fund", opened.capital, opened.anna, 10_000)])
        for number in range(80):
            found.now += timedelta(hours=1)
            found.apply([send(f"oct-{number}", opened.anna, opened.capital, 1)])
        held = found.answer(hold("h", opened.anna, opened.ben, 50))
        assert isinstance(held, Done)
        found.apply([Capture("c", held.rows[0].id)])
        found.now = NOVEMBER + timedelta(days=2)
        for number in range(80):
            found.now += timedelta(hours=1)
            found.apply([send(f"nov-{number}", opened.anna, opened.capital, 1)])
        yield found
        found.close()


@pytest.mark.parametrize("loaded", [1, 40, 10_000])
def test_a_key_is_known_however_few_a_start_keeps_in_memory(
    engine: EngineByHand, loaded: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "RECENT_LOADED", loaded)
    engine.close()
    engine = EngineByHand(engine.url, now=engine.now)
    for key in ("oct-3", "nov-79", "nov-1", "oct-3"):
        again = engine.answer(send(key, 1, 4, 1))
        assert isinstance(again, Done)
        assert again.repeated
        assert isinstance(engine.answer(send(key, 1, 4, 2)), Refused)
    fresh = engine.answer(send("new", 1, 4, 1))
    assert isinstance(fresh, Done)
    assert not fresh.repeated
    engine.close()
    assert verify(engine.url).ok


def test_archive_and_restore_leave_every_row_as_it_was(engine: EngineByHand, tmp_path: Path) -> None:
    file = tmp_path / "2026-10.copy.gz"
    assert verify(engine.url).ok
    assert keep(engine.url, engine.now) == ["transfers_2026_10"]
    assert keep(engine.url, engine.now) == []
    assert archive(engine.url, OCTOBER, file, engine.now) == 83
    found = verify(engine.url)
    assert found.ok, found.first_fault
    assert found.transfers == 80
    engine.close()
    engine = EngineByHand(engine.url, now=engine.now)  # it starts without the month
    assert isinstance(engine.answer(send("later", 1, 4, 1)), Done)
    refused = engine.answer(Reverse("r", 5))
    assert isinstance(refused, Refused)
    with pytest.raises(MonthNotReady, match="Stop it"):
        restore(engine.url, OCTOBER, file)
    engine.close()
    assert restore(engine.url, OCTOBER, file) == 83
    found = verify(engine.url)
    assert found.ok, found.first_fault
    assert found.transfers == 164
    engine.close()


def test_a_month_that_is_not_over_or_has_open_holds_stays(engine: EngineByHand, tmp_path: Path) -> None:
    with pytest.raises(MonthNotReady, match="not over"):
        archive(engine.url, NOVEMBER, tmp_path / "x", engine.now)
    with psycopg.connect(engine.url) as connection:
        connection.execute(
            "INSERT INTO book.open_holds SELECT id, debit, credit, 1, code, 0 FROM book.transfers "
            "ORDER BY id LIMIT 1"
        )
    with pytest.raises(MonthNotReady, match="open holds"):
        archive(engine.url, OCTOBER, tmp_path / "x", engine.now)
    assert not (tmp_path / "x").exists()


def test_another_file_is_not_taken_for_the_archive(engine: EngineByHand, tmp_path: Path) -> None:
    file = tmp_path / "october"
    archive(engine.url, OCTOBER, file, engine.now)
    engine.close()
    data = bytearray(gzip.decompress(file.read_bytes()))
    data[60] ^= 1
    forged = tmp_path / "forged"
    forged.write_bytes(gzip.compress(bytes(data)))
    with pytest.raises(MonthNotReady, match="not the archive"):
        restore(engine.url, OCTOBER, forged)
    (tmp_path / "noise").write_bytes(b"no archive at all")
    with pytest.raises(MonthNotReady, match="cannot be read"):
        restore(engine.url, OCTOBER, tmp_path / "noise")
    assert restore(engine.url, OCTOBER, file) == 83
    assert verify(engine.url).ok


def test_what_the_function_booked_is_sealed_when_the_engine_starts(postgres: PostgresForTests) -> None:
    with postgres.connected(connections_max=2) as database:
        opened = Opened.new(database)
        with database.unit_of_work() as uow:
            answers = apply_orders(uow, [send(f"f{n}", opened.capital, opened.anna, 5) for n in range(7)])
            assert all(isinstance(each, Done) for each in answers)
            row = uow.one("SELECT current_database() AS name")
        assert row is not None
        url = postgres.server.url(row["name"])
        assert verify(url).ok
        engine = EngineByHand(url)
        try:
            assert engine.storage.head.number == 1
            with (
                database.unit_of_work() as uow,
                pytest.raises(psycopg.Error, match="an engine holds the books"),
            ):
                apply_orders(uow, [send("g", opened.capital, opened.anna, 5)])
            engine.apply([send("e", opened.capital, opened.anna, 5)])
        finally:
            engine.close()
        found = verify(url)
        assert found.ok, found.first_fault
        assert found.transfers == 8
