"""The relayer: one transaction a block for everything that is due on chain."""

import asyncio

import httpx

from juapesa.assembly import Parts, assemble
from juapesa.chain.courier import Courier
from juapesa.chain.failover import open_rpc
from juapesa.chain.prices import Publishers
from juapesa.chain.purse import Purse
from juapesa.issuance.relay import Relay
from juapesa.issuance.service import CHAIN_ITEMS
from juapesa_agents.common.base import Agent
from juapesa_agents.common.database import PASSING, listen
from juapesa_agents.common.options import Options, run_agent

PACE_SECONDS = 0.4


async def run(options: Options) -> int:
    """Run the agent; its exit code."""
    with assemble(name="relayer") as parts:
        http = httpx.AsyncClient(trust_env=False)
        chain = parts.settings.chain
        rpc = open_rpc(chain)
        relay = Relay(
            db=parts.db,
            issuance=parts.issuance,
            deployment=parts.deployment,
            courier=Courier(rpc, parts.keystore.signer("relayer"), parts.deployment.chain_id),
            purse=Purse(chain.balance_floor_hbar, chain.fee_max_hbar),
            publishers=Publishers(http, chain.price_urls, parts.deployment, rpc, parts.clock),
            clock=parts.clock,
            batch_items_max=chain.batch_items_max,
            dry_run=options.dry_run,
        )
        if not options.dry_run:
            await asyncio.to_thread(_open_capital, parts)
        agent = Agent("relayer", relay.tick, PACE_SECONDS, passing=PASSING)
        ears = asyncio.create_task(listen(parts.database_url, (CHAIN_ITEMS,), agent.wake))
        try:
            return await agent.run(once=options.once)
        finally:
            ears.cancel()
            await http.aclose()
            await rpc.close()


def _open_capital(parts: Parts) -> None:
    with parts.db.unit_of_work() as uow:
        parts.capital.open(uow)


if __name__ == "__main__":
    run_agent("relayer", run)
