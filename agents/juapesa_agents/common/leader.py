"""One process of many leads: it holds an advisory lock on a database session of its own.

A session that ends, however it ends, gives the lock back, so there are never two leaders; there may be
none for as long as the database takes to notice.
"""

import psycopg


class Leader:
    """Leadership under a number; ``holds`` asks the database each time, so a lost session is noticed."""

    def __init__(self, url: str, number: int) -> None:
        self._url = url
        self._number = number
        self._session: psycopg.Connection[tuple[object, ...]] | None = None

    def holds(self) -> bool:
        """Whether this process leads now; it does from here on when nobody else does.

        Raises psycopg.OperationalError when the database cannot be asked: then it does not lead.
        """
        if self._session is None:
            self._session = psycopg.connect(self._url, autocommit=True, application_name="leader")
        try:
            # A session that has the lock gets it once more; it is given back with the session.
            row = self._session.execute(
                "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
                " AND classid = 789 AND objid = %(number)s) OR pg_try_advisory_lock(789, %(number)s)",
                {"number": self._number},
            ).fetchone()
        except psycopg.OperationalError:
            self.resign()
            raise
        return row is not None and bool(row[0])

    def resign(self) -> None:
        """Give the leadership back, if it was ours."""
        session, self._session = self._session, None
        if session is not None:
            session.close()
