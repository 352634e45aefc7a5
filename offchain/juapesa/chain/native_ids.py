"""Names of the native API: entities 0.0.N, and transactions by who pays and from when they are valid.

A transaction's id is chosen by who sends it, and the network takes an id once: what is sent again under
it, to whichever node, is a duplicate. Source: hedera-docs native/transactions.
"""

from dataclasses import dataclass
from typing import Self

from juapesa.errors import InvalidInput

NANOS = 10**9
VALID_SECONDS = 120
# A node refuses a valid time that begins in its future, and its clock may be behind ours.
BACKDATED_SECONDS = 5


class NotAnEntity(InvalidInput):
    """An account or a topic is written 0.0.N."""

    slug = "not-an-entity"


@dataclass(frozen=True, slots=True)
class TransactionId:
    """Who pays, and from when it is valid (nanoseconds since 1970)."""

    payer: int
    valid_start: int

    def __str__(self) -> str:
        """As in the mirror node's addresses."""
        seconds, nanos = divmod(self.valid_start, NANOS)
        return f"0.0.{self.payer}-{seconds}-{nanos:09d}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``str`` gives."""
        payer, seconds, nanos = text.split("-")
        return cls(entity_number(payer), int(seconds) * NANOS + int(nanos))

    @property
    def valid_until(self) -> int:
        """From this instant on no node takes it any more (nanoseconds since 1970)."""
        return self.valid_start + VALID_SECONDS * NANOS


def entity_number(text: str) -> int:
    """The number of ``0.0.N``. Raises NotAnEntity."""
    shard, _, number = text.rpartition(".")
    if shard != "0.0" or not (number.isascii() and number.isdecimal()):
        raise NotAnEntity(f"{text[:40]!r} is not an account or topic; write 0.0.N.")
    return int(number)
