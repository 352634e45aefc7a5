"""Hedera's numbers: tinybar and weibar, gas, and the limits of the network's nodes and relays.

Sources: hiero-json-rpc-relay docs/configuration.md and constants.ts; hedera-docs networks/fees.mdx.
"""

from dataclasses import dataclass

WEIBARS_PER_TINYBAR = 10**10
TINYBARS_PER_HBAR = 10**8
TINYCENTS_PER_CENT = 10**8
GAS_PER_TRANSACTION_MAX = 15_000_000
GAS_PER_BLOCK = 30_000_000  # two seconds of network; a single transaction is held to the cap above
GAS_TINYCENTS_PER_THOUSAND = 852  # 0.0000000852 USD for one unit of gas

CHAIN_ID = 298  # a local network's


@dataclass(frozen=True, slots=True)
class ExchangeRate:
    """``hbar`` whole HBAR cost ``cents`` US cents: the network's fee rate, not a market price."""

    hbar: int = 30_000
    cents: int = 300_000

    def gas_tinybars(self) -> int:
        """The network's gas price, rounded down as the mirror node's ``/network/fees`` does."""
        tinycents = GAS_TINYCENTS_PER_THOUSAND * 1_000  # for 1,000 gas; a tinycent is 10^-8 cent
        return self.tinybars(tinycents) // 1_000 or 1

    def tinybars(self, tinycents: int) -> int:
        """The HBAR value of a fee in tinycents, rounded down."""
        return tinycents * self.hbar // self.cents


def weibars(tinybars: int) -> int:
    """What the relay shows for an amount inside the EVM."""
    return tinybars * WEIBARS_PER_TINYBAR


def tinybars(weibar: int) -> int:
    """What the EVM sees of an amount in an envelope: what is under a tinybar is cut off."""
    return weibar // WEIBARS_PER_TINYBAR
