"""A worker is known to be dead as soon as its process is, and not before."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import psycopg
import pytest

from juapesa.db import Database, Worker

CHILD = """
import sys, time
from juapesa.db import Worker
worker = Worker(sys.argv[1], "child")
print(worker.number(), flush=True)
time.sleep(60)
"""


@pytest.fixture
def url(database: Database) -> str:
    with database.unit_of_work() as uow:
        return uow._connection.info.dsn


@pytest.fixture
def child(url: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    process = subprocess.Popen([sys.executable, "-c", CHILD, url], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def gone_within(worker: Worker, seconds: float) -> list[int]:
    ends = time.monotonic() + seconds
    while not (gone := worker.gone()) and time.monotonic() < ends:
        time.sleep(0.02)
    return gone


def test_a_killed_worker_is_gone_at_once_and_a_stopped_one_is_not(
    url: str, child: tuple[subprocess.Popen[str], int]
) -> None:
    process, number = child
    watcher = Worker(url, "watcher")
    assert watcher.number() != number
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(0.3)
    assert watcher.gone() == []
    os.kill(process.pid, signal.SIGKILL)
    assert gone_within(watcher, 5.0) == [number]
    assert watcher.gone() == [number], "it is told for a while: a commit of its may still have come through"
    watcher.resign()


def test_a_worker_that_is_long_gone_is_forgotten(url: str) -> None:
    watcher, other = Worker(url, "watcher"), Worker(url, "other")
    number = other.number()
    watcher.number()
    other.resign()
    assert gone_within(watcher, 5.0) == [number]
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("UPDATE worker.worker SET gone_at = gone_at - interval '1 minute'")
    assert watcher.gone() == [number]
    assert watcher.gone() == []
    watcher.resign()


def test_a_worker_whose_session_is_lost_gets_another_number(url: str) -> None:
    worker = Worker(url, "worker")
    first = worker.number()
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'worker-worker'"
        )
    with pytest.raises(psycopg.OperationalError):
        worker.gone()
    assert worker.number() != first
    assert gone_within(worker, 5.0) == [first], "what it had claimed is for others, and for itself"
    worker.resign()


def test_a_transaction_in_which_nothing_is_said_gives_its_locks_back(url: str) -> None:
    database = Database.connect(url, connections_max=1, idle_seconds_max=0.2)
    with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
        _say_nothing_for(database, 0.6)
    with database.unit_of_work() as uow:
        assert uow.one("SELECT 1 AS here") == {"here": 1}
    database.close()


def _say_nothing_for(database: Database, seconds: float) -> None:
    with database.unit_of_work() as uow:
        uow.execute("SELECT 1")
        time.sleep(seconds)
        uow.execute("SELECT 1")
