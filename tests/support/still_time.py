"""A world in one thread whose clock jumps to the next thing that happens: hours go by in milliseconds.

An event loop that never waits, a clock that shows its time, and a wire from HTTP clients to applications
in the same process. Whatever is played in it happens in the same order each time.
"""

import asyncio
import contextvars
import selectors
from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx
import pytest
from starlette.types import ASGIApp

Answer = TypeVar("Answer")
_MINE: contextvars.ContextVar[set[asyncio.Task[Any]] | None] = contextvars.ContextVar("mine", default=None)


class _Jumping(selectors.DefaultSelector):
    """Lets time pass instead of waiting for it."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        assert timeout is not None, "everybody waits, and nothing will happen"
        self.passed += timeout
        return ready


class _AtOnce(ThreadPoolExecutor):
    """Does what it is given before it says that it has taken it."""

    def submit(self, fn: Callable[..., Answer], /, *args: Any, **kwargs: Any) -> Future[Answer]:
        done: Future[Answer] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except BaseException as raised:  # noqa: BLE001 - whoever waits for the answer gets it
            done.set_exception(raised)
        return done


class StillLoop(asyncio.SelectorEventLoop):
    """An event loop with a time of its own, which starts at the machine's: the ledger's months are there."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)
        self.began = datetime.now(UTC)
        self.set_default_executor(_AtOnce())
        self.set_task_factory(_noting_whose)

    def time(self) -> float:
        """Seconds since it began."""
        return self._jumping.passed

    def now(self) -> datetime:
        """As a ``Clock``."""
        return self.began + timedelta(seconds=self._jumping.passed)

    def play(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Do this, with all that happens meanwhile."""
        return self.run_until_complete(work)

    def pass_seconds(self, seconds: float) -> None:
        """Let time go by."""
        self.play(asyncio.sleep(seconds))


async def as_process(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Do this; whatever it has left under way at its end is gone, as with a process."""
    tasks: set[asyncio.Task[Any]] = set()
    context = contextvars.copy_context()
    context.run(_MINE.set, tasks)
    try:
        return await asyncio.create_task(work, context=context)
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _noting_whose(
    loop: asyncio.AbstractEventLoop,
    work: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
    context: contextvars.Context | None = None,
) -> asyncio.Task[Any]:
    assert not isinstance(work, Generator)
    task = asyncio.Task(work, loop=loop, context=context)
    mine = (context or contextvars.copy_context()).get(_MINE)
    if mine is not None:
        mine.add(task)
    return task


@dataclass
class Wire(httpx.AsyncBaseTransport):
    """HTTP without sockets: applications by the host that they answer for.

    What has reached one is done, even when whoever asked is gone or has given up.
    """

    apps: Mapping[str, ASGIApp]
    _ends: dict[str, httpx.ASGITransport] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._ends = {host: httpx.ASGITransport(app) for host, app in self.apps.items()}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        work = self._ends[request.url.host].handle_async_request(request)
        return await asyncio.shield(asyncio.create_task(work, context=contextvars.Context()))

    def client(self) -> httpx.AsyncClient:
        """A client of these applications, and of nobody else."""
        return httpx.AsyncClient(transport=self)

    @contextmanager
    def for_everybody(self) -> Iterator[None]:
        """Clients that others make speak through this wire as well until the end of the block."""

        async def through(_: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
            return await self.handle_async_request(request)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", through)
            yield


@dataclass
class Stopped(httpx.BaseTransport):
    """Requests to one application while the world stands still, as a sandbox's control port gets them."""

    app: ASGIApp

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        return asyncio.run(self._ask(request))

    async def _ask(self, request: httpx.Request) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app)) as client:
            asked = await client.request(
                request.method, request.url, content=request.content, headers=request.headers
            )
        return httpx.Response(asked.status_code, headers=asked.headers, content=asked.content)
