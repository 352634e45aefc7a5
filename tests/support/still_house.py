"""The payments' house in a world whose clock jumps: real database, adapters, sandboxes, and nothing waits.

What is gone against ``payments_house`` are sockets, sleep and threads. A worker's life of one commit costs
milliseconds here, so that a payment can be worked on by dozens of workers that die one after the other.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from juapesa.assembly import Parts, build_parts
from juapesa.config import load
from juapesa.crypto import Keystore, open_keystore
from juapesa.db import Database
from juapesa.sandbox.daraja import build as build_daraja
from juapesa.sandbox.engine import Delay
from juapesa.sandbox.momo import build as build_momo
from juapesa.sandbox.store import Store
from juapesa_agents.common.options import Options
from juapesa_agents.settler import Settler
from support.payments_house import (
    FINAL,
    Address,
    Death,
    House,
    MortalDatabase,
    open_books,
    receiver_of,
)
from support.sandboxes import Daraja, Momo, settings
from support.still_time import StillLoop, Stopped, Wire, as_process

PACE_SECONDS = 0.5
LATE_NEWS_SECONDS = 60.0  # after the last thing to do: longer than a sandbox holds a callback back
COLLECT_POLL_SECONDS = 300.0  # a collection that nobody will ever pay is most of the work: fewer questions
TICKS_MAX = 3_000  # of one payment, whose collection may be asked about for days
_OVER = """
SELECT p.status,
       (SELECT min(greatest(next_at, lease_until)) FROM payments.leg WHERE next_at IS NOT NULL) AS leg,
       (SELECT min(claimable_at) FROM rails.callback WHERE state = 'new') AS callback,
       (SELECT min(next_attempt_at) FROM notifications.message WHERE state = 'waiting') AS message,
       EXISTS (SELECT FROM issuance.item WHERE state = 'open') AS ordered
  FROM payments.payment p WHERE code = %s
"""

Mortal = Callable[[str], Database]  # the database of a new worker at the payment with this code


@dataclass(kw_only=True)
class StillHouse(House):
    """``live`` works on a payment until nothing of it is left to do, however many workers die of it."""

    loop: StillLoop
    wire: Wire
    keystore: Keystore
    news: asyncio.Event = field(default_factory=asyncio.Event)
    ticks: int = 0
    many_die: bool = True

    def build(self, db: Database) -> Parts:
        return build_parts(
            self.settings,
            "",
            db,
            self.deployment,
            clock=self.loop,
            keystore=self.keystore,
            http=self.wire.client(),
        )

    async def take(self, address: Address, body: bytes) -> int:
        """A callback comes in, and wakes the worker."""
        status = self.hear(address, body)
        self.news.set()
        return status

    def live_on(self, code: str, mortal: Mortal, rest: Callable[[], float]) -> int:
        """Workers one after the other, each ``rest`` seconds after the death of the last; their number."""
        workers, self.ticks = 1, 0
        while not self._lives_through(mortal(code), code):
            workers += 1
            self.loop.pass_seconds(rest())
        return workers

    def _lives_through(self, db: Database, code: str) -> bool:
        try:
            self.loop.play(as_process(self._life(db, code)))
        except Death:
            return False
        return True

    def end(self, code: str) -> None:
        """A worker that does not die, until nothing is left to do."""
        self.live_on(code, lambda _: MortalDatabase(self.db, None, after=True), float)

    async def _life(self, db: Database, code: str) -> None:
        parts = self.build(db)
        tick = Settler(parts, self.texts, Options(once=True, dry_run=False, number=1)).tick
        try:
            for _ in range(2):  # a second time, when what came late has arrived
                while (seconds := self._rest(code)) is not None:
                    await tick()
                    self.ticks += 1
                    assert self.ticks < TICKS_MAX, f"{code} does not end:\n" + "\n".join(self.story(code))
                    await self._wait_for_news(seconds)
                await asyncio.sleep(LATE_NEWS_SECONDS)
        finally:
            await parts.rails.close()

    async def _wait_for_news(self, seconds: float) -> None:
        self.news.clear()
        await asyncio.sleep(PACE_SECONDS)
        try:
            await asyncio.wait_for(self.news.wait(), seconds)
        except TimeoutError:
            return

    def _rest(self, code: str) -> float | None:
        """Seconds until something is due; None when nothing is left to do. The chain does its part."""
        with self.db.unit_of_work() as uow:
            row = uow.one(_OVER, (code,))
        assert row is not None
        if row["ordered"]:
            self.play_chain()
        due = [row[each] for each in ("leg", "callback", "message") if row[each] is not None]
        if not due:
            assert row["status"] in FINAL, f"nobody works on {code}, which is {row['status']}"
            return None
        return max(0.0, (min(due) - self.loop.now()).total_seconds())


@contextmanager
def still_house(db: Database, folder: Path, delay: Delay) -> Iterator[StillHouse]:
    """Both operators, a receiver of their callbacks, prices in the pools, capital in the books."""
    houses: list[StillHouse] = []

    async def take(address: Address, body: bytes) -> int:
        return await houses[0].take(address, body)

    with closing(StillLoop()) as loop:
        mpesa = build_daraja(settings(), Store(None), loop, delay)
        momo = build_momo(settings(), Store(None), loop, delay)
        wire = Wire({"mpesa.test": mpesa, "momo.test": momo, "localhost": receiver_of(take)})
        loaded = load(
            data_dir=folder,
            public_url="http://localhost",
            attester_addresses=["0x" + "11" * 20],
            waits={"collect_poll_seconds": COLLECT_POLL_SECONDS},
            daraja={"base_url": "http://mpesa.test", "timeout_seconds": 0.5},
            momo={"base_url": "http://momo.test", "timeout_seconds": 0.5},
        )
        house = StillHouse(
            db,
            loaded,
            Daraja("http://mpesa.test", web=httpx.Client(transport=Stopped(mpesa))),
            Momo("http://momo.test", web=httpx.Client(transport=Stopped(momo))),
            loop=loop,
            wire=wire,
            keystore=open_keystore(loaded),
        )
        houses.append(house)
        with wire.for_everybody():
            operators = AsyncExitStack()
            try:
                for each in (mpesa, momo):
                    loop.play(operators.enter_async_context(each.router.lifespan_context(each)))
                open_books(house)
                yield house
            finally:
                loop.play(operators.aclose())
