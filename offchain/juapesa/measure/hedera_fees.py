"""Hedera's prices as dated data, and what a unit of gas makes of them."""

import tomllib
from dataclasses import dataclass
from decimal import Decimal
from importlib import resources


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """Prices in USD. ``native`` by operation, as a native transaction pays them; ``system_gas`` the same
    operations asked for by a contract, in gas.
    """

    as_of: str
    sources: tuple[str, ...]
    gas: Decimal
    system_gas: dict[str, int]
    native: dict[str, Decimal]
    goals: dict[str, Decimal]

    @classmethod
    def read(cls) -> "FeeSchedule":
        """What stands in ``hedera_fees.toml``."""
        told = tomllib.loads((resources.files(__package__) / "hedera_fees.toml").read_text())
        return cls(
            as_of=told["as_of"],
            sources=tuple(told["sources"]),
            gas=Decimal(told["gas"]),
            system_gas=told["system_gas"],
            native={name: Decimal(price) for name, price in told["native"].items()},
            goals={name: Decimal(price) for name, price in told["goals"].items()},
        )

    def usd(self, gas: int) -> Decimal:
        """What so much gas costs."""
        return self.gas * gas
