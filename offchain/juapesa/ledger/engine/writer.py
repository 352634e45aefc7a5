"""A writer's loop: take all orders that wait, have them booked, answer; meanwhile more gather.

How they are booked is its back's matter: ``exclusive`` or ``shared``.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from juapesa.clock import Clock
from juapesa.ledger.engine.accounts import Account
from juapesa.ledger.engine.orders import Answer, Order

QUEUE_ORDERS_MAX = 20_000
AHEAD_ORDERS_MIN = 64  # with fewer waiting, a bigger next batch is worth more than an early one
AHEAD_PART = 2  # as is a batch of half the one under way
TICK_SECONDS = 0.5

Reply = Callable[[Sequence[Answer]], None]
Rows = list[tuple[str | None, ...]]


Job = tuple[Sequence[Order], Reply]
Settle = Callable[[], Coroutine[Any, Any, None]]
Sent = Callable[[], None]
Store = Callable[[Sent], Coroutine[Any, Any, Sequence[Answer]]]


class Back(Protocol):
    """How a batch gets into the books. What it cannot know it raises as Doubtful, and the process ends.

    ``orders_max``: no batch is longer, unless it is one request.
    """

    orders_max: int

    async def plan(self, orders: Sequence[Order], settle: Settle) -> Store:
        """Get a batch ready while the one before may still be under way; ``settle`` waits for that one.

        What is returned stores it and gives an answer for each order, all durable. It may call what it is
        given once the database can go on alone.
        """
        ...

    async def asked(self, sql: str) -> Rows:
        """Run a statement between two batches."""
        ...

    async def keep_house(self, now: datetime) -> Sequence[Order]:
        """What is to be done now and then; orders of its own that it wants booked."""
        ...

    def account(self, number: int) -> Account | None:
        """An account as it is after the last batch, if that is known without asking."""
        ...

    def health(self) -> Mapping[str, int]:
        """Its part of what the writer says about itself."""
        ...


@dataclass(frozen=True, slots=True)
class Flight:
    """A batch that is being stored; nobody is answered before it is."""

    storing: asyncio.Task[Sequence[Answer]]
    jobs: Sequence[Job]


@dataclass(slots=True)
class Chore:
    """A statement of its own between two batches."""

    sql: str
    reply: Callable[[Rows], None]


class Writer:
    """Owns its back. ``run`` ends only by ``stop`` or by raising, and then for good."""

    def __init__(self, back: Back, clock: Clock, *, queue_max: int = QUEUE_ORDERS_MAX) -> None:
        self.back = back
        self.batches = 0
        self.orders = 0
        self._clock = clock
        self._queue: deque[Job] = deque()
        self._chores: deque[Chore] = deque()
        self._waiting = 0
        self._queue_max = queue_max
        self._wake = asyncio.Event()
        self._left = asyncio.Event()  # the batch under way is with the database
        self._flight: Flight | None = None
        self._stopping = False
        self._tick_due = False

    @property
    def waiting(self) -> int:
        """Orders in the queue."""
        return self._waiting

    def offer(self, orders: Sequence[Order], reply: Reply) -> bool:
        """Queue orders; ``reply`` is called once they are durable. False: the queue is full, try later."""
        if self._waiting + len(orders) > self._queue_max:
            return False
        self._waiting += len(orders)
        self._queue.append((orders, reply))
        self._wake.set()
        return True

    def ask(self, sql: str, reply: Callable[[Rows], None]) -> None:
        """Run a statement on the writer's session between two batches."""
        self._chores.append(Chore(sql, reply))
        self._wake.set()

    def stop(self) -> None:
        """Answer what is queued, then let ``run`` return."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Write until stopped. Raises Doubtful when a commit's fate is unknown: end the process."""
        ticking = asyncio.create_task(self._tick())
        try:
            while True:
                if not self._queue:
                    await self._settle()
                if not self._queue and not self._chores and not self._tick_due:
                    if self._stopping:
                        return
                    self._wake.clear()
                    await self._wake.wait()
                if self._tick_due or self._chores:
                    await self._settle()
                if self._tick_due:
                    await self._keep_house()
                while self._chores:
                    chore = self._chores.popleft()
                    chore.reply(await self.back.asked(chore.sql))
                if self._queue:
                    await self._write_batch()
        finally:
            ticking.cancel()

    async def _write_batch(self) -> None:
        """Plan what waits and let it be stored; once many more wait, go on while it is."""
        jobs, orders = self._take()
        store = await self.back.plan(orders, self._settle)
        answer_before = await self._stored()
        self.orders += len(orders)
        self.batches += 1
        self._left.clear()
        self._flight = flight = Flight(asyncio.create_task(store(self._left.set)), jobs)
        flight.storing.add_done_callback(self._landed)
        # What keeps the event loop busy comes only when the database is busy, too: answers, the next batch.
        await self._left.wait()
        answer_before()
        enough = max(AHEAD_ORDERS_MIN, len(orders) // AHEAD_PART)
        while self._waiting < enough and not flight.storing.done():
            self._wake.clear()
            await self._wake.wait()
        if flight.storing.done():
            await self._settle()

    def _landed(self, _: object) -> None:
        self._left.set()
        self._wake.set()

    async def _settle(self) -> None:
        """Wait until the batch under way is durable, and answer it."""
        (await self._stored())()

    async def _stored(self) -> Callable[[], None]:
        """Wait until the batch under way is durable; what answers it."""
        flight, self._flight = self._flight, None
        if flight is None:
            return _nothing
        return partial(_answer, flight.jobs, await flight.storing)

    def _take(self) -> tuple[list[Job], list[Order]]:
        jobs: list[Job] = []
        orders: list[Order] = []
        queue = self._queue
        while queue and (not jobs or len(orders) + len(queue[0][0]) <= self.back.orders_max):
            job = queue.popleft()
            jobs.append(job)
            orders.extend(job[0])
        self._waiting -= len(orders)
        return jobs, orders

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self._tick_due = True
            self._wake.set()

    async def _keep_house(self) -> None:
        self._tick_due = False
        if due := await self.back.keep_house(self._clock.now()):
            self.offer(due, _nobody)


def _answer(jobs: Sequence[Job], answers: Sequence[Answer]) -> None:
    place = 0
    for asked, reply in jobs:
        reply(answers[place : place + len(asked)])
        place += len(asked)


def _nothing() -> None:
    """No batch is under way, and none is to be answered."""


def _nobody(answers: Sequence[Any]) -> None:
    """Nobody waits for the writer's own orders."""
