"""The watcher: chain events into mirror accounts, pool states and prices into snapshots."""

import asyncio
from dataclasses import dataclass

import httpx

from juapesa.assembly import Parts, assemble
from juapesa.chain import Rpc
from juapesa.chain.events import open_events
from juapesa.chain.failover import open_rpc
from juapesa.chain.prices import Publishers
from juapesa.issuance.mirror import Mirror
from juapesa.pools import store
from juapesa.pools.store import Snapshot
from juapesa.pools.watch import take_snapshots
from juapesa_agents.common.base import Agent
from juapesa_agents.common.database import PASSING
from juapesa_agents.common.options import Options, run_agent

PACE_SECONDS = 1.0


@dataclass
class Watcher:
    """One cycle: the mirror up to the newest block, then the pools at that block."""

    parts: Parts
    mirror: Mirror
    rpc: Rpc
    publishers: Publishers
    dry_run: bool

    async def tick(self) -> int:
        if self.dry_run:
            return await self.rpc.block_number()
        booked = await self.mirror.tick()
        await self._pools()
        return booked

    async def _pools(self) -> None:
        prices = await self.publishers.newest()
        at = await self.rpc.freeze()
        seen = await take_snapshots(at.rpc, self.parts.deployment, prices, at.block)
        await asyncio.to_thread(self._save, seen)

    def _save(self, seen: list[Snapshot]) -> None:
        with self.parts.db.unit_of_work() as uow:
            for snapshot in seen:
                store.save(uow, snapshot, self.parts.clock.now())


async def run(options: Options) -> int:
    """Run the agent; its exit code."""
    with assemble(name="watcher") as parts:
        http = httpx.AsyncClient(trust_env=False)
        chain = parts.settings.chain
        rpc = open_rpc(chain)
        publishers = Publishers(http, chain.price_urls, parts.deployment, rpc, parts.clock)
        try:
            with open_events(chain, rpc, parts.deployment) as events:
                mirror = Mirror(parts.db, parts.ledger, parts.deployment, events)
                watcher = Watcher(parts, mirror, rpc, publishers, options.dry_run)
                agent = Agent("watcher", watcher.tick, PACE_SECONDS, passing=PASSING)
                return await agent.run(once=options.once)
        finally:
            await http.aclose()
            await rpc.close()


if __name__ == "__main__":
    run_agent("watcher", run)
