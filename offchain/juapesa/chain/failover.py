"""Several endpoints of one chain: one serves until it is silent or falls behind, then another does.

A decision stays with the endpoint that it began with (``freeze``): two endpoints may show two ages of the
same chain. A transaction that nobody answered for is not sent elsewhere in the same breath: it may be taken.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from juapesa.chain.rpc import ChainBehind, ChainUnreachable, Frozen, Rpc, RpcRefused
from juapesa.config import ChainSettings
from juapesa.errors import Conflict

REST_SECONDS = 15.0  # before an endpoint that failed is tried again
SURVEY_SECONDS = 5.0  # between two looks at how far everybody is
BEHIND_BLOCKS_MAX = 8  # Hedera's mirrors are a few blocks apart at any time
RATE_LIMITED = -32605
SENDING = "eth_sendRawTransaction"


class WrongChain(Conflict):
    """No endpoint that may be used is of our chain."""

    slug = "wrong-chain"


@dataclass
class _Endpoint:
    rpc: Rpc
    is_ours: bool | None = None  # None: not asked yet
    resting_until: float = 0.0

    @property
    def is_fit(self) -> bool:
        return self.is_ours is not False and time.monotonic() >= self.resting_until

    def rest(self) -> None:
        self.resting_until = time.monotonic() + REST_SECONDS


class Failover(Rpc):
    """Used as one endpoint is. An endpoint of another chain is refused for good."""

    def __init__(self, urls: Sequence[str], chain_id: int, http: httpx.AsyncClient | None = None) -> None:
        super().__init__(urls[0], http)
        self._endpoints = [_Endpoint(Rpc(url, self._http)) for url in urls]
        self._current = self._endpoints[0]
        self._wanted = chain_id
        self._surveyed_at = float("-inf")

    async def ask(self, method: str, *params: Any) -> Any:
        """As one endpoint's. Raises ChainUnreachable when none answers, RpcRefused, WrongChain."""
        silent: ChainUnreachable | RpcRefused | None = None
        for endpoint in self._in_turn():
            try:
                if not await self._is_ours(endpoint):
                    continue
                answer = await endpoint.rpc.ask(method, *params)
            except (ChainUnreachable, RpcRefused) as failed:
                if isinstance(failed, RpcRefused) and failed.code != RATE_LIMITED:
                    raise
                endpoint.rest()
                silent = failed
                if method == SENDING and getattr(failed, "reached", False):
                    raise
                continue
            self._current = endpoint
            return answer
        raise silent or WrongChain(f"No endpoint is of chain {self._wanted}.")

    async def freeze(self, not_before: int = 0) -> Frozen:
        """The present endpoint's view; another's when this one is behind. Raises ChainBehind besides."""
        if time.monotonic() - self._surveyed_at >= SURVEY_SECONDS:
            await self._survey()
        for _ in self._endpoints:
            block = await self.block_number()
            if block >= not_before:
                return Frozen(self._current.rpc, block)
            self._current.rest()
        raise ChainBehind(f"No endpoint shows block {not_before} yet.")

    def _in_turn(self) -> list[_Endpoint]:
        """The present one first; those that rest come last, for they are better than none."""
        known = [each for each in self._endpoints if each.is_ours is not False]
        return sorted(known, key=lambda each: (not each.is_fit, each is not self._current))

    async def _is_ours(self, endpoint: _Endpoint) -> bool:
        if endpoint.is_ours is None:
            endpoint.is_ours = await endpoint.rpc.chain_id() == self._wanted
        return endpoint.is_ours

    async def _survey(self) -> None:
        """Leave the present endpoint when another is further by more than mirrors usually are."""
        self._surveyed_at = time.monotonic()
        heights = await asyncio.gather(*(self._height(each) for each in self._endpoints))
        newest = max(heights)
        for endpoint, height in zip(self._endpoints, heights, strict=True):
            if 0 <= height < newest - BEHIND_BLOCKS_MAX:
                endpoint.rest()

    async def _height(self, endpoint: _Endpoint) -> int:
        """Its newest block; -1 when it does not say, or must not be asked."""
        if not endpoint.is_fit:
            return -1
        try:
            return await endpoint.rpc.block_number() if await self._is_ours(endpoint) else -1
        except (ChainUnreachable, RpcRefused):
            endpoint.rest()
            return -1


def open_rpc(settings: ChainSettings) -> Rpc:
    """What the settings name: one endpoint, or several that stand in for each other."""
    if not settings.rpc_fallback_urls:
        return Rpc(settings.rpc_url)
    return Failover((settings.rpc_url, *settings.rpc_fallback_urls), settings.chain_id)
