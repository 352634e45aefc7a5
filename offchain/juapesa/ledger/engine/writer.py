"""The single writer's loop: take all orders that wait, apply, commit, answer; meanwhile more gather."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from juapesa.clock import Clock
from juapesa.ledger.engine.books import Books
from juapesa.ledger.engine.ids import first_id_at, month_of
from juapesa.ledger.engine.lookup import questions_of
from juapesa.ledger.engine.orders import Answer, Order, micros
from juapesa.ledger.engine.storage import Storage

QUEUE_ORDERS_MAX = 20_000
BATCH_ORDERS_MAX = 1_000  # with more, the database would wait for the next batch, and that one for it
EXPIRIES_MAX = 500  # in one batch, so that people's orders are not kept waiting
AHEAD_ORDERS_MIN = 64  # with fewer waiting, a bigger next batch is worth more than an early one
TICK_SECONDS = 0.5

Reply = Callable[[Sequence[Answer]], None]
Rows = list[tuple[str | None, ...]]


Job = tuple[Sequence[Order], Reply]


@dataclass(frozen=True, slots=True)
class Flight:
    """A batch that is being stored; nobody is answered before it is."""

    storing: asyncio.Task[None]
    jobs: Sequence[Job]
    answers: Sequence[Answer]


@dataclass(slots=True)
class Chore:
    """A statement of its own between two batches."""

    sql: str
    reply: Callable[[Rows], None]


class Writer:
    """Owns the books and the storage. ``run`` ends only by ``stop`` or by raising, and then for good."""

    def __init__(
        self, storage: Storage, books: Books, clock: Clock, *, queue_max: int = QUEUE_ORDERS_MAX
    ) -> None:
        self.books = books
        self.batches = 0
        self.orders = 0
        self._storage = storage
        self._clock = clock
        self._queue: deque[Job] = deque()
        self._chores: deque[Chore] = deque()
        self._waiting = 0
        self._queue_max = queue_max
        self._wake = asyncio.Event()
        self._flight: Flight | None = None
        self._stopping = False
        self._tick_due = False
        self._month = month_of(clock.now())

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
                    chore.reply(await self._storage.session.asked(chore.sql))
                if self._queue:
                    await self._write_batch()
        finally:
            ticking.cancel()

    async def _write_batch(self) -> None:
        """Apply what waits and let it be stored; with many more waiting, go on while it is."""
        jobs, orders = self._take()
        questions = questions_of(self.books, orders)
        if questions.any():
            await self._settle()  # what is asked may be on its way into the database
        facts = await self._storage.facts(self.books, questions)
        batch = self.books.apply(orders, facts, first_id_at(self._clock.now()))
        prepared = self._storage.prepare(batch) if batch.rows else None
        await self._settle()
        self.orders += len(orders)
        if prepared is None:
            _answer(jobs, batch.answers)
            return
        self.batches += 1
        storing = asyncio.create_task(self._storage.store(prepared))
        self._flight = Flight(storing, jobs, batch.answers)
        if self._waiting < AHEAD_ORDERS_MIN:
            await self._settle()

    async def _settle(self) -> None:
        """Wait until the batch under way is durable, and answer it."""
        flight, self._flight = self._flight, None
        if flight is not None:
            await flight.storing
            _answer(flight.jobs, flight.answers)

    def _take(self) -> tuple[list[Job], list[Order]]:
        jobs: list[Job] = []
        orders: list[Order] = []
        queue = self._queue
        while queue and (not jobs or len(orders) + len(queue[0][0]) <= BATCH_ORDERS_MAX):
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
        """End holds whose time has come, have next month's table, and notice a session that is gone."""
        self._tick_due = False
        now = self._clock.now()
        due = self.books.due(micros(now), EXPIRIES_MAX)
        if due:
            self.offer(due, _nobody)
        await self._storage.session.asked("SELECT 1")  # a writer that lost its fence shall not linger
        month = month_of(now)
        if month != self._month:
            await self._storage.session.asked(self._storage.months_sql(now))
            self._month = month


def _answer(jobs: Sequence[Job], answers: Sequence[Answer]) -> None:
    place = 0
    for asked, reply in jobs:
        reply(answers[place : place + len(asked)])
        place += len(asked)


def _nobody(answers: Sequence[Any]) -> None:
    """Nobody waits for the writer's own orders."""
