"""Anchor: what the ledger, the log and the liabilities are is put where nobody can take it back.

Any number may run; one leads (an advisory lock), so there is one message under way.
"""

import asyncio
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta

from juapesa import config
from juapesa.assembly import Parts, assemble
from juapesa.chain import Rpc
from juapesa.chain.consensus_service import ConsensusService
from juapesa.chain.failover import open_rpc
from juapesa.chain.mirror_node import MirrorNode
from juapesa.observability import get_logger
from juapesa.transparency.anchoring import Anchoring, log_reader, payer_of
from juapesa_agents.common.base import Agent
from juapesa_agents.common.database import PASSING
from juapesa_agents.common.leader import Leader
from juapesa_agents.common.options import Options, run_agent

PACE_SECONDS = 2.0
LEADERSHIP = 7


@dataclass
class AnchorAgent:
    """One cycle: lead if nobody does, then one step of anchoring."""

    parts: Parts
    network: ConsensusService
    mirror: MirrorNode
    rpc: Rpc
    topic: str
    leader: Leader
    dry_run: bool
    anchoring: Anchoring | None = None

    async def tick(self) -> int:
        if self.anchoring is None:
            self.anchoring = await self._assembled()
        if self.dry_run:
            return int(await self.anchoring.due() is not None)
        if not await asyncio.to_thread(self.leader.holds):
            return 0
        return await self.anchoring.tick()

    async def _assembled(self) -> Anchoring:
        settings = self.parts.settings.anchor
        address = self.parts.keystore.signer(settings.key).address
        payer = await asyncio.to_thread(payer_of, settings.account, self.mirror, address)
        return Anchoring(
            db=self.parts.db,
            clock=self.parts.clock,
            network=self.network,
            mirror=self.mirror,
            read_log=log_reader(self.rpc, self.parts.deployment),
            topic=self.topic,
            payer=payer,
            every=timedelta(seconds=settings.every_seconds),
        )


async def run(options: Options) -> int:
    """Run the agent; its exit code. It ends at once when there is no topic."""
    with assemble(name="anchor") as parts:
        settings = parts.settings.anchor
        topic = config.topic_of(parts.settings)
        if topic is None:
            get_logger("anchor").warning("there is no topic, nothing is anchored")
            return 0
        signer = parts.keystore.signer(settings.key)
        network = ConsensusService(settings.nodes, signer, settings.fee_tinybars_max, settings.certificates)
        leader, rpc = Leader(parts.database_url, LEADERSHIP), open_rpc(parts.settings.chain)
        with closing(MirrorNode(settings.mirror_url)) as mirror:
            found = AnchorAgent(parts, network, mirror, rpc, topic, leader, options.dry_run)
            try:
                agent = Agent("anchor", found.tick, PACE_SECONDS, passing=PASSING)
                return await agent.run(once=options.once)
            finally:
                leader.resign()
                await network.close()
                await rpc.close()


if __name__ == "__main__":
    run_agent("anchor", run)
