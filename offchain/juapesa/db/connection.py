"""One way to the database: a pool, and a unit of work that commits or leaves no trace.

Database code is synchronous. No ``await`` may stand inside ``with db.unit_of_work()``,
so nobody can ask the outside world while a transaction is open (``scripts/lints`` checks).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import psycopg
from psycopg.rows import DictRow, dict_row
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

    def notify(self, channel: str) -> None:
        """Wake whoever listens on ``channel``, once this transaction has committed."""
        self._connection.execute("SELECT pg_notify(%s, '')", (channel,))


class Database:
    """A pool of connections to one PostgreSQL database."""

    def __init__(self, pool: ConnectionPool[psycopg.Connection[DictRow]]) -> None:
        self._pool = pool

    @classmethod
    def connect(cls, url: str, *, connections_max: int = 4, name: str = "juapesa") -> Self:
        """Open a pool; waits at most 10 s for the first connection."""
        pool: ConnectionPool[psycopg.Connection[DictRow]] = ConnectionPool(
            url,
            connection_class=psycopg.Connection[DictRow],
            kwargs={"row_factory": dict_row, "application_name": name},
            min_size=1,
            max_size=connections_max,
            timeout=10,
            open=False,
        )
        pool.open(wait=True, timeout=10)
        return cls(pool)

    @contextmanager
    def unit_of_work(self) -> Iterator[UnitOfWork]:
        """A transaction: commits at the end of the block, rolls back on any exception."""
        with self._pool.connection() as connection:
            yield UnitOfWork(connection)

    def close(self) -> None:
        """Give every connection back."""
        self._pool.close()
