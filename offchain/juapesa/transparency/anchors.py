"""What we write into a topic of Hedera's consensus service, so that it can never be said otherwise later.

A message is one JSON object in its only form: keys in alphabetical order, no spaces, ASCII, hashes in
lower-case hexadecimal. ``v`` is 1. Of the rest it has what is new, at least one:

* ``ledger``: ``batch``, the number of the ledger's last batch, and ``chain``, the chain's value after it
  (32 bytes; ``ledger/engine/tree.py`` says how it is made);
* ``liabilities``: ``statement``, the number of a statement of what customers are owed, and its ``root``;
* ``log``: ``size`` and ``root`` of the attestation log (RFC 9162) of the ``registry`` on chain ``chain_id``.

Numbers of each kind only rise from message to message. Hashes and counts only: nothing about any person.
"""

import json
from dataclasses import dataclass
from typing import Any, Self

VERSION = 1
MESSAGE_BYTES_MAX = 1_024  # of the consensus service, for a message in one piece
HASH_BYTES = 32
NUMBER_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The attestation log when it had ``size`` entries. ``registry``: 0x and 40 lower-case digits."""

    chain_id: int
    registry: str
    size: int
    root: bytes

    def to_json(self) -> dict[str, Any]:
        return {
            "chain_id": self.chain_id,
            "registry": self.registry,
            "root": self.root.hex(),
            "size": self.size,
        }

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Self:
        registry = said["registry"]
        bytes.fromhex(registry.removeprefix("0x"))
        return cls(_number(said["chain_id"]), registry, _number(said["size"]), _hash(said["root"]))


@dataclass(frozen=True, slots=True)
class LedgerHead:
    """The ledger's chain of batches after number ``batch``."""

    batch: int
    chain: bytes

    def to_json(self) -> dict[str, Any]:
        return {"batch": self.batch, "chain": self.chain.hex()}

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Self:
        return cls(_number(said["batch"]), _hash(said["chain"]))


@dataclass(frozen=True, slots=True)
class LiabilitiesRoot:
    """The root of a statement of liabilities."""

    statement: int
    root: bytes

    def to_json(self) -> dict[str, Any]:
        return {"root": self.root.hex(), "statement": self.statement}

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Self:
        return cls(_number(said["statement"]), _hash(said["root"]))


@dataclass(frozen=True, slots=True)
class Anchor:
    """One message; at least one of the three is there."""

    log: Checkpoint | None = None
    ledger: LedgerHead | None = None
    liabilities: LiabilitiesRoot | None = None

    def __bool__(self) -> bool:
        return bool(self.log or self.ledger or self.liabilities)

    def encode(self) -> bytes:
        """The message's bytes."""
        assert self, "an anchor without content says nothing"
        parts = {"ledger": self.ledger, "liabilities": self.liabilities, "log": self.log}
        said = {name: part.to_json() for name, part in parts.items() if part is not None}
        message = json.dumps({**said, "v": VERSION}, sort_keys=True, separators=(",", ":")).encode()
        assert len(message) <= MESSAGE_BYTES_MAX
        return message

    @classmethod
    def decode(cls, message: bytes) -> Self:
        """Read a message. Raises ValueError for anything but an anchor in its only form."""
        try:
            said = json.loads(message)
            read = cls(
                log=Checkpoint.from_json(said["log"]) if "log" in said else None,
                ledger=LedgerHead.from_json(said["ledger"]) if "ledger" in said else None,
                liabilities=LiabilitiesRoot.from_json(said["liabilities"]) if "liabilities" in said else None,
            )
        except (TypeError, KeyError, AttributeError, RecursionError) as fault:
            raise ValueError("no anchor") from fault
        if not read or read.encode() != message:
            raise ValueError("not in its only form")
        return read


def _number(said: Any) -> int:
    if type(said) is not int or not 0 <= said <= NUMBER_MAX:
        raise ValueError("not a number")
    return said


def _hash(said: Any) -> bytes:
    found = bytes.fromhex(said)
    if len(found) != HASH_BYTES:
        raise ValueError("not a hash")
    return found
