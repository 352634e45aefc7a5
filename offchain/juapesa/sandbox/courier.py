"""Carries callbacks to their receivers: a bounded queue, a time-out, no retries.

Both operators' pages say that a callback is sent once. A receiver that fails, hangs or is not
there is written down and forgotten.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

QUEUE_MAX = 2_000
LOG_MAX = 500
WORKERS = 16
TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """One callback to be sent. Exactly one of ``json`` and ``form`` is given."""

    order: str
    kind: str
    url: str
    json: dict[str, Any] | None = None
    form: dict[str, str] | None = None
    method: str = "POST"
    forged: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver said. ``status`` 0: nothing at all."""

    status: int
    body: Any = None


class Courier:
    """Sends deliveries in order of posting, ``WORKERS`` at a time."""

    def __init__(self) -> None:
        # Each with those that go when it has arrived.
        self._queue: asyncio.Queue[tuple[Delivery, Sequence[Delivery]]] = asyncio.Queue(QUEUE_MAX)
        self._held: list[Delivery] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._client: httpx.AsyncClient | None = None
        self.log: deque[dict[str, Any]] = deque(maxlen=LOG_MAX)
        self.sent = 0
        self.failed = 0
        self.dropped = 0

    def start(self) -> None:
        """Begin to deliver. Receivers on this machine may show a certificate of their own making."""
        self._client = httpx.AsyncClient(
            timeout=TIMEOUT_SECONDS,
            trust_env=False,
            verify=False,  # noqa: S501
            limits=httpx.Limits(max_connections=WORKERS * 2, max_keepalive_connections=WORKERS),
        )
        self._tasks = [asyncio.create_task(self._work()) for _ in range(WORKERS)]

    async def stop(self) -> None:
        """Give what is queued a moment, then stop."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._queue.join(), timeout=0.5)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    def post(self, delivery: Delivery) -> None:
        """Queue a delivery; those that were held back for a wrong order follow once it has arrived."""
        held, self._held = self._held, []
        self._put(delivery, held)

    def _put(self, delivery: Delivery, behind: Sequence[Delivery]) -> None:
        try:
            self._queue.put_nowait((delivery, behind))
        except asyncio.QueueFull:
            self.dropped += 1 + len(behind)

    async def hold(self, delivery: Delivery, seconds: float) -> None:
        """Let at least one later delivery pass first; after ``seconds`` go anyway."""
        self._held.append(delivery)
        await asyncio.sleep(seconds)
        if delivery in self._held:
            self._held.remove(delivery)
            self.post(delivery)

    async def ask(self, delivery: Delivery, seconds: float) -> Answer:
        """Send at once and wait for the receiver's answer."""
        assert self._client is not None, "start the courier first"
        try:
            response = await self._client.request(
                delivery.method, delivery.url, json=delivery.json, data=delivery.form, timeout=seconds
            )
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            self._note(delivery, 0, type(fault).__name__)
            return Answer(0)
        self._note(delivery, response.status_code, "")
        try:
            return Answer(response.status_code, response.json())
        except ValueError:
            return Answer(response.status_code)

    def state(self) -> dict[str, Any]:
        """Counts and the latest deliveries; addresses stay out, their paths hold tokens."""
        counts = {"sent": self.sent, "failed": self.failed, "dropped": self.dropped}
        return {**counts, "waiting": self._queue.qsize() + len(self._held), "latest": list(self.log)}

    async def _work(self) -> None:
        while True:
            delivery, behind = await self._queue.get()
            try:
                await self.ask(delivery, TIMEOUT_SECONDS)
            finally:
                for each in behind:
                    self._put(each, ())
                self._queue.task_done()

    def _note(self, delivery: Delivery, status: int, fault: str) -> None:
        well = 200 <= status < 300
        self.sent += well
        self.failed += not well
        line = {"order": delivery.order, "kind": delivery.kind, "method": delivery.method}
        self.log.append({**line, "status": status, "error": fault, "forged": delivery.forged})
