"""What a key may spend on fees: below a floor it stops, above a cap it does not pay.

A relayer without HBAR, or one that pays any price, ends everything that needs the chain; both are said
before the first refused transaction. Amounts in the chain's envelope are weibar, 10^-18 HBAR.
"""

import asyncio
from dataclasses import dataclass

from juapesa.chain.rpc import Frozen
from juapesa.chain.transactions import GAS_MAX
from juapesa.errors import Unavailable

WEIBARS_PER_HBAR = 10**18
# Unused gas is paid back (HIP-1249). A fifth of the limit unused was free under the older rule too,
# which charged four fifths at least.
GAS_HEADROOM_PERCENT = 25


class PurseLow(Unavailable):
    """The account has less HBAR than it must keep; nothing is sent until somebody pays some in."""

    slug = "purse-low"


class FeeTooHigh(Unavailable):
    """The network asks more for this transaction than we pay for one; tried again later."""

    slug = "fee-too-high"


@dataclass(frozen=True, slots=True)
class Purse:
    """Limits in whole HBAR."""

    floor_hbar: int
    fee_max_hbar: int

    async def price(self, at: Frozen, address: str) -> int:
        """The gas price to offer, weibar. Raises PurseLow."""
        held, price = await asyncio.gather(at.balance(address), at.rpc.gas_price())
        self.require_filled(held)
        return price

    def require_fair(self, price: int, gas: int) -> None:
        """Raise FeeTooHigh when a transaction with this limit may cost more than one is worth to us."""
        if price * gas > self.fee_max_hbar * WEIBARS_PER_HBAR:
            asked = -(-price * gas // WEIBARS_PER_HBAR)
            raise FeeTooHigh(f"The network asks up to {asked} HBAR; we pay {self.fee_max_hbar} at most.")

    def require_filled(self, weibars: int) -> None:
        """Raise PurseLow when the balance is under the floor."""
        if weibars < self.floor_hbar * WEIBARS_PER_HBAR:
            held = weibars // WEIBARS_PER_HBAR
            raise PurseLow(f"The account holds {held} HBAR; it sends nothing below {self.floor_hbar}.")


def gas_limit(estimate: int) -> int:
    """What to give a call that uses ``estimate``: a little more, for the state it meets is a newer one."""
    return min(estimate + estimate * GAS_HEADROOM_PERCENT // 100, GAS_MAX)
