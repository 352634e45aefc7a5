"""Items for the chain, custody statements and what attesters sign. Pure."""

import hashlib
import hmac
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from eth_abi.abi import encode

from juapesa.crypto import keccak256
from juapesa.money import Currency, Money, currency

_TYPE = (
    "CustodyStatement(address token,address to,uint64 total,bytes32 entriesHash,uint64 reserves,"
    "uint64 observedAt,uint64 expiresAt)"
)
_DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"


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
class Orders:
    """What one item does, in this order; all or nothing."""

    mint: Mint | None = None
    swap: Swap | None = None
    burn: Money | None = None
    deposit: Money | None = None

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
            "deposit": None if self.deposit is None else _pack(self.deposit),
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Orders":
        """From the database."""
        mint, swap, burn, deposit = (stored[name] for name in ("mint", "swap", "burn", "deposit"))
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
            deposit=None if deposit is None else _unpack(deposit),
        )


def _pack(amount: Money) -> list[Any]:
    return [amount.minor, amount.currency.code]


def _unpack(stored: Sequence[Any]) -> Money:
    return Money(stored[0], currency(stored[1]))


@dataclass(frozen=True, slots=True)
class Statement:
    """A custody statement over one receipt: what attesters sign, as IAttestationRegistry has it.

    ``number`` is the item's: the registry mints a number once, and attesters bind each receipt to one.
    """

    token: str  # address
    to: str
    number: int
    amount: int
    receipt_hash: bytes
    reserves: int
    observed_at: int
    expires_at: int

    @property
    def entries(self) -> bytes:
        """The statement's entries, packed as the registry reads them."""
        return self.number.to_bytes(8, "big") + self.amount.to_bytes(8, "big") + self.receipt_hash

    def abi_tuple(self) -> tuple[Any, ...]:
        """In the order of the contract's struct."""
        return (
            self.token,
            self.to,
            self.amount,
            keccak256(self.entries),
            self.reserves,
            self.observed_at,
            self.expires_at,
        )

    def digest(self, chain_id: int, registry: str) -> bytes:
        """EIP-712 digest, as ``statementDigest`` of the contract computes it."""
        types = [
            "bytes32",
            "address",
            "address",
            "uint64",
            "bytes32",
            "uint64",
            "uint64",
            "uint64",
        ]
        struct = keccak256(encode(types, [keccak256(_TYPE.encode()), *self.abi_tuple()]))
        return keccak256(b"\x19\x01" + _domain(chain_id, registry) + struct)


def _domain(chain_id: int, registry: str) -> bytes:
    name, version = keccak256(b"Jua Pesa Attestation"), keccak256(b"1")
    return keccak256(
        encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address"],
            [keccak256(_DOMAIN_TYPE.encode()), name, version, chain_id, registry],
        )
    )


def mint_receipt_hash(key: bytes, mint: Mint) -> bytes:
    """The keyed hash under which a movement at an operator stands on chain.

    Each attester computes it itself from what the operator told it, so that one movement can never
    be minted against twice. Without the key nobody can test a guess against it. Operators look
    receipts up without regard to case, so all spellings of one receipt have one hash.
    """
    movement = (mint.receipt or mint.reference) if mint.source is Source.COLLECT else mint.reference
    return _keyed(key, "mint", mint.source, mint.rail, movement.strip().upper())


def burn_receipt_hash(key: bytes, item_id: uuid.UUID) -> bytes:
    """The keyed hash under which a burn stands on chain."""
    return _keyed(key, "burn", str(item_id))


def item_key(item_id: uuid.UUID) -> bytes:
    """The item's 32-byte id in the router."""
    return hashlib.sha256(b"juapesa item " + item_id.bytes).digest()


def _keyed(key: bytes, *parts: str) -> bytes:
    return hmac.digest(key, "|".join(parts).encode(), "sha256")


def reserves_claim(supply: int, outstanding: int, amount: int, custody: int) -> int:
    """What attesters are asked to confirm as custody at least, in token units.

    It covers the supply after this mint and every other that is on its way, and half of what custody
    holds beyond that: payouts that are under way meanwhile may use the other half without making a
    true statement false. ``custody`` is the float as our books have it.
    """
    needed = supply + outstanding + amount
    return needed + max(custody - needed, 0) // 2


@dataclass(frozen=True, slots=True)
class StatementRequest:
    """What an attester is asked to look at and sign."""

    item_id: uuid.UUID
    token: Currency
    mint: Mint
    statement: Statement
