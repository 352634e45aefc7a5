"""Builders around anchoring: a network of its own, a funded key, a topic, and freshly started anchorers."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, TypeVar

from juapesa.chain.consensus_service import ConsensusService
from juapesa.chain.mirror_node import MirrorNode
from juapesa.chain.native_nodes import NodeUnreachable
from juapesa.clock import SystemClock
from juapesa.crypto import Signer
from juapesa.db import Database
from juapesa.transparency.anchoring import Anchoring, make_topic, payer_of
from juapesa.transparency.anchors import Anchor, Checkpoint
from support.hedera import Sandbox, sandbox
from support.hub import MovableClock

KEY = bytes(range(1, 33))
FEE_MAX = 100_000_000
T = TypeVar("T")


@dataclass
class Consensus:
    """A network with an account that our key opens, and a topic that only it may write into."""

    net: Sandbox
    signer: Signer
    payer: str
    topic: str
    log: Checkpoint | None = None
    clock: MovableClock = field(default_factory=MovableClock)

    @property
    def nodes(self) -> dict[str, str]:
        return {"0.0.3": self.net.state()["hapi"]}

    def with_network(
        self, act: Callable[[ConsensusService], Awaitable[T]], nodes: dict[str, str] | None = None
    ) -> T:
        """What a process does between its start and its end."""

        async def process() -> T:
            network = ConsensusService(nodes or self.nodes, self.signer, FEE_MAX)
            try:
                return await act(network)
            finally:
                await network.close()

        return asyncio.run(process())

    def anchoring(self, db: Database, network: Any, mirror: Any) -> Anchoring:
        async def read_log() -> Checkpoint | None:
            return self.log

        return Anchoring(
            db=db,
            clock=self.clock,
            network=network,
            mirror=mirror,
            read_log=read_log,
            topic=self.topic,
            payer=self.payer,
            every=timedelta(0),
        )

    def with_mirror(self, act: Callable[[MirrorNode], T]) -> T:
        """What somebody asks the mirror."""
        with closing(MirrorNode(self.net.mirror_url)) as mirror:
            return act(mirror)

    def tick(self, db: Database, change: Callable[[Anchoring], Anchoring] = lambda same: same) -> int:
        """A freshly started anchorer's one cycle."""

        async def once(network: ConsensusService) -> int:
            with closing(MirrorNode(self.net.mirror_url)) as mirror:
                return await change(self.anchoring(db, network, mirror)).tick()

        return self.with_network(once)

    def due(self, db: Database) -> Anchor | None:
        """What an anchorer would put in now."""

        async def asked(network: ConsensusService) -> Anchor | None:
            with closing(MirrorNode(self.net.mirror_url)) as mirror:
                return await self.anchoring(db, network, mirror).due()

        return self.with_network(asked)

    def tick_together(self, db: Database, count: int) -> list[int]:
        """One cycle each of so many anchorers at the same time."""

        async def all_at_once(network: ConsensusService) -> list[int]:
            with closing(MirrorNode(self.net.mirror_url)) as mirror:
                anchorers = [self.anchoring(db, network, mirror) for _ in range(count)]
                return list(await asyncio.gather(*(each.tick() for each in anchorers)))

        return self.with_network(all_at_once)

    def tick_at(self, nodes: dict[str, str], db: Database, cycles: int = 1) -> int:
        """Cycles with these nodes; only the last may fail."""

        async def some(network: ConsensusService) -> int:
            with closing(MirrorNode(self.net.mirror_url)) as mirror:
                found = self.anchoring(db, network, mirror)
                for _ in range(cycles - 1):
                    with suppress(NodeUnreachable):
                        await found.tick()
                return await found.tick()

        return self.with_network(some, nodes)

    def messages(self) -> list[bytes]:
        """What is in the topic, as the mirror tells it."""
        rows = self.with_mirror(
            lambda mirror: list(mirror.rows(f"/topics/{self.topic}/messages", "messages"))
        )
        return [base64.b64decode(each["message"]) for each in rows]

    def another_topic(self) -> "Consensus":
        """The same network and key, an empty topic."""
        made = self.with_network(lambda network: make_topic(network, self.payer, "heads", SystemClock()))
        return replace(self, topic=made, log=None, clock=MovableClock())


@contextmanager
def consensus() -> Iterator[Consensus]:
    """A network for as long as the block runs."""
    with sandbox() as net:
        signer = Signer.from_private_key(KEY)
        net.give(signer.address, 1_000)
        unpaid = Consensus(net, signer, "", "")
        payer = unpaid.with_mirror(lambda mirror: payer_of(None, mirror, signer.address))
        yield replace(unpaid, payer=payer).another_topic()
