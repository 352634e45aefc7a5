"""Signed prices from the publisher, carried to the chain by whoever needs them (pull oracle)."""

from dataclasses import dataclass
from typing import Any

import httpx

from juapesa.chain.deployments import Deployment
from juapesa.errors import Unavailable
from juapesa.money import Currency, UnknownCurrency, currency

TIMEOUT_SECONDS = 3.0


class NoPrices(Unavailable):
    """The publisher does not answer, or not in its own format."""

    slug = "no-prices"


@dataclass(frozen=True, slots=True)
class SignedPrice:
    """USDC per whole token × 10^18, with the publisher's signature. The contract checks it."""

    token: Currency
    mid_e18: int
    observed_at: int
    signature: bytes

    def abi_tuple(self, deployment: Deployment) -> tuple[Any, ...]:
        """In the order of the contract's struct."""
        return (deployment.tokens[self.token], self.mid_e18, self.observed_at, self.signature)


async def fetch_prices(http: httpx.AsyncClient, url: str) -> list[SignedPrice]:
    """The publisher's newest prices of tokens that we know. Raises NoPrices."""
    try:
        response = await http.get(f"{url}/v1/prices", timeout=TIMEOUT_SECONDS)
        response.raise_for_status()
        found = response.json()["prices"]
        return [price for each in found if (price := _read(each)) is not None]
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise NoPrices(f"The price publisher gave no prices: {type(error).__name__}") from error


def _read(each: dict[str, Any]) -> SignedPrice | None:
    try:
        token = currency(each["symbol"])
    except UnknownCurrency:
        return None
    signature = bytes.fromhex(str(each["signature"]).removeprefix("0x"))
    return SignedPrice(token, int(each["midE18"]), int(each["observedAt"]), signature)
