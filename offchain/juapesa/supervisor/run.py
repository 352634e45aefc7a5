"""Brings the plan up in the order of its dependencies, keeps it up, and takes it down in reverse."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from pathlib import Path

from juapesa.supervisor.children import Child
from juapesa.supervisor.errors import ProcessFailed
from juapesa.supervisor.forks import Forks
from juapesa.supervisor.plan import Kind, Process

RESTARTS_MAX = 6  # within the window; more is not bad luck but a fault
RESTART_WINDOW_SECONDS = 60.0
BACKOFF_SECONDS = 0.5
BACKOFF_SECONDS_MAX = 8.0

Report = Callable[[str], None]
Hook = Callable[[], Awaitable[None]]


class Supervisor:
    """Runs processes until ``stop`` is set or one of them cannot be kept alive.

    ``before`` holds what must be known anew each time a process starts (its row may change);
    ``once_ready`` what is done each time it has become ready, before others may use it;
    ``unneeded`` tells that a task was done in an earlier run; ``forks`` starts what is a module of ours.
    """

    def __init__(
        self,
        rows: Sequence[Process],
        data_dir: Path,
        env: Mapping[str, str],
        report: Report,
        *,
        before: Mapping[str, Callable[[], Process]] | None = None,
        once_ready: Mapping[str, Hook] | None = None,
        unneeded: Mapping[str, Callable[[], Awaitable[bool]]] | None = None,
        forks: Forks | None = None,
    ) -> None:
        self._rows = rows
        self._data_dir = data_dir
        self._env = env
        self._report = report
        self._before = before or {}
        self._once_ready = once_ready or {}
        self._unneeded = unneeded or {}
        self._forks = forks
        self._ready = {row.name: asyncio.Event() for row in rows}
        self._children: dict[str, Child] = {}  # in the order they were started

    async def up(self) -> None:
        """Start everything; returns when all is ready. Raises ProcessFailed."""
        await _together(self._start(row) for row in self._rows)

    async def keep(self) -> None:
        """Restart what dies, for ever. Raises ProcessFailed when that does not help."""
        await _together(self._keep(row) for row in self._rows if row.kind is Kind.SERVICE)

    async def down(self) -> None:
        """Stop everything, last started first."""
        for name in reversed(list(self._children)):
            await self._children.pop(name).stop()
        if self._forks is not None:
            await self._forks.stop()

    def kill(self) -> None:
        """End everything at once."""
        for child in self._children.values():
            child.kill()
        if self._forks is not None:
            self._forks.kill()

    async def _start(self, row: Process) -> None:
        for name in row.after:
            if name in self._ready:  # one that was left out is not waited for
                await self._ready[name].wait()
        if row.name in self._unneeded and await self._unneeded[row.name]():
            self._ready[row.name].set()
            return
        began = time.monotonic()
        child = await self._spawn(row)
        if row.kind is Kind.TASK:
            await self._finish(child)
            del self._children[row.name]
        else:
            await child.ready()
        await self._became_ready(row.name)
        self._report(f"  {row.name:<14}{time.monotonic() - began:5.1f} s")

    async def _spawn(self, row: Process) -> Child:
        row = self._before[row.name]() if row.name in self._before else row
        child = self._children[row.name] = Child(row, self._data_dir, self._env, self._forks)
        await child.start()
        return child

    async def _finish(self, child: Child) -> None:
        """Wait for a task's end."""
        name, seconds = child.process.name, child.process.ready_seconds_max
        try:
            status = await asyncio.wait_for(child.ended(), seconds)
        except TimeoutError:
            raise ProcessFailed(f"{name} did not end within {seconds:.0f} s.{child.tail()}") from None
        if status != 0:
            raise ProcessFailed(f"{name} failed with status {status}.{child.tail()}")

    async def _became_ready(self, name: str) -> None:
        if name in self._once_ready:
            await self._once_ready[name]()
        self._ready[name].set()

    async def _keep(self, row: Process) -> None:
        deaths: deque[float] = deque(maxlen=RESTARTS_MAX)
        while True:
            child = self._children[row.name]
            status = await child.ended()
            now = time.monotonic()
            if len(deaths) == RESTARTS_MAX and now - deaths[0] < RESTART_WINDOW_SECONDS:
                raise ProcessFailed(
                    f"{row.name} died {RESTARTS_MAX + 1} times within {RESTART_WINDOW_SECONDS:.0f} s "
                    f"(status {status}); giving up.{child.tail()}"
                )
            recent = sum(1 for death in deaths if now - death < RESTART_WINDOW_SECONDS)
            deaths.append(now)
            wait = min(BACKOFF_SECONDS * 2**recent, BACKOFF_SECONDS_MAX)
            self._report(f"  {row.name} ended (status {status}); starting it again in {wait:.1f} s")
            await asyncio.sleep(wait)
            await self._restart(row)

    async def _restart(self, row: Process) -> None:
        """Start again; one that dies again before it is ready is simply another death."""
        began = time.monotonic()
        child = await self._spawn(row)
        try:
            await child.ready()
        except ProcessFailed:
            if child.pid is not None:  # it lives but does not answer
                await child.stop()
            return
        await self._became_ready(row.name)
        self._report(f"  {row.name:<14}{time.monotonic() - began:5.1f} s (again)")


async def _together(work: Iterable[Coroutine[None, None, None]]) -> None:
    """Run side by side; the first failure cancels the rest and is raised as itself, not in a group."""
    try:
        async with asyncio.TaskGroup() as group:
            for one in work:
                group.create_task(one)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
