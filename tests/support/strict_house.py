"""Payments on the strict Hedera sandbox: its own pace and faults, and every agent a mortal.

Settler, relayer and watcher each live in a thread with an event loop of its own, so that a death takes with
it all that the process had under way. Attesters sign whatever they are asked: what they look at has tests
of its own.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from juapesa.assembly import Parts
from juapesa.db import Database
from juapesa.errors import JuaError
from juapesa.issuance import store
from juapesa.issuance.mirror import CURSOR, Mirror
from juapesa.issuance.service import Issuance
from juapesa.ledger import AccountKind
from juapesa.money import CKES, CNGN
from juapesa_agents.common.database import PASSING
from juapesa_agents.common.options import Options
from juapesa_agents.settler import Settler
from juapesa_agents.watcher import Watcher
from support.hedera import Sandbox
from support.hedera_hub import Deployed
from support.hub import Desk
from support.operators import operator
from support.payments_house import FINAL, QUICK, Death, House, MortalDatabase, empty_house

BAD_DAYS = {"block_seconds": 2, "lag_low_seconds": 2, "lag_high_seconds": 6, "fault_percent": 2}
PATIENT = QUICK | {"collect_give_up_seconds": 8.0, "lease_seconds": 1.0}
PACE_SECONDS = 0.1
PUBLISH_SECONDS = 5.0
END_SECONDS_MAX = 300.0
IMMORTAL = (None, True)

Tick = Callable[[], Awaitable[object]]
Make = Callable[[Database], AbstractAsyncContextManager[Tick]]
Deaths = Sequence[tuple[int, bool]]  # at which commit of a life, and whether just after it


@dataclass
class StrictDesk(Desk):
    """A desk around the house's own issuance."""

    parts: Parts = field(kw_only=True)

    @property
    def issuance(self) -> Issuance:
        return self.parts.issuance

    def open(self) -> None:
        """The house's capital, attested, minted and in the pools."""
        with self.db.unit_of_work() as uow:
            self.parts.capital.open(uow)
        while not all(each > 0 for each in self.reserves()):
            with self.db.unit_of_work() as uow:
                self.issuance.gather(uow)
            self.sign()
            self.settle_all()


@dataclass
class StrictHouse:
    """The payments, the network they are settled on, and those who work for them."""

    house: House
    net: Sandbox
    desk: StrictDesk
    died_in: Counter[str] = field(default_factory=Counter)
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def working(self, deaths: dict[str, Deaths]) -> Iterator[None]:
        """Agents at work, each dying as its row says and then no more, until the end of the block."""
        self._over.clear()
        agents: dict[str, Make] = {
            "settler": self._settler,
            "relayer": self._relayer,
            "watcher": self._watcher,
        }
        faults: list[BaseException] = []

        def guarded(work: Callable[[], None]) -> None:
            try:
                work()
            except BaseException as fault:  # noqa: BLE001 - raised again below, in the test's own thread
                faults.append(fault)

        lives = [lambda n=name, m=make: self._lives(n, m, deaths.get(n, ())) for name, make in agents.items()]
        threads = [threading.Thread(target=guarded, args=(each,)) for each in (*lives, self._sign)]
        for each in threads:
            each.start()
        try:
            yield
        finally:
            self._over.set()
            for each in threads:
                each.join()
        assert not faults, faults

    def wait_for(self, codes: Sequence[str]) -> None:
        """Until each of these payments has come to its end."""
        until = time.monotonic() + END_SECONDS_MAX
        while left := [code for code in codes if self.house.status(code) not in FINAL]:
            assert time.monotonic() < until, [self.house.story(code) for code in left[:3]]
            time.sleep(0.3)

    def wait_for_watcher(self) -> None:
        """Until the mirror accounts know everything that the network has decided."""
        decided = self.net.state()["consensus_block"]
        until = time.monotonic() + END_SECONDS_MAX
        while self._seen() < decided:
            assert time.monotonic() < until, f"{self._seen()} of {decided} blocks"
            time.sleep(0.3)

    def assert_issued_as_mirrored_and_covered(self) -> None:
        """Supply on chain is what our books say it is, and no more than operators hold for us."""
        parts, deployment = self.house.parts(), self.desk.chain.deployment
        with self.house.db.unit_of_work() as uow:
            for token, rail in ((CKES, "mpesa-ke"), (CNGN, "momo-ng")):
                account = parts.ledger.account(uow, AccountKind.CHAIN_SUPPLY, "", token)
                mirrored = parts.ledger.balance(uow, account).posted.minor
                assert self.desk.chain.supply(token) == mirrored, deployment.tokens[token]
                local = next(each for each, its in parts.capital.floats.items() if its == rail)
                held = parts.ledger.balance(uow, parts.ledger.account(uow, AccountKind.FLOAT, rail, local))
                assert mirrored <= held.posted.rescaled_down(token).minor

    def _seen(self) -> int:
        with self.house.db.unit_of_work() as uow:
            return store.cursor(uow, CURSOR, 0)

    def _lives(self, name: str, make: Make, deaths: Deaths) -> None:
        for dies_at, after in (*deaths, IMMORTAL):
            db = MortalDatabase(self.house.db, dies_at, after=after)
            try:
                asyncio.run(self._life(db, make))
            except Death:
                self.died_in[f"{name}: {db.died_in}"] += 1
            if self._over.is_set():
                return

    async def _life(self, db: Database, make: Make) -> None:
        async with make(db) as tick:
            while not self._over.is_set():
                try:
                    await tick()
                except (JuaError, *PASSING):
                    await asyncio.sleep(PACE_SECONDS)  # as an agent: again a little later
                await asyncio.sleep(PACE_SECONDS)

    def _sign(self) -> None:
        published = 0.0
        while not self._over.is_set():
            if time.monotonic() - published > PUBLISH_SECONDS:
                self.desk.publish()
                published = time.monotonic()
            self.desk.sign()
            time.sleep(PACE_SECONDS)

    @asynccontextmanager
    async def _settler(self, db: Database) -> AsyncIterator[Tick]:
        parts = self.house.build(db)
        try:
            yield Settler(parts, self.house.texts, Options(once=True, dry_run=False, number=1)).tick
        finally:
            await parts.rails.close()

    @asynccontextmanager
    async def _relayer(self, db: Database) -> AsyncIterator[Tick]:
        with self.desk.relay(db=db, issuance=self.house.build(db).issuance) as relay:
            yield relay.tick

    @asynccontextmanager
    async def _watcher(self, db: Database) -> AsyncIterator[Tick]:
        parts, rpc = self.house.build(db), self.desk.chain.rpc()
        mirror = Mirror(db, parts.ledger, parts.deployment, rpc)
        yield Watcher(parts, mirror, rpc, self.desk.publishers(), dry_run=False).tick


@contextmanager
def strict_house(deployed: Deployed, db: Database, folder: Path) -> Iterator[StrictHouse]:
    """Opened at once on a network without delays, which has its bad days from then on."""
    with deployed.awake(folder / "net") as (net, chain), operator() as oracle:
        signers = [each.address for each in chain.attesters]
        with empty_house(
            db, folder, chain.deployment, waits=PATIENT, attester_addresses=signers, attester_quorum=2
        ) as house:
            oracle.tokens_free = True
            desk = StrictDesk(db, chain, oracle, parts=house.parts())
            desk.publish()
            desk.open()
            net.option(**BAD_DAYS)
            yield StrictHouse(house, net, desk)
