"""The writer's process: take the fence, load, check, open the door; die on any doubt.

One that shares the books takes no fence and loads nothing.
"""

import asyncio
import gc
import math
import signal
import socket
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import uvloop

from juapesa.clock import Clock
from juapesa.ledger.engine.exclusive import Exclusive
from juapesa.ledger.engine.front import Front
from juapesa.ledger.engine.keeper import Tie
from juapesa.ledger.engine.session import Doubtful, Session, stop_in_doubt, watch
from juapesa.ledger.engine.shared import Shared
from juapesa.ledger.engine.storage import FENCE, Storage
from juapesa.ledger.engine.writer import QUEUE_ORDERS_MAX, Writer
from juapesa.ledger.errors import WriterRefused

T = TypeVar("T")

SILENCE_SECONDS_MAX = 10.0  # a commit takes milliseconds; a line that is dead says nothing
FENCE_PAUSE_SECONDS = 0.05
RECOVERY_SECONDS_MAX = 120.0  # a database that was there a moment ago comes back
SHARE_SECONDS_MAX = 10.0  # to wait for a database, or for a writer that has the books to itself
GARBAGE_THRESHOLD = 50_000


@dataclass(frozen=True, slots=True)
class Door:
    """Where the writer listens: a unix socket, or a loopback port that asks for a token."""

    socket: Path | None = None
    port: int = 0
    token: bytes | None = None


def serve(
    url: str,
    door: Door,
    clock: Clock,
    *,
    role: str | None = None,
    fence_seconds: float = 10.0,
    take_over: bool = False,
    queue_max: int = QUEUE_ORDERS_MAX,
    silence_seconds_max: float = SILENCE_SECONDS_MAX,
    standing_by: Callable[[], None] | None = None,
    tie: Tie | None = None,
    ready: Callable[[float], None],
) -> None:
    """Run until SIGTERM or SIGINT. ``ready`` is told how many seconds the loading took.

    ``take_over`` ends the session of a writer that hangs; it cannot commit any more then. When the database
    owes an answer for ``silence_seconds_max``, the process ends itself; the server drops a session that says
    nothing for twice as long, and with it the fence of a writer that only sleeps or is cut off.
    With ``standing_by`` it waits as long as another writer has the fence, and calls that once at first.
    With a ``tie`` it ends with its keeper, and follows a writer that is dead: it waits for the database, and
    ends that one's session should the server not have noticed yet.
    Raises WriterRefused when another writer stays, or the books contradict themselves.
    """
    follows = tie.before if tie is not None else None
    session = _connected(url, role, RECOVERY_SECONDS_MAX if follows else 0.0)
    watch(session)
    storage = Storage(session)
    try:
        _take_fence(storage, url, _end_holder(follows, take_over=take_over), fence_seconds, standing_by)
        began = time.monotonic()
        if tie is not None:
            tie.tell_session(session.server_process)
        storage.reader = reader = _connected(url, role, RECOVERY_SECONDS_MAX if follows else 0.0)
        watch(reader)
        books = storage.load(clock.now())
        gc.freeze()  # the books are long-lived: looking through them again and again would only cost time
        gc.set_threshold(GARBAGE_THRESHOLD, 20, 20)
        back = Exclusive(storage, books, clock)
        _bound(reader, silence_seconds_max)
        _write(
            session, Writer(back, clock, queue_max=queue_max), door, silence_seconds_max, tie, ready, began
        )
    except Doubtful as doubt:
        stop_in_doubt(str(doubt).strip())


def serve_shared(
    url: str,
    door: Door,
    clock: Clock,
    *,
    role: str | None = None,
    queue_max: int = QUEUE_ORDERS_MAX,
    silence_seconds_max: float = SILENCE_SECONDS_MAX,
    tie: Tie | None = None,
    ready: Callable[[float], None],
) -> None:
    """As ``serve``, in books that others write to as well, with the database function.

    Raises WriterRefused when somebody already listens there, or a writer has the books to itself.
    """
    follows = tie.before if tie is not None else None
    if door.socket is not None and _somebody_listens(door.socket):
        raise WriterRefused(f"Another writer listens on {door.socket}.")
    began = time.monotonic()
    session = _connected(url, role, RECOVERY_SECONDS_MAX if follows else SHARE_SECONDS_MAX)
    watch(session)
    back = Shared(session)
    try:
        if tie is not None:
            tie.tell_session(session.server_process)
        _insist(back.require_room, time.monotonic() + SHARE_SECONDS_MAX)
        _write(
            session, Writer(back, clock, queue_max=queue_max), door, silence_seconds_max, tie, ready, began
        )
    except Doubtful as doubt:
        stop_in_doubt(str(doubt).strip())


def _write(
    session: Session,
    writer: Writer,
    door: Door,
    silence_seconds_max: float,
    tie: Tie | None,
    ready: Callable[[float], None],
    began: float,
) -> None:
    """Open the door and write until asked to end. Raises Doubtful and what the writer's back raises."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await _listen(loop, door, lambda: Front(writer, session.quoted, door.token))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, writer.stop)
        if tie is not None:
            loop.add_reader(tie.line, _end_with_keeper, loop, tie, writer)
            tie.tell_listening()
        ready(time.monotonic() - began)
        await writer.run()
        server.close()

    _bound(session, silence_seconds_max)
    uvloop.run(main())


def _bound(session: Session, silence_seconds_max: float) -> None:
    """Bound the silence on both ends of a session."""
    session.ask(f"SET idle_session_timeout = {int(silence_seconds_max * 2_000)}")
    session.patience_seconds = silence_seconds_max


def _somebody_listens(path: Path) -> bool:
    """Whether the socket is somebody's who lives, or only sleeps."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(1.0)
        try:
            line.connect(str(path))
        except TimeoutError:
            return True
        except OSError:
            return False
    return True


async def _listen(
    loop: asyncio.AbstractEventLoop, door: Door, front: Callable[[], Front]
) -> asyncio.AbstractServer:
    if door.socket is None:
        return await loop.create_server(front, "127.0.0.1", door.port, backlog=512)
    if door.socket.exists() and stat.S_ISSOCK(door.socket.stat().st_mode):
        door.socket.unlink()  # its owner is dead: the fence is ours, or nobody has answered
    server = await loop.create_unix_server(front, str(door.socket), backlog=512)
    door.socket.chmod(0o600)
    return server


def _connected(url: str, role: str | None, seconds: float) -> Session:
    """A session, tried for so long. Raises WriterRefused."""
    return _insist(lambda: Session(url, role=role), time.monotonic() + seconds)


def _insist(act: Callable[[], T], deadline: float) -> T:
    """Try until it can be done. Raises what stood against it at the deadline."""
    while True:
        try:
            return act()
        except (WriterRefused, Doubtful):
            if time.monotonic() > deadline:
                raise
        time.sleep(FENCE_PAUSE_SECONDS)


def _end_with_keeper(loop: asyncio.AbstractEventLoop, tie: Tie, writer: Writer) -> None:
    loop.remove_reader(tie.line)
    writer.stop()


def _end_holder(follows: int | None, *, take_over: bool) -> str | None:
    """What ends the session that has the fence, if that may be done."""
    if follows is not None:
        return f"{_END_HOLDER} AND pid = {follows}"
    return _END_HOLDER if take_over else None


def _take_fence(
    storage: Storage,
    url: str,
    end_holder: str | None,
    seconds: float,
    standing_by: Callable[[], None] | None,
) -> None:
    deadline = time.monotonic() + (seconds if standing_by is None else math.inf)
    while not _has_fence(storage, deadline):
        if end_holder is not None:
            ending = Session(url)
            ending.ask(end_holder)
            ending.close()
            end_holder = None  # who takes the fence after that one stood by, and shall keep it
        if standing_by is not None:
            standing_by()
            standing_by = None  # once
        time.sleep(FENCE_PAUSE_SECONDS)


def _has_fence(storage: Storage, deadline: float) -> bool:
    """Whether it could be taken now. Raises WriterRefused when it could not and the deadline is over."""
    try:
        storage.take_fence()
    except WriterRefused:
        if time.monotonic() > deadline:
            raise
        return False
    return True


_CLASS, _OBJECT = FENCE.split(", ")
_END_HOLDER = (
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "  # noqa: S608 - constants
    f"AND classid = {_CLASS} AND objid = {_OBJECT} AND mode = 'ExclusiveLock' AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
