"""Tokens of the world outside, as the sandbox plays them.

USDC on Hedera is 0.0.456858 with 6 decimals (Circle's bridge-kit). On testnet it has admin, freeze and
supply keys and no KYC, wipe or pause key; the mainnet keys are taken to be the same, so it can be frozen.
The gold token's number here is the sandbox's own.
"""

from dataclasses import dataclass
from enum import IntFlag

from juapesa.sandbox.hedera.entities import long_zero


class Key(IntFlag):
    """What a token's keys allow; the values are the network's."""

    ADMIN = 1
    KYC = 2
    FREEZE = 4
    WIPE = 8
    SUPPLY = 16
    FEE_SCHEDULE = 32
    PAUSE = 64


@dataclass(frozen=True, slots=True)
class OutsideToken:
    """A token whose issuer is an account with keys; the issuer is its treasury. ``supply`` in base units."""

    number: int
    name: str
    symbol: str
    decimals: int
    issuer: str
    supply: int
    keys: Key = Key.ADMIN | Key.FREEZE | Key.SUPPLY

    @property
    def address(self) -> str:
        """Where its facade stands."""
        return long_zero(self.number)


USDC = OutsideToken(456_858, "USD Coin", "USDC", 6, long_zero(456_857), 50_000_000_000_000)
GOLD = OutsideToken(500_002, "Tether Gold", "XAUt", 6, long_zero(500_001), 50_000_000_000)
OUTSIDE = (USDC, GOLD)
