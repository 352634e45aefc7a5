"""Coroutines moved by hand, one wait at a time, without an event loop or a thread.

Wherever the house's code waits (for a worker thread with a transaction in it, for an operator, for a
gateway) the coroutine stops, and the history decides who goes on, or dies there.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Generator, Iterator
from dataclasses import dataclass, field
from types import coroutine
from typing import Any, TypeVar

import psycopg

from juapesa.errors import JuaError

Answer = TypeVar("Answer")

# What an agent's cycle survives; anything else is a bug.
PASSING: tuple[type[Exception], ...] = (JuaError, psycopg.OperationalError)


class Death(BaseException):
    """The process is gone: no code of it may run any more."""


@coroutine
def wait(place: str) -> Generator[str, None, None]:
    """Stop here until the history goes on with this coroutine."""
    yield place


@dataclass(eq=False)
class Job:
    """A coroutine under way; stands where an asyncio task stands."""

    work: Coroutine[Any, Any, Any]
    place: str = "begin"
    ended: bool = False
    raised: Exception | None = None

    def done(self) -> bool:
        return self.ended

    def result(self) -> None:
        """Raises what it ended with, as a task does."""
        if self.raised is not None:
            raise self.raised

    def advance(self) -> None:
        """To its next wait or its end. Raises Death, and anything that is no passing failure."""
        try:
            self.place = self.work.send(None)
        except StopIteration:
            self.ended = True
        except PASSING as passing:
            self.ended, self.raised = True, passing


@dataclass
class Process:
    """The jobs of one process; what asyncio finds where it looks for the running loop."""

    name: str
    jobs: list[Job] = field(default_factory=list)

    async def run_in_executor(self, executor: None, call: Callable[[], Answer]) -> Answer:
        """``asyncio.to_thread``: the transaction is whole, before and after it anything may happen."""
        assert executor is None
        await wait("database")
        return call()

    def create_task(self, work: Coroutine[Any, Any, Any], **_: Any) -> Job:
        """``asyncio.create_task``."""
        job = Job(work)
        self.jobs.append(job)
        return job

    def advance(self, job: Job) -> None:
        """Move one job on; forget it when it has ended. Raises what ``Job.advance`` raises."""
        with self._running():
            job.advance()
        if job.ended:
            self.jobs.remove(job)

    def die(self) -> None:
        """Drop every job where it stands."""
        jobs, self.jobs = self.jobs, []
        for job in jobs:
            job.work.close()

    @contextlib.contextmanager
    def _running(self) -> Iterator[None]:
        asyncio._set_running_loop(self)  # type: ignore[arg-type]  # all that this code asks of a loop
        try:
            yield
        finally:
            asyncio._set_running_loop(None)
