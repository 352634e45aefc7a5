"""Custody statements: what attesters are asked to look at and sign. Pure."""

import hmac
import uuid
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import encode

from juapesa.crypto import keccak256
from juapesa.issuance.domain import Mint, Source
from juapesa.money import Currency

ENTRIES_MAX = 256  # of one statement, says the registry
_TYPE = (
    "CustodyStatement(address token,address to,uint64 total,bytes32 entriesHash,uint64 reserves,"
    "uint64 observedAt,uint64 expiresAt)"
)
_DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"


@dataclass(frozen=True, slots=True)
class Entry:
    """One receipt of a statement.

    ``number`` is the item's: the registry mints a number once, and attesters bind each receipt to one.
    """

    number: int
    amount: int  # token units
    receipt_hash: bytes

    @property
    def packed(self) -> bytes:
        """As the registry reads it."""
        return self.number.to_bytes(8, "big") + self.amount.to_bytes(8, "big") + self.receipt_hash


@dataclass(frozen=True, slots=True)
class Statement:
    """A custody statement over receipts of one token, as IAttestationRegistry has it."""

    token: str  # address
    to: str
    entries: tuple[Entry, ...]
    reserves: int  # custody at least, token units, all entries included
    observed_at: int
    expires_at: int

    @property
    def packed(self) -> bytes:
        """All entries, as the registry reads them."""
        return b"".join(each.packed for each in self.entries)

    def place_of(self, number: int) -> int:
        """Where an item's entry stands. Raises ValueError when the statement has none of it."""
        return [each.number for each in self.entries].index(number)

    def abi_tuple(self) -> tuple[Any, ...]:
        """In the order of the contract's struct."""
        return (
            self.token,
            self.to,
            sum(each.amount for each in self.entries),
            keccak256(self.packed),
            self.reserves,
            self.observed_at,
            self.expires_at,
        )

    def digest(self, chain_id: int, registry: str) -> bytes:
        """EIP-712 digest, as ``statementDigest`` of the contract computes it."""
        types = ["bytes32", "address", "address", "uint64", "bytes32", "uint64", "uint64", "uint64"]
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


def _keyed(key: bytes, *parts: str) -> bytes:
    return hmac.digest(key, "|".join(parts).encode(), "sha256")


def reserves_claim(needed: int, custody: int) -> int:
    """What attesters are asked to confirm as custody at least, in token units.

    ``needed`` is the supply with this mint and every other that is on its way. The claim is that and half
    of what custody holds beyond: payouts that are under way meanwhile may use the other half without making
    a true statement false. ``custody`` is the float as our books have it.
    """
    return needed + max(custody - needed, 0) // 2


@dataclass(frozen=True, slots=True)
class StatementRequest:
    """What an attester is asked to look at and sign: a statement, and what is behind each of its entries."""

    id: int
    token: Currency
    mints: tuple[Mint, ...]  # one for each entry, in their order
    statement: Statement
