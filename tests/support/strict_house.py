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
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from juapesa.assembly import Parts
from juapesa.chain.events import open_events
from juapesa.chain.mirror_node import MirrorNode
from juapesa.chain.native_nodes import NativeNodes
from juapesa.chain.native_sending import SEND_SECONDS_MAX, NativeSending
from juapesa.db import Database
from juapesa.errors import JuaError
from juapesa.issuance.mirror import Mirror
from juapesa.issuance.service import Issuance
from juapesa.ledger import AccountKind
from juapesa.money import CKES, CNGN, Currency, token_of
from juapesa_agents.common.database import PASSING
from juapesa_agents.common.options import Options
from juapesa_agents.settler import Settler
from juapesa_agents.watcher import Watcher
from support.hedera import Sandbox
from support.hedera_hub import NETWORK, Deployed
from support.hub import Desk
from support.operators import operator
from support.payments_house import FINAL, QUICK, Death, House, MortalDatabase, empty_house

BAD_DAYS = {"block_seconds": 2, "lag_low_seconds": 2, "lag_high_seconds": 6, "fault_percent": 2}
# A settler that dies all the time hardly asks anybody: nothing is given up meanwhile.
PATIENT = QUICK | {"collect_give_up_seconds": 90.0, "lease_seconds": 1.0}
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
        """Until the mirror accounts have what the network has decided."""
        until = time.monotonic() + END_SECONDS_MAX
        while self._mirrored() != {token: self.desk.chain.supply(token) for token in (CKES, CNGN)}:
            assert time.monotonic() < until, self._mirrored()
            time.sleep(0.3)

    def assert_covered(self) -> None:
        """Supply on chain is no more than operators hold for us."""
        parts = self.house.parts()
        with self.house.db.unit_of_work() as uow:
            for local, rail in parts.capital.floats.items():
                token = token_of(local)
                held = parts.ledger.balance(uow, parts.ledger.account(uow, AccountKind.FLOAT, rail, local))
                assert self.desk.chain.supply(token) <= held.posted.rescaled_down(token).minor, rail

    def _mirrored(self) -> dict[Currency, int]:
        """What our books say was issued of each token."""
        parts, found = self.house.parts(), {}
        with self.house.db.unit_of_work() as uow:
            for token in (CKES, CNGN):
                account = parts.ledger.account(uow, AccountKind.CHAIN_SUPPLY, "", token)
                found[token] = parts.ledger.balance(uow, account).posted.minor
        return found

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
            try:
                while not self._over.is_set():
                    try:
                        await tick()
                    except (JuaError, *PASSING):
                        await asyncio.sleep(PACE_SECONDS)  # as an agent: again a little later
                    await asyncio.sleep(PACE_SECONDS)
            finally:
                await _end_all_else()  # nothing of it sees its own connections closed

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
        chain, signer = self.house.settings.chain, self.desk.chain.relayer
        nodes = NativeNodes(chain.native_nodes, signer, chain.native_fee_tinybars_max, SEND_SECONDS_MAX)
        native = NativeSending(nodes, lambda: self._account_of(signer.address))
        courier = self.desk.courier(native=native)
        try:
            with self.desk.relay(db=db, issuance=self.house.build(db).issuance, courier=courier) as relay:
                yield relay.tick
        finally:
            await native.close()

    def _account_of(self, address: str) -> str | None:
        with closing(MirrorNode(self.net.mirror_url)) as mirror:
            return mirror.account_of(address)

    @asynccontextmanager
    async def _watcher(self, db: Database) -> AsyncIterator[Tick]:
        parts, rpc = self.house.build(db), self.desk.chain.rpc()
        with open_events(parts.settings.chain, rpc, parts.deployment) as events:
            mirror = Mirror(db, parts.ledger, parts.deployment, events)
            yield Watcher(parts, mirror, rpc, self.desk.publishers(), dry_run=False).tick


async def _end_all_else() -> None:
    """Whatever else this loop has under way is gone, as with a process."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for each in others:
        each.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def strict_house(deployed: Deployed, db: Database, folder: Path) -> Iterator[StrictHouse]:
    """Opened at once on a network without delays, which has its bad days from then on."""
    with deployed.awake(folder / "net") as (net, chain), operator() as oracle:
        network = {
            "network": NETWORK,
            "rpc_url": net.url,
            "mirror_url": net.mirror_url,
            "native_nodes": {"0.0.3": net.state()["hapi"]},
        }
        signers = [each.address for each in chain.attesters]
        more = {"chain": network, "attester_addresses": signers, "attester_quorum": 2}
        with empty_house(db, folder, chain.deployment, waits=PATIENT, **more) as house:
            oracle.tokens_free = True
            desk = StrictDesk(db, chain, oracle, parts=house.parts())
            desk.publish()
            desk.open()
            net.option(**BAD_DAYS)
            yield StrictHouse(house, net, desk)
