"""What the commands share: the way to the chain, and how arguments are read."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

import httpx
import typer

from juapesa import config
from juapesa.chain import Deployment, Rpc, load_deployment
from juapesa.chain.failover import open_rpc
from juapesa.chain.prices import Publishers, SignedPrice
from juapesa.clock import SystemClock
from juapesa.config import Settings
from juapesa.errors import InvalidInput
from juapesa.money import USDC, Currency, Money, currency
from juapesa.pools.liquidity import Block, PoolView, newest_block, view_pool

T = TypeVar("T")

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
TokenArgument = Annotated[str, typer.Argument(metavar="TOKEN", help="The pool's token: cKES, cNGN, XAUt.")]

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)


@dataclass(frozen=True)
class Chain:
    """The pools that the settings point at."""

    settings: Settings
    deployment: Deployment
    rpc: Rpc
    http: httpx.AsyncClient

    async def view(self, token: Currency, block: Block | None = None) -> PoolView:
        """A pool at the newest block, or at that one. Raises ChainUnreachable, RpcRefused."""
        return await view_pool(self.rpc, self.deployment, token, block or await newest_block(self.rpc))

    async def views(self) -> list[PoolView]:
        """Every pool, at one block. Raises ChainUnreachable, RpcRefused."""
        block = await newest_block(self.rpc)
        tokens = [each for each in self.deployment.tokens if each != USDC]
        return [await self.view(each, block) for each in tokens]

    async def newest_prices(self) -> tuple[SignedPrice, ...]:
        """What the publishers say now; nothing when too many of them are silent."""
        urls, clock = self.settings.chain.price_urls, SystemClock()
        return tuple(await Publishers(self.http, urls, self.deployment, self.rpc, clock).newest())


def on_chain(work: Callable[[Chain], Awaitable[T]]) -> T:
    """Do this with the chain that the settings name. Raises NotDeployed, ChainUnreachable, RpcRefused."""
    settings = config.load()
    deployment = load_deployment(settings.chain.deployments_dir, settings.chain.network)

    async def there() -> T:
        rpc = open_rpc(settings.chain)
        async with httpx.AsyncClient(trust_env=False) as http:
            try:
                return await work(Chain(settings, deployment, rpc, http))
            finally:
                await rpc.close()

    return asyncio.run(there())


def pool_token(text: str, deployment: Deployment) -> Currency:
    """The token of a pool. Raises InvalidInput."""
    tokens = {each.code.lower(): each for each in deployment.tokens if each != USDC}
    try:
        return tokens[text.lower()]
    except KeyError:
        raise InvalidInput(f"There are pools for {', '.join(t.code for t in tokens.values())}.") from None


def any_token(text: str, deployment: Deployment) -> Currency:
    """A pool's token or USDC. Raises InvalidInput."""
    return USDC if text.upper() == USDC.code else pool_token(text, deployment)


def positive(text: str, unit: Currency) -> Money:
    """An amount above zero. Raises NotMoney, InvalidInput."""
    amount = Money.parse(text, currency(unit.code))
    if not amount.minor:
        raise InvalidInput("Give an amount above zero.")
    return amount


def address(text: str) -> str:
    """An account's address, lower-case. Raises InvalidInput."""
    if not _ADDRESS.fullmatch(text):
        raise InvalidInput("An address is 0x and 40 hexadecimal digits.")
    return text.lower()
