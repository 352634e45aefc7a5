"""One libpq connection, driven by hand: whole transactions in one message, never a thread.

An exchange is a generator that yields whenever it waits for the server, so the same code serves the
writer's event loop (``asked``) and plain callers (``ask``). It never blocks on a full socket either: while
the server takes in a large batch, the next one is made. A half-open line gives no error, ever:
``silent_seconds`` says how long the server has owed an answer, and ``watch`` ends the process by it.
"""

import asyncio
import os
import select
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from typing import Any, NoReturn

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq.abc import PGresult

from juapesa.ledger.errors import WriterRefused

Exchange = Generator[bool, None, list[PGresult]]  # yields whether it waits to send, too
EXIT_DOUBTFUL = 75  # start me again
WATCH_SECONDS = 0.25
LOAD_SECONDS_MAX = 120.0  # one statement over large books, at start

# The kernel's own ways to notice a dead line over TCP; a URL that says otherwise wins.
_LINE = {
    "connect_timeout": "10",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
_GOOD = {pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK, pq.ExecStatus.EMPTY_QUERY}


class Doubtful(Exception):
    """The server refused, or did not say whether it has committed. The state in memory is worthless."""


class Failed(Doubtful):
    """The server says that a statement failed, and why (``state``, an SQLSTATE); the line is sound.

    Some states leave no doubt: who knows them may go on, after a ``ROLLBACK``.
    """

    def __init__(self, message: str, state: str) -> None:
        super().__init__(message)
        self.state = state


def _nothing() -> None:
    """Nobody is told that a statement has left."""


class Session:
    """A connection of the writer. Statements hold only numbers and escaped text, never a raw value."""

    def __init__(
        self, url: str, *, role: str | None = None, patience_seconds: float = LOAD_SECONDS_MAX
    ) -> None:
        known = conninfo_to_dict(url)
        options = {name: value for name, value in _LINE.items() if name not in known}
        self._connection = pq.PGconn.connect(make_conninfo(url, **options).encode())
        self._waiting_since: float | None = None
        self.patience_seconds = patience_seconds
        if self._connection.status != pq.ConnStatus.OK:
            raise WriterRefused("The database cannot be reached.")
        self._connection.exec_(b"SET application_name = 'jua-ledger'; SET client_min_messages = error")
        self._connection.nonblocking = 1
        if role is not None:
            self.ask(f"SET ROLE {role}")

    @property
    def server_process(self) -> int:
        """The backend's process id, which another session may end."""
        return self._connection.backend_pid

    @property
    def silent_seconds(self) -> float:
        """For how long the server has owed us a word; 0 when it owes none."""
        since = self._waiting_since
        return 0.0 if since is None else time.monotonic() - since

    def close(self) -> None:
        """End the session, and with it the fence."""
        self._connection.finish()

    def quoted(self, text: str) -> str:
        """The text as an SQL literal."""
        return bytes(pq.Escaping(self._connection).escape_literal(text.encode())).decode()

    def ask(self, sql: str, payload: bytes = b"") -> list[tuple[str | None, ...]]:
        """Send statements, wait, and give the rows of the last one that has any. Raises Doubtful."""
        exchange = self._exchange(sql, payload)
        try:
            while True:
                sending = next(exchange)
                line = [self._connection.socket]
                select.select(line, line if sending else [], [])
        except StopIteration as ended:
            return _rows(ended.value)

    async def asked(
        self, sql: str, payload: bytes = b"", sent: Callable[[], None] = _nothing
    ) -> list[tuple[str | None, ...]]:
        """As ``ask``, while the event loop goes on.

        ``sent`` is called when the server has all that it needs: it goes on, even if the event loop does not.
        """
        exchange = self._exchange(sql, payload, sent)
        loop = asyncio.get_running_loop()
        try:
            while True:
                await self._ready(loop, sending=next(exchange))
        except StopIteration as ended:
            return _rows(ended.value)

    async def _ready(self, loop: asyncio.AbstractEventLoop, *, sending: bool) -> None:
        ready: asyncio.Future[None] = loop.create_future()
        descriptor = self._connection.socket
        loop.add_reader(descriptor, _wake, ready)
        if sending:
            loop.add_writer(descriptor, _wake, ready)
        try:
            await ready
        finally:
            loop.remove_reader(descriptor)
            if sending:
                loop.remove_writer(descriptor)

    def _exchange(self, sql: str, payload: bytes, sent: Callable[[], None] = _nothing) -> Exchange:
        connection = self._connection
        found: list[PGresult] = []
        failure: Failed | None = None
        self._waiting_since = time.monotonic()
        try:
            connection.send_query(sql.encode())
            yield from self._flushed()
            if not payload:
                sent()
            while True:
                while connection.is_busy():
                    yield False
                    connection.consume_input()
                    self._waiting_since = time.monotonic()
                result = connection.get_result()
                if result is None:
                    if failure is not None:
                        raise failure
                    return found
                status = result.status
                if status == pq.ExecStatus.COPY_IN:
                    if not (connection.put_copy_data(payload) and connection.put_copy_end()):
                        raise Doubtful("libpq has no room for the rows")
                    yield from self._flushed()
                    sent()
                elif status in _GOOD:
                    found.append(result)
                else:
                    state = result.error_field(pq.DiagnosticField.SQLSTATE) or b""
                    failure = Failed(result.get_error_message(), state.decode())
        except psycopg.Error as problem:
            raise Doubtful(str(failure or problem)) from problem
        finally:
            self._waiting_since = None

    def _flushed(self) -> Generator[bool, None, None]:
        """Until all that was sent has left."""
        while self._connection.flush():
            yield True
            self._connection.consume_input()
            self._waiting_since = time.monotonic()


def watch(session: Session) -> None:
    """End the process once the server has owed an answer for longer than ``session.patience_seconds``.

    A thread of its own: nothing that keeps the event loop busy keeps it from looking.
    """

    def look() -> None:
        while session.silent_seconds < session.patience_seconds:
            time.sleep(WATCH_SECONDS)
        stop_in_doubt(f"the database has been silent for {session.patience_seconds:g} s")

    threading.Thread(target=look, name="watch", daemon=True).start()


def stop_in_doubt(why: str) -> NoReturn:
    """End at once. Nothing may run after a doubtful commit: no clean-up could know what is true."""
    print(f"the ledger writer stops: {why}", file=sys.stderr, flush=True)  # noqa: T201
    os._exit(EXIT_DOUBTFUL)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _rows(results: Sequence[PGresult]) -> list[tuple[str | None, ...]]:
    for result in reversed(results):
        if result.status == pq.ExecStatus.TUPLES_OK:
            columns = range(result.nfields)
            return [
                tuple(_text(result.get_value(row, column)) for column in columns)
                for row in range(result.ntuples)
            ]
    return []


def _text(value: Any) -> str | None:
    return None if value is None else bytes(value).decode()
