"""Consensus time: one nanosecond for each transaction in the network, never the same twice."""

import time
from collections.abc import Callable

NANOS = 10**9


def stamp(nanoseconds: int) -> str:
    """As the mirror node writes it: ``seconds.nanoseconds``, nine digits after the point."""
    seconds, rest = divmod(nanoseconds, NANOS)
    return f"{seconds}.{rest:09d}"


def nanoseconds_of(text: str) -> int:
    """Read ``seconds`` or ``seconds.fraction``. Raises ValueError."""
    seconds, _, fraction = text.partition(".")
    if not (seconds.isdecimal() and seconds.isascii() and len(seconds) <= 11):
        raise ValueError(text)
    if fraction and not (fraction.isdecimal() and fraction.isascii() and len(fraction) <= 9):
        raise ValueError(text)
    return int(seconds) * NANOS + int(fraction.ljust(9, "0") or 0)


class ConsensusClock:
    """Hands out consensus timestamps in order."""

    def __init__(self, wall: Callable[[], int] = time.time_ns) -> None:
        self._wall = wall
        self._last = 0

    def next(self, not_before: int = 0) -> int:
        """A timestamp in nanoseconds, later than every one before."""
        self._last = max(self._last + 1, not_before or self._wall())
        return self._last

    def pass_over(self, nanoseconds: int) -> None:
        """Nothing up to here is handed out: it was, before a restart."""
        self._last = max(self._last, nanoseconds)

    def seconds(self) -> int:
        """The second in which the next timestamp will lie."""
        return max(self._last + 1, self._wall()) // NANOS
