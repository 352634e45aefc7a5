"""One way to the database: a pool, and a unit of work that commits or leaves no trace.

Database code is synchronous. No ``await`` may stand inside ``with db.unit_of_work()``,
so nobody can ask the outside world while a transaction is open (``scripts/lints`` checks).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import psycopg
from psycopg.rows import DictRow, dict_row, tuple_row
from psycopg_pool import ConnectionPool

Row = dict[str, Any]
Params = Sequence[Any] | Mapping[str, Any]


class UnitOfWork:
    """One open transaction. Rows come back as dicts."""

    def __init__(self, connection: psycopg.Connection[DictRow]) -> None:
        self._connection = connection

    def execute(self, sql: str, params: Params = ()) -> int:
        """Run a statement; the number of rows it touched."""
        return self._connection.execute(sql.encode(), params).rowcount

    def one(self, sql: str, params: Params = ()) -> Row | None:
        """The only row, or None. More than one is a bug."""
        rows = self.all(sql, params)
        assert len(rows) <= 1, f"expected one row at most, got {len(rows)}"
        return rows[0] if rows else None

    def all(self, sql: str, params: Params = ()) -> list[Row]:
        """Every row."""
        return self._connection.execute(sql.encode(), params).fetchall()

    def tuples(self, sql: str, params: Params = ()) -> list[tuple[Any, ...]]:
        """Every row as a tuple: for many rows, and where names would only repeat the statement."""
        with self._connection.cursor(row_factory=tuple_row) as cursor:
            return cursor.execute(sql.encode(), params).fetchall()

    def copy_out(self, sql: str) -> Iterator[bytes]:
        """What a ``COPY … TO STDOUT`` says, block by block. Every block must be read."""
        with self._connection.cursor().copy(sql.encode()) as copy:
            for block in copy:
                yield bytes(block)

    def notify(self, channel: str) -> None:
        """Wake whoever listens on ``channel``, once this transaction has committed."""
        self._connection.execute("SELECT pg_notify(%s, '')", (channel,))


class Database:
    """A pool of connections to one PostgreSQL database."""

    def __init__(self, pool: ConnectionPool[psycopg.Connection[DictRow]]) -> None:
        self._pool = pool

    @classmethod
    def connect(
        cls,
        url: str,
        *,
        connections_max: int = 4,
        name: str = "juapesa",
        idle_seconds_max: float | None = None,
    ) -> Self:
        """Open a pool; waits at most 10 s for the first connection.

        ``idle_seconds_max``: a transaction in which nothing is said for so long is rolled back, so that a
        process that stands still gives back its locks.
        """

        def configure(connection: psycopg.Connection[DictRow]) -> None:
            if idle_seconds_max is not None:
                value = f"{round(idle_seconds_max * 1_000)}ms"
                connection.execute(
                    "SELECT set_config('idle_in_transaction_session_timeout', %s, false)", (value,)
                )
                connection.commit()

        pool: ConnectionPool[psycopg.Connection[DictRow]] = ConnectionPool(
            url,
            connection_class=psycopg.Connection[DictRow],
            kwargs={"row_factory": dict_row, "application_name": name},
            min_size=1,
            max_size=connections_max,
            timeout=10,
            configure=configure,
            open=False,
        )
        pool.open(wait=True, timeout=10)
        return cls(pool)

    @contextmanager
    def unit_of_work(self) -> Iterator[UnitOfWork]:
        """A transaction: commits at the end of the block, rolls back on any exception."""
        with self._pool.connection() as connection:
            yield UnitOfWork(connection)

    @contextmanager
    def snapshot(self) -> Iterator[UnitOfWork]:
        """A transaction that may only read, and reads everything as of one instant."""
        with self.unit_of_work() as uow:
            uow.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield uow

    def close(self) -> None:
        """Give every connection back."""
        self._pool.close()


@contextmanager
def reading(url: str) -> Iterator[UnitOfWork]:
    """One snapshot of a database, over a connection of its own."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        yield UnitOfWork(connection)
