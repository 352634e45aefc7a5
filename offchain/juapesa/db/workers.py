"""Workers that claim work: each is known by a number for as long as a session of its own lives.

The session holds an advisory lock on the number. It ends with its process, however that ends, and then
whatever was claimed under the number is free for others; nobody has to wait until the claim runs out. A
process that stands still keeps its session and so its claims, until they run out.
"""

import psycopg

LOCKS = 7891  # the class of the advisory locks
FORGET_SECONDS = 10  # a commit that was under way when a worker died has come through by then


class Worker:
    """This process as a worker. Use from one thread at a time."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        self._session: psycopg.Connection[tuple[object, ...]] | None = None
        self._number = 0

    def number(self) -> int:
        """Our number; a new one when the session was lost. Raises psycopg.OperationalError."""
        if self._session is None or self._session.closed:
            self._enlist()
        return self._number

    def gone(self) -> list[int]:
        """Numbers of workers that have died within the last seconds. Raises psycopg.OperationalError.

        Each is told for ten seconds: what it was committing when it died may come to light after it.
        """
        self.number()
        assert self._session is not None
        try:
            rows = self._session.execute(
                "UPDATE worker.worker w SET gone_at = coalesce(gone_at, clock_timestamp())"
                " WHERE gone_at IS NOT NULL OR NOT EXISTS (SELECT FROM pg_locks l"
                "   WHERE l.locktype = 'advisory' AND l.classid = %s AND l.objid = w.number AND l.granted"
                "     AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
                " RETURNING number, gone_at < clock_timestamp() - make_interval(secs => %s)",
                (LOCKS, FORGET_SECONDS),
            ).fetchall()
            if past := [number for number, is_past in rows if is_past]:
                self._session.execute("DELETE FROM worker.worker WHERE number = ANY(%s)", (past,))
        except psycopg.OperationalError:
            self.resign()
            raise
        return [int(str(number)) for number, _ in rows]

    def resign(self) -> None:
        """Our claims are free from here on."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _enlist(self) -> None:
        """The lock comes before the row, so that nobody takes us for dead."""
        self._session = psycopg.connect(self._url, autocommit=True, application_name=f"{self._name}-worker")
        row = self._session.execute("SELECT nextval('worker.number')::int").fetchone()
        assert row is not None
        self._number = int(str(row[0]))
        self._session.execute("SELECT pg_advisory_lock(%s, %s)", (LOCKS, self._number))
        self._session.execute(
            "INSERT INTO worker.worker (number, name) VALUES (%s, %s)", (self._number, self._name)
        )
