"""The part that all operators share: orders wait, settle once, and are told of.

An operator gives ``settle`` (moves the money or names the failure; called exactly once an order)
and ``notify`` (the callback's address and body).
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from juapesa.clock import Clock
from juapesa.errors import InvalidInput
from juapesa.sandbox.courier import Courier, Delivery
from juapesa.sandbox.faults import CALLBACK_FAULTS, FaultBoard
from juapesa.sandbox.orders import DUPLICATE_SECONDS, LATE_SECONDS, PENDING, REORDER_SECONDS, Order, Plan
from juapesa.sandbox.store import Store

ORDERS_MAX = 100_000

Settle = Callable[[Order], None]


class Notify(Protocol):
    """Makes the callback of an order: the true one, or the success a stranger would forge."""

    def __call__(self, order: Order, *, forged: bool) -> Delivery | None: ...


@dataclass(frozen=True, slots=True)
class Delay:
    """Seconds between accepting an order and its outcome, drawn evenly between the two."""

    low: float = 1.0
    high: float = 3.0

    @classmethod
    def parse(cls, text: str) -> "Delay":
        """Read ``A:B`` in seconds. Raises InvalidInput."""
        try:
            low, _, high = text.partition(":")
            made = cls(float(low), float(high or low))
        except ValueError:
            raise InvalidInput("A delay is written LOW:HIGH in seconds, for example 1:3.") from None
        if not 0 <= made.low <= made.high <= 600:
            raise InvalidInput("A delay runs from 0 to 600 seconds, the lower number first.")
        return made


class Engine:
    """Keeps the orders of one operator and drives each to its end."""

    def __init__(
        self,
        space: str,
        store: Store,
        clock: Clock,
        faults: FaultBoard,
        courier: Courier,
        *,
        delay: Delay,
        seed: int,
        settle: Settle,
        notify: Notify,
    ) -> None:
        self._space = f"{space}/order"
        self._store = store
        self._clock = clock
        self._faults = faults
        self._courier = courier
        self.delay = delay
        self._random = random.Random(seed)  # noqa: S311  # waiting times, not secrets
        self._settle = settle
        self._notify = notify
        self.before_settling: Callable[[Order], Awaitable[None]] = _nothing  # may ask somebody first
        self._tasks: set[asyncio.Task[None]] = set()
        loaded = map(Order.from_document, store.load(self._space).values())
        self.orders = {order.id: order for order in sorted(loaded, key=lambda each: each.accepted_at)}
        self._named: dict[str, set[str]] = defaultdict(set)  # order ids by reference, receipt and phone
        for order in self.orders.values():
            self._index(order)

    def now(self) -> float:
        """Unix seconds."""
        return self._clock.now().timestamp()

    def start(self) -> None:
        """Begin to deliver, and go on with the orders that a stop left open."""
        self._courier.start()
        for order in self.orders.values():
            if order.status == PENDING:
                self.spawn(self._run(order))

    async def stop(self) -> None:
        """Stop where we are; open orders go on at the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._courier.stop()

    def settle_time(self, plan: Plan) -> float:
        """When an order accepted now will settle."""
        return self.now() + (self.draw() if plan.settle_seconds is None else plan.settle_seconds)

    def draw(self) -> float:
        """A waiting time in seconds."""
        return self._random.uniform(self.delay.low, self.delay.high)

    def accept(self, order: Order) -> None:
        """Take an order in; it is on disk when this returns."""
        assert order.id not in self.orders, "the operator's ids are unique"
        self.orders[order.id] = order
        self._index(order)
        self._store.put(self._space, order.id, order.to_document())
        self._forget_oldest()
        self._store.commit()
        self.spawn(self._run(order))

    def save(self, order: Order) -> None:
        """Write the order and every balance that changed with it, together."""
        self._index(order)
        self._store.put(self._space, order.id, order.to_document())
        self._store.commit()

    def named(self, name: str) -> list[Order]:
        """The orders with this id, reference, receipt or phone."""
        return [self.orders[each] for each in self._named.get(name, set()) if each in self.orders]

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something in the background until it ends or the sandbox stops."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def after(self, seconds: float, act: Callable[[], Awaitable[None]]) -> None:
        """Do something later."""

        async def wait() -> None:
            await asyncio.sleep(seconds)
            await act()

        self.spawn(wait())

    async def tell(
        self, delivery: Delivery | None, phone: str | None, forged: Delivery | None = None
    ) -> None:
        """Send a callback, spoilt by whatever fault is set on callbacks."""
        if delivery is None:
            return
        fault = self._faults.take("callback", phone, CALLBACK_FAULTS)
        match fault.fault if fault else "":
            case "lost":
                return
            case "forge":
                if forged is not None:
                    self._courier.post(forged)
            case "late":
                assert fault is not None
                await asyncio.sleep(fault.wait(LATE_SECONDS))
            case "reorder":
                assert fault is not None
                await self._courier.hold(delivery, fault.wait(REORDER_SECONDS))
                return
        self._courier.post(delivery)
        if fault is not None and fault.fault == "duplicate":
            await asyncio.sleep(fault.wait(DUPLICATE_SECONDS))
            self._courier.post(delivery)

    async def _run(self, order: Order) -> None:
        if order.plan.forged:
            self._post(self._notify(order, forged=True))
        await asyncio.sleep(max(0.0, order.settle_at - self.now()))
        await self.before_settling(order)
        self._settle_once(order)
        for seconds in order.plan.callbacks:
            await asyncio.sleep(seconds)
            if order.plan.reorder_seconds and (delivery := self._notify(order, forged=False)):
                await self._courier.hold(delivery, order.plan.reorder_seconds)
            else:
                await self.tell(
                    self._notify(order, forged=False), order.phone, self._notify(order, forged=True)
                )

    def _settle_once(self, order: Order) -> None:
        assert order.status == PENDING, "an order settles once"
        order.settled_at = self.now()
        self._settle(order)
        assert order.status != PENDING, "settling decides"
        self.save(order)

    def _index(self, order: Order) -> None:
        for name in _names(order):
            self._named[name].add(order.id)

    def _post(self, delivery: Delivery | None) -> None:
        if delivery is not None:
            self._courier.post(delivery)

    def _forget_oldest(self) -> None:
        if len(self.orders) <= ORDERS_MAX:
            return
        oldest = next((each for each in self.orders.values() if each.status != PENDING), None)
        if oldest is not None:
            del self.orders[oldest.id]
            for name in _names(oldest):
                self._named[name].discard(oldest.id)
            self._store.drop(self._space, oldest.id)


def _names(order: Order) -> set[str]:
    return {name for name in (order.id, order.reference, order.receipt, order.phone) if name}


async def _nothing(_: Order) -> None:
    pass
