"""What seals a batch of rows: hashes over their images, and over the accounts and codes they first use."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from juapesa.ledger.engine.tree import GENESIS, MARK_BYTES, leaves_of, link, root_of


@dataclass(frozen=True, slots=True)
class Head:
    """The last batch: its number and the chain's value after it."""

    number: int = 0
    chain: bytes = GENESIS


@dataclass(frozen=True, slots=True)
class Seal:
    """A row of ``book.batches``: the batch's number, its first and last row, and its hashes."""

    number: int
    first_id: int
    last_id: int
    leaves: int
    root: bytes
    chain: bytes
    marks: bytes

    @property
    def head(self) -> Head:
        return Head(self.number, self.chain)


def seal(head: Head, images: Sequence[bytes], others: Sequence[bytes]) -> Seal:
    """The next batch after ``head``: images of rows in order, then of ``others`` (accounts, codes)."""
    leaves = leaves_of(images) + leaves_of(others)
    root, number = root_of(leaves), head.number + 1
    return Seal(
        number,
        row_id(images[0]),
        row_id(images[-1]),
        len(leaves),
        root,
        link(head.chain, number, len(leaves), root),
        b"".join([leaf[:MARK_BYTES] for leaf in leaves]),
    )


def row_id(image: bytes) -> int:
    """The id of the row that this is the image of."""
    return int.from_bytes(image[6:14], "big")


def account_image(
    number: int, side: int, floor: int, ceiling: int, kind: str, owner: str, currency: str
) -> bytes:
    """What is hashed of an account: id, side, floor, ceiling, then kind, owner and currency with lengths."""
    numbers = struct.pack(">qhqq", number, side, floor, ceiling)
    return numbers + b"".join(_sized(text) for text in (kind, owner, currency))


def code_image(number: int, code: str) -> bytes:
    """What is hashed of a code: its number and its text with its length."""
    return struct.pack(">h", number) + _sized(code)


def _sized(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">i", len(data)) + data
