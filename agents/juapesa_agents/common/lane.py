"""Work beside the cycle: bounded, and never silent about a bug.

Operators take seconds to answer, or do not answer at all; what waits for one must not hold up what
waits for another.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Lane:
    """At most ``places`` tasks at once. What one raises is raised by the next ``free``."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._tasks: set[asyncio.Task[Any]] = set()

    def free(self) -> int:
        """How many more may start now; raises what a task that ended has raised."""
        for task in [task for task in self._tasks if task.done()]:
            self._tasks.discard(task)
            task.result()
        return self._places - len(self._tasks)

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Start one; the caller has asked for a free place."""
        self._tasks.add(asyncio.create_task(work))

    async def finish(self) -> None:
        """Wait for all; raises what one has raised."""
        await asyncio.gather(*self._tasks)
        self.free()
