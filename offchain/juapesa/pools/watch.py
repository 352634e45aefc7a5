"""What the watcher sees of the pools at a block, with what the publishers say meanwhile."""

from collections.abc import Sequence

from juapesa.chain import Deployment, Rpc
from juapesa.chain.prices import SignedPrice
from juapesa.money import Currency
from juapesa.pools.price_model import Agreed, agreed
from juapesa.pools.reader import read_pools
from juapesa.pools.store import Snapshot


async def take_snapshots(
    rpc: Rpc, deployment: Deployment, prices: Sequence[SignedPrice], block: int
) -> list[Snapshot]:
    """Every pool at ``block``; ``prices`` as Publishers gives them. Raises ChainUnreachable, RpcRefused."""
    states = await read_pools(rpc, deployment, block)
    return [Snapshot(token, block, state, agreed_on(token, prices)) for token, state in states.items()]


def agreed_on(token: Currency, prices: Sequence[SignedPrice]) -> Agreed | None:
    """What these prices make of one token's; None when there are none of it."""
    ours = [each for each in prices if each.token == token]
    if not ours:
        return None
    return agreed([each.mid_e18 for each in ours], min(each.observed_at for each in ours))
