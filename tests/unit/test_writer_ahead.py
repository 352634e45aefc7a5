"""What the writer does while a batch is stored: it gets the next one ready, and answers nobody too early."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from juapesa.clock import SystemClock
from juapesa.ledger.engine.accounts import Account
from juapesa.ledger.engine.orders import Answer, Done, Order
from juapesa.ledger.engine.writer import AHEAD_ORDERS_MIN, Rows, Sent, Settle, Store, Writer
from support.engine_books import send

MANY = AHEAD_ORDERS_MIN


@dataclass
class SlowBack:
    """A database whose every step is the test's: ``left`` and ``durable`` by the number of the batch."""

    orders_max: int = MANY
    events: list[str] = field(default_factory=list)
    left: list[asyncio.Event] = field(default_factory=list)
    durable: list[asyncio.Event] = field(default_factory=list)

    async def plan(self, orders: Sequence[Order], settle: Settle) -> Store:
        number = len(self.left)
        left, durable = asyncio.Event(), asyncio.Event()
        self.left.append(left)
        self.durable.append(durable)
        self.events.append(f"plan {number}")

        async def store(sent: Sent) -> Sequence[Answer]:
            self.events.append(f"store {number}")
            leaving = asyncio.ensure_future(left.wait())
            landing = asyncio.ensure_future(durable.wait())
            await asyncio.wait([leaving, landing], return_when=asyncio.FIRST_COMPLETED)
            if left.is_set():
                sent()
            await landing
            leaving.cancel()
            return [Done(()) for _ in orders]

        return store

    async def asked(self, sql: str) -> Rows:
        self.events.append(sql)
        return []

    async def keep_house(self, now: datetime) -> Sequence[Order]:
        return ()

    def account(self, number: int) -> Account | None:
        return None

    def health(self) -> Mapping[str, int]:
        return {}


@asynccontextmanager
async def writing(back: SlowBack) -> AsyncIterator[Callable[[str], None]]:
    """A writer at work; what is given offers it a batch by name."""
    writer = Writer(back, SystemClock())
    running = asyncio.create_task(writer.run())

    def offer(name: str) -> None:
        orders = [send(f"{name}-{number}", 1, 2, 1) for number in range(MANY)]
        assert writer.offer(orders, lambda _: back.events.append(f"answer {name}"))

    yield offer
    for event in back.durable:
        event.set()
    writer.stop()
    await running


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def left(back: SlowBack, number: int) -> None:
    """A batch is planned, and the database has all of it."""
    await settled()
    back.left[number].set()
    await settled()


def test_the_next_batch_is_planned_once_the_first_has_left_and_stored_once_that_is_durable() -> None:
    async def run() -> list[str]:
        back = SlowBack()
        async with writing(back) as offer:
            offer("a")
            offer("b")
            await settled()
            assert back.events == ["plan 0", "store 0"], "the event loop is for sending now"
            back.left[0].set()
            await settled()
            assert back.events[2:] == ["plan 1"], "one batch is stored at a time"
            back.durable[0].set()
            await settled()
            assert back.events[3:] == ["store 1"], "the database comes before the answers"
            back.left[1].set()
            await settled()
            assert back.events[4:] == ["answer a"]
        return back.events

    assert asyncio.run(run())[5:] == ["answer b"]


def test_with_few_waiting_the_batch_is_answered_as_soon_as_it_is_durable() -> None:
    async def run() -> None:
        back = SlowBack()
        async with writing(back) as offer:
            offer("a")
            await left(back, 0)
            assert back.events == ["plan 0", "store 0"]
            back.durable[0].set()
            await settled()
            assert back.events[2:] == ["answer a"]

    asyncio.run(run())


def test_enough_that_comes_while_a_batch_is_stored_is_planned_meanwhile() -> None:
    async def run() -> None:
        back = SlowBack()
        async with writing(back) as offer:
            offer("a")
            await left(back, 0)
            offer("b")
            await settled()
            assert back.events == ["plan 0", "store 0", "plan 1"]

    asyncio.run(run())


def test_a_back_that_never_says_that_a_batch_has_left_is_waited_for() -> None:
    async def run() -> None:
        back = SlowBack()
        async with writing(back) as offer:
            offer("a")
            offer("b")
            await settled()
            back.durable[0].set()
            await settled()
            assert back.events == ["plan 0", "store 0", "answer a", "plan 1", "store 1"]

    asyncio.run(run())


def test_a_statement_between_batches_waits_for_the_batch_under_way() -> None:
    async def run() -> None:
        back = SlowBack()
        writer = Writer(back, SystemClock())
        running: asyncio.Task[Any] = asyncio.create_task(writer.run())
        writer.offer([send("a", 1, 2, 1)], lambda _: back.events.append("answer a"))
        await settled()
        back.left[0].set()
        writer.ask("SELECT 1", lambda _: back.events.append("told"))
        await settled()
        assert back.events == ["plan 0", "store 0"]
        back.durable[0].set()
        await settled()
        assert back.events[2:] == ["answer a", "SELECT 1", "told"]
        writer.stop()
        await running

    asyncio.run(run())
