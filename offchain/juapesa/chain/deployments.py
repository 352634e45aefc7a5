"""Where our contracts stand on a network: the file that the deploy script writes."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from juapesa.errors import Unavailable
from juapesa.money import CKES, CNGN, USDC, Currency, currency


class NotDeployed(Unavailable):
    """There is no usable deployment file for this network yet."""

    slug = "not-deployed"


@dataclass(frozen=True, slots=True)
class Deployment:
    """Addresses on one network, lower-case."""

    network: str
    chain_id: int
    registry: str
    router: str
    pools: str
    tokens: dict[Currency, str]
    first_block: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the file's JSON. Raises NotDeployed when it is not one of ours."""
        try:
            found = json.loads(text)
            contracts = found["contracts"]
            return cls(
                network=found["network"],
                chain_id=int(found["chain_id"]),
                registry=contracts["registry"]["address"].lower(),
                router=contracts["router"]["address"].lower(),
                pools=contracts["pools"]["address"].lower(),
                tokens={currency(code): each["address"].lower() for code, each in found["tokens"].items()},
                first_block=min(int(each["block"]) for each in contracts.values()),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise NotDeployed(f"The deployment file is not usable: {error!r}") from error

    @property
    def contracts(self) -> tuple[str, str, str]:
        """Those whose events we follow."""
        return self.registry, self.pools, self.router

    def currency_at(self, address: str) -> Currency | None:
        """The token at this address; None for one that is not ours."""
        return next((each for each, at in self.tokens.items() if at == address.lower()), None)


def played(network: str) -> Deployment:
    """A deployment on a chain that nobody asks: for simulations and measurements of what stands before it."""
    registry, router, pools, *tokens = (f"0x{number:040x}" for number in range(1, 7))
    named = dict(zip((CKES, CNGN, USDC), tokens, strict=True))
    return Deployment(network, 298, registry, router, pools, named, first_block=1)


def load_deployment(directory: Path, network: str) -> Deployment:
    """The deployment on ``network``. Raises NotDeployed."""
    path = directory / f"{network}.json"
    try:
        return Deployment.parse(path.read_text())
    except FileNotFoundError:
        raise NotDeployed(f"{path} does not exist; run the deploy script first.") from None
