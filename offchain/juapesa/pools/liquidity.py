"""Providers' shares, fees and terms as the chain shows them at one block."""

import asyncio
from dataclasses import dataclass, replace

from juapesa.chain import Deployment, Rpc
from juapesa.money import Currency
from juapesa.pools import calls, shares
from juapesa.pools.exact_model import Pool, Price, pool_at
from juapesa.pools.reader import PoolState, read_pool

TERMS = range(len(shares.TERM_DAYS))


@dataclass(frozen=True, slots=True)
class Block:
    """Where a reading was taken; unix seconds."""

    number: int
    at: int


@dataclass(frozen=True, slots=True)
class PoolView:
    """A pool with all its providers, at a block."""

    token: Currency
    block: Block
    state: PoolState
    shares: int
    weight: int
    owed_usdc: int

    def pool(self, price: Price | None = None) -> Pool:
        """As it trades at the block's time, at the kept price or another."""
        price = self.state.kept.price() if price is None else price
        return pool_at(self.block.at, self.state.settings, price, self.state.reserves, self.state.levels)


@dataclass(frozen=True, slots=True)
class Position:
    """What one owner has in one pool at one term, fees counted up to the block.

    ``fees_usdc`` may be claimed; ``uplift_usdc`` is for the term, from ``unlock_at`` on (unix seconds, 0: no
    term). Both include the position's part of what the pool has not shared out yet.
    """

    token: Currency
    term: int
    shares: int
    token_units: int
    usdc_units: int
    fees_usdc: int
    uplift_usdc: int
    unlock_at: int

    def claimable_usdc(self, now: int) -> int:
        """What {claimFees} would pay at ``now``; to the unit, or one less by an earlier rounding."""
        return self.fees_usdc + (self.uplift_usdc if self.term and now >= self.unlock_at else 0)

    def forfeited_usdc(self, shares_out: int, now: int) -> int:
        """The part of the uplift that leaving with these shares at ``now`` would cost."""
        if self.term == 0 or now >= self.unlock_at:
            return 0
        return shares.forfeited_up(self.uplift_usdc, shares_out, self.shares)


async def newest_block(rpc: Rpc) -> Block:
    """The newest block. Raises ChainUnreachable, RpcRefused."""
    found = await rpc.ask("eth_getBlockByNumber", "latest", False)  # noqa: FBT003 - JSON-RPC has no names
    return Block(int(found["number"], 16), int(found["timestamp"], 16))


async def view_pool(rpc: Rpc, deployment: Deployment, token: Currency, block: Block) -> PoolView:
    """A pool and its providers. Raises ChainUnreachable, RpcRefused."""
    call = calls.LIQUIDITY.call(deployment.tokens[token])
    state, data = await asyncio.gather(
        read_pool(rpc, deployment, token, block.number),
        rpc.call(deployment.pools, call, block=block.number),
    )
    (all_shares, weight), (_index, owed) = calls.LIQUIDITY.result(data)
    return PoolView(token, block, state, all_shares, weight, owed)


async def view_positions(rpc: Rpc, deployment: Deployment, view: PoolView, owner: str) -> list[Position]:
    """An owner's positions in a pool, those that hold shares or fees. Raises ChainUnreachable, RpcRefused."""
    found = await asyncio.gather(*(view_position(rpc, deployment, view, owner, term) for term in TERMS))
    return [each for each in found if each.shares or each.fees_usdc or each.uplift_usdc]


async def view_position(rpc: Rpc, deployment: Deployment, view: PoolView, owner: str, term: int) -> Position:
    """One position, perhaps an empty one. Raises ChainUnreachable, RpcRefused."""
    call = calls.POSITION.call(owner, deployment.tokens[view.token], term)
    data = await rpc.call(deployment.pools, call, block=view.block.number)
    (held, _index, owed), (unlock_at, uplift) = calls.POSITION.result(data)
    token_units, usdc_units = shares.withdrawal(view.state.reserves, view.shares, held)
    counted = Position(view.token, term, held, token_units, usdc_units, owed, uplift, unlock_at)
    return _with_unshared(view, counted)


def _with_unshared(view: PoolView, position: Position) -> Position:
    """With its part of the fees that the next call of a provider will share out first."""
    fees = view.state.reserves.fees_usdc
    if fees == 0 or view.weight == 0:
        return position
    _shared, _kept, grown = shares.share_out(fees, view.state.settings.buffer_ppm, view.weight)
    base, uplift = shares.earned(position.shares, position.term, grown)
    return replace(position, fees_usdc=position.fees_usdc + base, uplift_usdc=position.uplift_usdc + uplift)
