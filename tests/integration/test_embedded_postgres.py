"""The embedded PostgreSQL: who starts it, who attaches, and what survives a kill."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from juapesa.config import Settings
from juapesa.db import Database, DatabaseUnavailable, EmbeddedPostgres, resolve_url
from juapesa.db.migrate import upgrade

START = """
import sys; from pathlib import Path; from juapesa.db import EmbeddedPostgres
EmbeddedPostgres(Path(sys.argv[1])).start()
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    found = EmbeddedPostgres(tmp_path)
    yield found
    found.stop()


def test_data_survives_a_kill_of_the_server_with_sessions_open(server: EmbeddedPostgres) -> None:
    server.start()
    open_session = psycopg.connect(server.url())
    open_session.execute("CREATE TABLE kept AS SELECT 1 AS n")
    open_session.commit()
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    server.start()
    with psycopg.connect(server.url()) as again:
        assert again.execute("SELECT n FROM kept").fetchall() == [(1,)]


def test_processes_that_start_at_once_share_one_server(server: EmbeddedPostgres, tmp_path: Path) -> None:
    children = [subprocess.Popen([sys.executable, "-c", START, str(tmp_path)]) for _ in range(4)]
    assert [each.wait(60) for each in children] == [0, 0, 0, 0]
    before = server.pid
    server.start()
    assert server.pid == before is not None


def test_it_outlives_its_starter_and_a_second_stop_is_harmless(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    server.start()
    EmbeddedPostgres(tmp_path).stop()
    assert server.pid is None
    server.stop()


def test_a_number_of_a_dead_server_given_to_another_server_leaves_that_one_alone(tmp_path: Path) -> None:
    ours, other = EmbeddedPostgres(tmp_path / "ours"), EmbeddedPostgres(tmp_path / "other")
    try:
        ours.start()
        ours.stop()
        other.start()
        (tmp_path / "ours" / "pg" / "postmaster.pid").write_text(f"{other.pid}\n{tmp_path}\n")
        assert ours.pid is None
        ours.stop()
        with psycopg.connect(other.url()) as alive:
            assert alive.execute("SELECT 1").fetchall() == [(1,)]
    finally:
        other.stop()


def test_a_number_of_a_dead_server_given_to_another_process_does_no_harm(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    server.start()
    server.stop()
    (tmp_path / "pg" / "postmaster.pid").write_text(f"{os.getpid()}\n{tmp_path}\n")
    assert server.pid is None
    server.start()
    assert server.pid not in {None, os.getpid()}


def test_a_folder_of_another_version_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "pg").mkdir()
    (tmp_path / "pg" / "PG_VERSION").write_text("12\n")
    with pytest.raises(DatabaseUnavailable, match="PostgreSQL 12"):
        EmbeddedPostgres(tmp_path).start()


def test_a_path_too_long_for_a_socket_works(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / ("long" * 30))
    try:
        server.start()
        assert "jua-pg-" in server.url()
    finally:
        server.stop()


def test_a_configured_database_is_taken_as_it_is() -> None:
    assert (
        resolve_url(Settings(database_url=SecretStr("postgresql://elsewhere/x")))
        == "postgresql://elsewhere/x"
    )


def test_migrating_twice_changes_nothing(database_url: str) -> None:
    upgrade(database_url)
    upgrade(database_url)
    database = Database.connect(database_url)
    with database.unit_of_work() as uow:
        assert uow.one("SELECT count(*) AS versions FROM alembic_version") == {"versions": 1}
    database.close()
