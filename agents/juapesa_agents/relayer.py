"""The relayer: one transaction a block for everything that is due on chain."""

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING

import httpx

from juapesa.assembly import Parts, assemble
from juapesa.chain.courier import Courier
from juapesa.chain.failover import open_rpc
from juapesa.chain.prices import Publishers
from juapesa.chain.purse import Purse
from juapesa.config import ChainSettings
from juapesa.crypto import Signer
from juapesa.issuance.relay import Relay
from juapesa.issuance.service import CHAIN_ITEMS
from juapesa_agents.common.base import Agent
from juapesa_agents.common.database import PASSING, listen
from juapesa_agents.common.options import Options, run_agent

if TYPE_CHECKING:
    from juapesa.chain.native_sending import NativeSending

PACE_SECONDS = 0.4


async def run(options: Options) -> int:
    """Run the agent; its exit code."""
    with assemble(name="relayer") as parts:
        http = httpx.AsyncClient(trust_env=False)
        chain = parts.settings.chain
        rpc, signer = open_rpc(chain), parts.keystore.signer("relayer")
        native = _native(chain, signer)
        relay = Relay(
            db=parts.db,
            issuance=parts.issuance,
            deployment=parts.deployment,
            courier=Courier(rpc, signer, parts.deployment.chain_id, native),
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
            if native is not None:
                await native.close()


def _native(chain: ChainSettings, signer: Signer) -> "NativeSending | None":
    """The way through Hedera's own nodes, where the settings name some."""
    if not chain.native_nodes:
        return None
    # gRPC costs 18 MB, which only this way needs.
    from juapesa.chain.mirror_node import MirrorNode  # noqa: PLC0415
    from juapesa.chain.native_nodes import NativeNodes  # noqa: PLC0415
    from juapesa.chain.native_sending import SEND_SECONDS_MAX, NativeSending  # noqa: PLC0415

    def account() -> str | None:
        if chain.native_account or chain.mirror_url is None:
            return chain.native_account
        with closing(MirrorNode(chain.mirror_url)) as mirror:
            return mirror.account_of(signer.address)

    nodes = NativeNodes(
        chain.native_nodes,
        signer,
        chain.native_fee_tinybars_max,
        SEND_SECONDS_MAX,
        chain.native_certificates,
    )
    return NativeSending(nodes, account)


def _open_capital(parts: Parts) -> None:
    with parts.db.unit_of_work() as uow:
        parts.capital.open(uow)


if __name__ == "__main__":
    run_agent("relayer", run)
