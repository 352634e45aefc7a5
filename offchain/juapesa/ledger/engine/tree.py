"""Hashes over rows: a Merkle tree per batch (RFC 9162, section 2.1) and a chain over the batches.

A row's leaf is SHA-256(0x00 ‖ the row as PostgreSQL's binary COPY writes it), so the bytes that are
stored are the bytes that are hashed. Built level by level for speed; ``juapesa.transparency.merkle``
says the same tree the way the RFC does and checks the proofs.
"""

import struct
from collections.abc import Iterable, Sequence

from juapesa.ledger.engine.sha import sha256, sha256_of_row

GENESIS = bytes(32)
MARK_BYTES = 4  # of every leaf kept beside the root, so that a changed row is named and not only noticed
_HEAD = struct.Struct(">qi")


def leaf_of(image: bytes) -> bytes:
    """The leaf hash of a row's image."""
    return sha256_of_row(b"\x00" + image).digest()


def leaves_of(images: Iterable[bytes]) -> list[bytes]:
    """The leaf hashes of many, without a call for each."""
    return [sha256_of_row(b"\x00" + image).digest() for image in images]


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root of at least one leaf. A node without a neighbour moves up unchanged, as in the RFC."""
    level = list(leaves)
    while len(level) > 1:
        pairs = iter(level)
        above = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=False)]
        if len(level) & 1:
            above.append(level[-1])
        level = above
    return level[0]


def path_of(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The inclusion proof of a leaf, nearest node first."""
    path: list[bytes] = []
    level = list(leaves)
    while len(level) > 1:
        neighbour = index ^ 1
        if neighbour < len(level):
            path.append(level[neighbour])
        level = [root_of(level[place : place + 2]) for place in range(0, len(level), 2)]
        index >>= 1
    return path


def link(before: bytes, number: int, count: int, root: bytes) -> bytes:
    """The chain's value after a batch: SHA-256(0x02 ‖ value before ‖ number ‖ count of leaves ‖ root)."""
    return sha256(b"\x02" + before + _HEAD.pack(number, count) + root).digest()
