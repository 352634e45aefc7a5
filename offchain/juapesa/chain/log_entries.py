"""The registry's `Appended` event as the entries it stands for, and their bytes in the log.

Layouts are those that contracts/interfaces/IAttestationRegistry.sol documents.
"""

from dataclasses import dataclass
from enum import IntEnum

LEAF_VERSION = 2
ENTRY_BYTES = 40  # amount u64, receipt 32


class EntryKind(IntEnum):
    """What an entry of the log says."""

    MINT = 1
    BURN = 2
    CUSTODY_IN = 3
    CUSTODY_OUT = 4
    RESERVES = 5


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. ``amount`` is signed for mints (> 0) and burns (< 0); base units of the token."""

    index: int
    kind: EntryKind
    token: str  # 0x address
    amount: int
    supply_after: int
    receipt: bytes
    statement_id: bytes
    actor: str
    time: int

    @property
    def delta(self) -> int:
        """By how much the supply changed."""
        return self.amount if self.kind in {EntryKind.MINT, EntryKind.BURN} else 0

    def encoded(self, chain_id: int) -> bytes:
        """The 146 bytes whose leaf hash (RFC 9162 section 2.1.1) is in the log."""
        return (
            bytes([LEAF_VERSION, self.kind])
            + self.index.to_bytes(8, "big")
            + chain_id.to_bytes(8, "big")
            + bytes.fromhex(self.token[2:])
            + self.amount.to_bytes(8, "big", signed=True)
            + self.supply_after.to_bytes(8, "big")
            + self.receipt
            + self.statement_id
            + bytes.fromhex(self.actor[2:])
            + self.time.to_bytes(8, "big")
        )


def entries(
    first_index: int,
    token: str,
    kind: int,
    supply_before: int,
    statement_id: bytes,
    actor: str,
    time: int,
    packed: bytes,
) -> list[Entry]:
    """The entries of one event, its values in their order.

    Raises ValueError when they cannot be: an unknown kind, torn bytes, a supply below zero.
    """
    said = EntryKind(kind)
    if not packed or len(packed) % ENTRY_BYTES:
        raise ValueError("torn entries")
    found, supply = [], supply_before
    for place, at in enumerate(range(0, len(packed), ENTRY_BYTES)):
        units = int.from_bytes(packed[at : at + 8], "big")
        amount = -units if said is EntryKind.BURN else units
        if said in {EntryKind.MINT, EntryKind.BURN}:
            supply += amount
        if not 0 <= supply < 2**63 or units >= 2**63:
            raise ValueError("an impossible amount")
        receipt = packed[at + 8 : at + ENTRY_BYTES]
        found.append(
            Entry(first_index + place, said, token, amount, supply, receipt, statement_id, actor, time)
        )
    return found
