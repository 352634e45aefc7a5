"""The house's database: one connection, units of work as savepoints, and failures at each commit.

A history is one transaction that is rolled back at its end, which puts everything back at no cost. So
two units of work never run at the same time here: waiting for row locks, deadlocks and durability are
for other tests (``test_saga_kills``, ``test_ledger_concurrency``, ``jua ledger crash``).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, auto

import psycopg
from psycopg.rows import DictRow

from juapesa.db import Database, UnitOfWork
from juapesa.simulation.hand import Death


class Fate(Enum):
    """What becomes of a commit."""

    GOOD = auto()
    DIES_BEFORE = auto()
    DIES_AFTER = auto()
    BROKEN_OFF = auto()  # rolled back, and the caller is told
    DEADLOCK = auto()  # rolled back in favour of somebody else
    ANSWER_LOST = auto()  # committed, and the caller cannot know


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


class OneConnection(Database):
    """``fate`` is asked at every commit."""

    def __init__(self, connection: psycopg.Connection[DictRow]) -> None:
        self._connection = connection
        self.fate: Callable[[], Fate] = lambda: Fate.GOOD
        self.commits = 0

    @contextmanager
    def unit_of_work(self) -> Iterator[UnitOfWork]:
        """A savepoint; ends as ``fate`` says."""
        with self._connection.transaction():
            yield UnitOfWork(self._connection)
            fate = self.fate()
            if fate in _BEFORE:
                kind, why = _BEFORE[fate]
                raise kind(why)
        self.commits += 1
        if fate in _AFTER:
            kind, why = _AFTER[fate]
            raise kind(why)

    @contextmanager
    def looked_at(self) -> Iterator[UnitOfWork]:
        """For checks: no fate, no commit counted."""
        yield UnitOfWork(self._connection)

    @contextmanager
    def history(self) -> Iterator[None]:
        """Everything inside is forgotten at its end."""
        with self._connection.transaction(force_rollback=True):
            yield
