"""What every agent is: a name, a pace, a tick. No business rule lives here.

A cycle is bounded work; an agent that dies between any two lines loses nothing, because each
tick starts from what is on record. Expected failures (an operator is down, the chain is silent)
are counted, logged and tried again with back-off; anything else is a bug and ends the process,
which its supervisor starts again.
"""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from juapesa.errors import JuaError
from juapesa.observability import get_logger

BACKOFF_SECONDS_MAX = 10.0


@dataclass
class Agent:
    """Runs ``tick`` at a pace, earlier when woken; ``tick`` answers how much it did."""

    name: str
    tick: Callable[[], Awaitable[int]]
    pace_seconds: float
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    passing: tuple[type[Exception], ...] = ()  # failures of a library that end by themselves
    pulse: Callable[[int], Awaitable[None]] | None = None
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _failures: int = 0

    async def run(self, *, once: bool) -> int:
        """Cycle until told to stop, or once; the exit code."""
        log = get_logger(self.name)
        expected: tuple[type[Exception], ...] = (JuaError, *self.passing)
        self._listen_for_signals()
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                done = await self.tick()
            except expected as failure:
                self._failures += 1
                log.warning("cycle failed", why=type(failure).__name__, failures=self._failures)
                if once:
                    return 1
            else:
                self._failures = 0
                if done:
                    log.info("cycle", done=done, seconds=round(time.monotonic() - started, 3))
                if self.pulse is not None:
                    await self.pulse(done)
                if once:
                    return 0
            await self._pause()
        log.info("stopped")
        return 0

    def stop(self) -> None:
        """End after the cycle under way."""
        self._stopping.set()
        self.wake.set()

    async def _pause(self) -> None:
        seconds = min(self.pace_seconds * 2 ** min(self._failures, 8), BACKOFF_SECONDS_MAX)
        with suppress(TimeoutError):
            await asyncio.wait_for(self.wake.wait(), max(seconds, self.pace_seconds))
        if not self._failures:
            self.wake.clear()

    def _listen_for_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self.stop)
