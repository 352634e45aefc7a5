"""The pools as the chain shows them at one block."""

import asyncio
from dataclasses import dataclass

from juapesa.chain import Deployment, Rpc
from juapesa.money import USDC, Currency
from juapesa.pools import calls
from juapesa.pools.exact_model import Levels, Reserves, Settings
from juapesa.pools.price_model import KeptPrice

FLAG_OPEN, FLAG_SELLS_PAUSED, FLAG_BUYS_PAUSED = 1, 2, 4


@dataclass(frozen=True, slots=True)
class PoolState:
    """Everything that a trade with a pool depends on, as of a block. Amounts in base units."""

    kept: KeptPrice
    settings: Settings
    reserves: Reserves
    levels: Levels


async def read_pools(rpc: Rpc, deployment: Deployment, block: int) -> dict[Currency, PoolState]:
    """Every token's pool at one block. Raises ChainUnreachable, RpcRefused."""
    tokens = [token for token in deployment.tokens if token != USDC]
    found = await asyncio.gather(*(read_pool(rpc, deployment, token, block) for token in tokens))
    return dict(zip(tokens, found, strict=True))


async def read_pool(rpc: Rpc, deployment: Deployment, token: Currency, block: int) -> PoolState:
    """One pool; a closed one (``settings.open`` is false) when there is none."""
    address = deployment.tokens[token]
    state, price = await asyncio.gather(
        rpc.call(deployment.pools, calls.STATE.call(address), block=block),
        rpc.call(deployment.pools, calls.PRICE_OF.call(address), block=block),
    )
    reserves, settings, levels = calls.STATE.result(state)
    (mid, doubt, observed_at, _accepted_at, step, sources) = calls.PRICE_OF.result(price)[0]
    return PoolState(
        kept=KeptPrice(mid, doubt, observed_at, step, sources),
        settings=_settings(*settings),
        reserves=Reserves(*reserves),
        levels=Levels(*levels),
    )


def _settings(flags: int, *figures: int) -> Settings:
    named = dict(zip(_FIGURES, figures, strict=True))
    return Settings(
        **named,
        open=bool(flags & FLAG_OPEN),
        sells_paused=bool(flags & FLAG_SELLS_PAUSED),
        buys_paused=bool(flags & FLAG_BUYS_PAUSED),
    )


# PoolTypes.sol's Settings after the flags, in its order.
_FIGURES = (
    "spread_ppm",
    "age_ppm_per_minute",
    "fresh_seconds",
    "max_age_seconds",
    "max_doubt_ppm",
    "skew_ppm",
    "heal_ppm",
    "target_ppm",
    "hour_ppm",
    "day_ppm",
    "buffer_ppm",
)
