"""Signed prices, fetched from their publishers and carried to the chain by whoever needs them."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Self

import httpx
from eth_abi.abi import encode

from juapesa.chain.abi import Function
from juapesa.chain.deployments import Deployment
from juapesa.chain.rpc import Rpc
from juapesa.clock import Clock
from juapesa.crypto import keccak256
from juapesa.crypto.errors import BadSignature
from juapesa.crypto.signing import recover_address
from juapesa.errors import Unavailable
from juapesa.money import Currency, UnknownCurrency, currency

TIMEOUT_SECONDS = 3.0
# contracts/oracle/PriceOracle.sol and PriceGovernance.sol
SOURCES_MIN, SOURCES_MAX = 3, 16
MID_E18_MAX = 10**24
AGE_SECONDS_MAX = 60
# A price must still be young enough in the block that it reaches.
CARRIED_SECONDS = 15
# A slower publisher than the third quickest is left out: the oldest price dates them all.
BEHIND_SECONDS_MAX = 5
AHEAD_SECONDS_MAX = 5  # the contract allows a publisher's clock 15
KNOWN_SECONDS = 60.0  # how long an answer about who is a publisher counts

IS_PUBLISHER = Function("isPublisher", ("address",), ("bool",))
_DOMAIN_TYPE = keccak256(b"EIP712Domain(string name,string version,uint256 chainId)")
_PRICE_TYPE = keccak256(b"Price(address token,uint128 midE18,uint64 observedAt)")


class NoPrices(Unavailable):
    """The publisher does not answer, or not in its own format."""

    slug = "no-prices"


@dataclass(frozen=True, slots=True)
class SignedPrice:
    """USDC per whole token × 10^18, unix seconds, and the publisher's signature. The contract checks it."""

    token: Currency
    mid_e18: int
    observed_at: int
    signature: bytes

    def abi_tuple(self, deployment: Deployment) -> tuple[Any, ...]:
        """In the order of the contract's struct."""
        return (deployment.tokens[self.token], self.mid_e18, self.observed_at, self.signature)

    def digest(self, deployment: Deployment) -> bytes:
        """What its publisher signed (EIP-712; the contracts' ``priceDigest``)."""
        words = (_DOMAIN_TYPE, keccak256(b"Jua Pesa Price"), keccak256(b"1"), deployment.chain_id)
        domain = keccak256(encode(["bytes32", "bytes32", "bytes32", "uint256"], words))
        values = (_PRICE_TYPE, deployment.tokens[self.token], self.mid_e18, self.observed_at)
        struct = keccak256(encode(["bytes32", "address", "uint128", "uint64"], values))
        return keccak256(b"\x19\x01" + domain + struct)


async def fetch_prices(http: httpx.AsyncClient, url: str) -> list[SignedPrice]:
    """One publisher's newest prices of tokens that we know. Raises NoPrices."""
    try:
        response = await http.get(f"{url}/v1/prices", timeout=TIMEOUT_SECONDS)
        response.raise_for_status()
        found = response.json()["prices"]
        return [price for each in found if (price := _read(each)) is not None]
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise NoPrices(f"The price publisher gave no prices: {type(error).__name__}") from error


@dataclass(frozen=True)
class Publishers:
    """All publishers at once. Who of them counts, the pools on chain say.

    What would make the contract refuse all prices together is left out here: prices of strangers, under
    another token's name, forged, impossible, old or from the future, and a publisher's second price.
    """

    http: httpx.AsyncClient
    urls: Sequence[str]
    deployment: Deployment
    rpc: Rpc
    clock: Clock
    sources_min: int = SOURCES_MIN
    _known: dict[str, tuple[float, bool]] = field(default_factory=dict)  # until when, and whether

    async def newest(self) -> list[SignedPrice]:
        """Prices as an update takes them: by token, publishers ascending, no token with too few of them.

        Empty when too many are silent. Raises ChainUnreachable, RpcRefused.
        """
        answers = await asyncio.gather(*map(self._asked, self.urls))
        now = int(self.clock.now().timestamp())
        signed = [_Signed.of(each, self.deployment) for prices in answers for each in prices]
        fit = [each for each in signed if each is not None and each.fits(now)]
        await self._learn({each.publisher for each in fit})
        ours = sorted(each for each in fit if self._known[each.publisher][1])
        runs = (list(run) for _, run in groupby(ours, key=lambda each: each.at_token))
        return [each.price for run in runs for each in _together(run, self.sources_min)]

    async def _asked(self, url: str) -> list[SignedPrice]:
        """A silent publisher is no reason to do without the others."""
        try:
            return await fetch_prices(self.http, url)
        except NoPrices:
            return []

    async def _learn(self, signers: Iterable[str]) -> None:
        now = time.monotonic()
        unknown = [each for each in signers if self._known.get(each, (0.0, False))[0] <= now]
        calls = (self.rpc.call(self.deployment.pools, IS_PUBLISHER.call(each)) for each in unknown)
        answers = await asyncio.gather(*calls)
        for signer in [each for each, (until, _) in self._known.items() if until <= now]:
            del self._known[signer]  # a forger has a new name each time
        for signer, answer in zip(unknown, answers, strict=True):
            self._known[signer] = (now + KNOWN_SECONDS, bool(IS_PUBLISHER.result(answer)[0]))


@dataclass(frozen=True, slots=True, order=True)
class _Signed:
    """A price with its signer, in the order of the contract."""

    at_token: str
    publisher: str
    newest_first: int
    price: SignedPrice = field(compare=False)

    @classmethod
    def of(cls, price: SignedPrice, deployment: Deployment) -> Self | None:
        """None for a token that is not deployed, figures that are none, and a signature of nobody."""
        possible = 0 < price.mid_e18 <= MID_E18_MAX and 0 < price.observed_at < 2**40
        if price.token not in deployment.tokens or not possible:
            return None
        try:
            signer = recover_address(price.digest(deployment), price.signature)
        except BadSignature:
            return None
        return cls(deployment.tokens[price.token], signer, -price.observed_at, price)

    def fits(self, now: int) -> bool:
        """Whether the chain will take it in one of the next blocks."""
        age = now - self.price.observed_at
        return -AHEAD_SECONDS_MAX <= age <= AGE_SECONDS_MAX - CARRIED_SECONDS


def _together(run: list[_Signed], sources_min: int) -> list[_Signed]:
    """One token's prices that go together: each publisher once, the oldest not far behind the rest."""
    once = [next(same) for _, same in groupby(run, key=lambda each: each.publisher)]
    if len(once) < sources_min:
        return []
    quickest = sorted(once, key=lambda each: each.newest_first)[:SOURCES_MAX]
    behind_max = quickest[sources_min - 1].newest_first + BEHIND_SECONDS_MAX
    return sorted(each for each in quickest if each.newest_first <= behind_max)


def _read(each: dict[str, Any]) -> SignedPrice | None:
    try:
        token = currency(each["symbol"])
    except UnknownCurrency:
        return None
    signature = bytes.fromhex(str(each["signature"]).removeprefix("0x"))
    return SignedPrice(token, int(each["midE18"]), int(each["observedAt"]), signature)
