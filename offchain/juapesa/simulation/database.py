"""The house's database: one connection, units of work as savepoints, and failures at each commit.

A history is one transaction that is rolled back at its end, which puts everything back at no cost. So
two units of work never run at the same time here: waiting for row locks, deadlocks and durability are
for other tests (``test_saga_kills``, ``test_ledger_concurrency``, ``jua ledger crash``).
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, auto

import psycopg
from psycopg.rows import DictRow

from juapesa.db import Database, UnitOfWork
from juapesa.db.connection import Params, Row
from juapesa.simulation.hand import Death


class Fate(Enum):
    """What becomes of a commit."""

    GOOD = auto()
    DIES_BEFORE = auto()
    DIES_AFTER = auto()
    BROKEN_OFF = auto()  # rolled back, and the caller is told
    DEADLOCK = auto()  # rolled back in favour of somebody else
    ANSWER_LOST = auto()  # committed, and the caller cannot know


_ONLY_READS = re.compile(
    r"\s*SELECT\s(?!.*(?:ledger|book)\.\w+\s?\()", re.DOTALL
)  # calls of functions may write
_CUT = (psycopg.OperationalError, "the server closed the connection")
_BEFORE: dict[Fate, tuple[type[BaseException], str]] = {
    Fate.DIES_BEFORE: (Death, "before the commit"),
    Fate.BROKEN_OFF: _CUT,
    Fate.DEADLOCK: (psycopg.errors.DeadlockDetected, "deadlock detected"),
}
_AFTER: dict[Fate, tuple[type[BaseException], str]] = {
    Fate.DIES_AFTER: (Death, "after the commit"),
    Fate.ANSWER_LOST: _CUT,
}


class Noted(UnitOfWork):
    """A unit of work that notes whether it has changed anything, so that checks run only then."""

    def __init__(self, connection: psycopg.Connection[DictRow]) -> None:
        super().__init__(connection)
        self._cursor = connection.cursor()
        self.wrote = False

    def execute(self, sql: str, params: Params = ()) -> int:
        touched = self._cursor.execute(sql.encode(), params).rowcount
        self.wrote |= touched > 0
        return touched

    def all(self, sql: str, params: Params = ()) -> list[Row]:
        rows = self._cursor.execute(sql.encode(), params).fetchall()
        self.wrote |= bool(rows) and not _ONLY_READS.match(sql)
        return rows


class OneConnection(Database):
    """``fate`` is asked at every commit. A savepoint is always open inside a history."""

    def __init__(self, connection: psycopg.Connection[DictRow]) -> None:
        self._connection = connection
        self._in_history = False
        self.fate: Callable[[], Fate] = lambda: Fate.GOOD
        self.writes = 0

    @contextmanager
    def unit_of_work(self) -> Iterator[UnitOfWork]:
        """Commits unless it raises or ``fate`` says otherwise."""
        uow = Noted(self._connection)
        with self._committed():
            yield uow
            fate = self.fate()
            if fate in _BEFORE:
                kind, why = _BEFORE[fate]
                raise kind(why)
        self.writes += uow.wrote
        if fate in _AFTER:
            kind, why = _AFTER[fate]
            raise kind(why)

    @contextmanager
    def looked_at(self) -> Iterator[UnitOfWork]:
        """For checks: no fate, nothing noted, nothing written."""
        yield UnitOfWork(self._connection)

    @contextmanager
    def played(self) -> Iterator[UnitOfWork]:
        """What others than this house's processes write: no fate."""
        with self._committed():
            yield UnitOfWork(self._connection)

    @contextmanager
    def history(self) -> Iterator[None]:
        """Everything inside is forgotten at its end."""
        with self._connection.transaction(force_rollback=True):
            self._say(b"SAVEPOINT unit")
            self._in_history = True
            try:
                yield
            finally:
                self._in_history = False

    @contextmanager
    def _committed(self) -> Iterator[None]:
        if not self._in_history:
            with self._connection.transaction():
                yield
            return
        try:
            yield
        except BaseException:
            self._say(b"ROLLBACK TO SAVEPOINT unit")
            raise
        self._say(b"RELEASE SAVEPOINT unit; SAVEPOINT unit")

    def _say(self, sql: bytes) -> None:
        """A statement past the driver: twice as fast, and there are two for each unit of work."""
        found = self._connection.pgconn.exec_(sql)
        assert found.status == psycopg.pq.ExecStatus.COMMAND_OK, found.error_message
