"""What is ordered of the chain: mints, swaps, burns and the house's liquidity. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from juapesa.money import Money, currency


class Source(StrEnum):
    """What a mint rests on."""

    COLLECT = "collect"  # an operator's collection for us
    PAYOUT_FAILED = "payout_failed"  # a payout that the operator refused: its money stayed
    CAPITAL = "capital"  # the house's own money in the float


@dataclass(frozen=True, slots=True)
class Mint:
    """Create ``amount`` of a token because of one movement (or non-movement) at an operator.

    ``reference`` is ours, ``receipt`` the operator's own id where it gave one.
    """

    amount: Money
    source: Source
    rail: str
    reference: str
    receipt: str


@dataclass(frozen=True, slots=True)
class Swap:
    amount_in: Money
    amount_out_min: Money


@dataclass(frozen=True, slots=True)
class Provide:
    """Tokens of the hub become liquidity of a pool: at most these, in the pool's proportion.

    The pool's first liquidity is exactly these.
    """

    token: Money
    usdc: Money


@dataclass(frozen=True, slots=True)
class Orders:
    """What one item does, in this order; all or nothing. ``provide`` stands alone."""

    mint: Mint | None = None
    swap: Swap | None = None
    burn: Money | None = None
    provide: Provide | None = None

    def to_json(self) -> dict[str, Any]:
        """For the database."""
        return {
            "mint": None
            if self.mint is None
            else {
                "amount": _pack(self.mint.amount),
                "source": self.mint.source,
                "rail": self.mint.rail,
                "reference": self.mint.reference,
                "receipt": self.mint.receipt,
            },
            "swap": None
            if self.swap is None
            else [_pack(self.swap.amount_in), _pack(self.swap.amount_out_min)],
            "burn": None if self.burn is None else _pack(self.burn),
            "provide": None
            if self.provide is None
            else [_pack(self.provide.token), _pack(self.provide.usdc)],
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Orders":
        """From the database."""
        mint, swap, burn = (stored[name] for name in ("mint", "swap", "burn"))
        provide = stored.get("provide")
        return cls(
            mint=None
            if mint is None
            else Mint(
                _unpack(mint["amount"]),
                Source(mint["source"]),
                mint["rail"],
                mint["reference"],
                mint["receipt"],
            ),
            swap=None if swap is None else Swap(_unpack(swap[0]), _unpack(swap[1])),
            burn=None if burn is None else _unpack(burn),
            provide=None if provide is None else Provide(_unpack(provide[0]), _unpack(provide[1])),
        )


def _pack(amount: Money) -> list[Any]:
    return [amount.minor, amount.currency.code]


def _unpack(stored: Sequence[Any]) -> Money:
    return Money(stored[0], currency(stored[1]))
