"""The watcher: chain events into mirror accounts, pool states and prices into snapshots."""

import asyncio
from dataclasses import dataclass

import httpx

from juapesa.assembly import Parts, assemble
from juapesa.chain import Rpc, abi
from juapesa.chain.prices import SignedPrice, fetch_prices
from juapesa.issuance.mirror import Mirror
from juapesa.money import USDC, Currency
from juapesa.pools import store
from juapesa.pools.exact_model import PPM, Levels, Reserves, Settings
from juapesa.pools.price_model import KeptPrice, agreed
from juapesa.pools.reader import PoolState
from juapesa.pools.store import Snapshot
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
    http: httpx.AsyncClient
    dry_run: bool

    async def tick(self) -> int:
        if self.dry_run:
            return await self.rpc.block_number()
        booked = await self.mirror.tick()
        await self._pools()
        return booked

    async def _pools(self) -> None:
        block = await self.rpc.block_number()
        url = self.parts.settings.chain.price_urls[0]
        prices = {price.token: price for price in await fetch_prices(self.http, url)}
        tokens = [token for token in self.parts.deployment.tokens if token != USDC]
        seen = [await self._pool(token, block, prices.get(token)) for token in tokens]
        await asyncio.to_thread(self._save, seen)

    async def _pool(self, token: Currency, block: int, price: SignedPrice | None) -> Snapshot:
        """A pool's state at a block: a first pool is a finished one without skew, pot and limits."""
        deployment = self.parts.deployment
        call = abi.POOL_STATE.call(deployment.tokens[token])
        data = await self.rpc.call(deployment.pools, call, block=block)
        is_open, mid, observed, reserve_token, reserve_usdc, spread, _share, age, step, sells, buys = (
            abi.POOL_STATE.result(data)[0]
        )
        settings = Settings(
            spread_ppm=spread,
            age_ppm_per_minute=0,
            fresh_seconds=age,
            max_age_seconds=age,
            max_doubt_ppm=0,
            skew_ppm=0,
            heal_ppm=0,
            target_ppm=500_000,
            hour_ppm=PPM,
            day_ppm=PPM,
            buffer_ppm=0,
            open=is_open,
            sells_paused=sells,
            buys_paused=buys,
        )
        state = PoolState(
            kept=KeptPrice(mid, 0, observed, step, 1),
            settings=settings,
            reserves=Reserves(reserve_token, reserve_usdc),
            levels=Levels(),
        )
        return Snapshot(token, block, state, agreed([price.mid_e18], price.observed_at) if price else None)

    def _save(self, seen: list[Snapshot]) -> None:
        with self.parts.db.unit_of_work() as uow:
            for snapshot in seen:
                store.save(uow, snapshot, self.parts.clock.now())


async def run(options: Options) -> int:
    """Run the agent; its exit code."""
    with assemble(name="watcher") as parts:
        http = httpx.AsyncClient(trust_env=False)
        rpc = Rpc(parts.settings.chain.rpc_url)
        mirror = Mirror(parts.db, parts.ledger, parts.deployment, rpc)
        watcher = Watcher(parts, mirror, rpc, http, options.dry_run)
        try:
            return await Agent("watcher", watcher.tick, PACE_SECONDS, passing=PASSING).run(once=options.once)
        finally:
            await http.aclose()
            await rpc.close()


if __name__ == "__main__":
    run_agent("watcher", run)
