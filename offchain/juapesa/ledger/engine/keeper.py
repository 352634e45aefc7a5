"""Keeps a writer running: a parent with everything loaded forks the next one the moment one dies.

Starting Python and importing takes longer than all that a writer has to do before it can write. The parent
touches neither database nor socket, so nothing can make it doubt anything. A writer whose keeper is gone
ends by itself, so that nobody has to look for it.
"""

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from juapesa.ledger.engine.session import EXIT_DOUBTFUL

PAUSE_SECONDS = 0.1  # after one that died before it could listen; doubles
PAUSE_SECONDS_MAX = 5.0
_LISTENS = b"!"
_ENDING = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, slots=True)
class Tie:
    """A writer's tie to its keeper. It can be read from only once the keeper is gone.

    ``before``: the number of the database session of the writer before, who is dead for certain.
    """

    line: socket.socket
    before: int | None

    def tell_session(self, session: int) -> None:
        """Let the keeper know this writer's own session."""
        self.line.send(str(session).encode())

    def tell_listening(self) -> None:
        """Let the keeper know that the start has succeeded: its end, whenever it comes, is another matter."""
        self.line.send(_LISTENS)


def keep(write: Callable[[Tie], None], say: Callable[[str], None]) -> int:
    """Run ``write`` in a child, again and again while it is killed, ends in doubt or fails after its start.

    Returns the last one's exit status in the parent, 0 after SIGTERM or SIGINT, which it passes on; in the
    child 0 when ``write`` has returned. Whatever ``write`` raises is raised in the child.
    """
    keeper = _Keeper()
    try:
        return keeper.run(write, say)
    finally:
        keeper.restore_signals()


class _Keeper:
    """Has at most one child, and passes the order to stop on to it."""

    def __init__(self) -> None:
        self.stopping = False
        self._child = 0
        self._before = {number: signal.signal(number, self._stop) for number in _ENDING}

    def run(self, write: Callable[[Tie], None], say: Callable[[str], None]) -> int:
        pause, before = PAUSE_SECONDS, None
        while not self.stopping:
            ours, theirs = socket.socketpair()
            if self.fork() == 0:
                ours.close()
                write(Tie(theirs, before))
                return 0
            theirs.close()
            status = self.wait()
            session, listened = _told(ours)
            before = session or before
            if status == 0 or (status > 0 and status != EXIT_DOUBTFUL and not listened):
                return status
            if self.stopping:
                break
            say(f"the ledger's writer ended ({status}); the next one starts")
            if not listened:
                time.sleep(pause)
            pause = PAUSE_SECONDS if listened else min(2 * pause, PAUSE_SECONDS_MAX)
        return 0

    def restore_signals(self) -> None:
        """Have the handlers of before again."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def fork(self) -> int:
        """As ``os.fork``; the order to stop reaches the parent or the child, but never none of them."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        try:
            self._child = os.fork()
            if self._child == 0:
                self.restore_signals()
            elif self.stopping:
                os.kill(self._child, signal.SIGTERM)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        return self._child

    def wait(self) -> int:
        """The child's exit status once it has ended; negative for the signal that killed it."""
        status = os.waitpid(self._child, 0)[1]
        self._child = 0
        return os.waitstatus_to_exitcode(status)

    def _stop(self, *_: object) -> None:
        self.stopping = True
        if self._child:
            with contextlib.suppress(ProcessLookupError):  # it has ended just now
                os.kill(self._child, signal.SIGTERM)


def _told(line: socket.socket) -> tuple[int, bool]:
    """The session of a writer that has ended, 0 if it had none, and whether it got to listen."""
    with line:
        said = line.recv(64)
    return int(said.removesuffix(_LISTENS) or 0), said.endswith(_LISTENS)
