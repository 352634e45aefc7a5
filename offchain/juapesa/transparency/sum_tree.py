"""A Merkle tree whose nodes also carry sums: whoever finds their leaf in it knows they are in the total.

A node's hash covers both children's hashes *and* sums, so no sum can be told differently to two
people. Leaf: SHA-256(0x00 ‖ customer ‖ amounts); node: SHA-256(0x01 ‖ left hash ‖ left sums ‖ right
hash ‖ right sums); each amount is 8 bytes, big-endian. A node without a neighbour moves up unchanged.
"""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

AMOUNT_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Node:
    """A hash and, per currency, the sum of everything below it, in minor units."""

    digest: bytes
    sums: tuple[int, ...]


def leaf(customer: bytes, amounts: Sequence[int]) -> Node:
    """The leaf of a customer, who is named by 32 bytes that only they and we can compute."""
    return Node(hashlib.sha256(b"\x00" + customer + _packed(amounts)).digest(), tuple(amounts))


def parent(left: Node, right: Node) -> Node:
    """The node above two."""
    image = b"\x01" + left.digest + _packed(left.sums) + right.digest + _packed(right.sums)
    sums = tuple(one + other for one, other in zip(left.sums, right.sums, strict=True))
    return Node(hashlib.sha256(image).digest(), sums)


def root(leaves: Sequence[Node]) -> Node:
    """The root of at least one leaf."""
    level = list(leaves)
    while len(level) > 1:
        level = _above(level)
    return level[0]


def path(leaves: Sequence[Node], index: int) -> list[Node]:
    """The neighbours on the way from a leaf to the root, nearest first."""
    found: list[Node] = []
    level = list(leaves)
    while len(level) > 1:
        neighbour = index ^ 1
        if neighbour < len(level):
            found.append(level[neighbour])
        level, index = _above(level), index >> 1
    return found


def includes(found: Node, index: int, count: int, neighbours: Sequence[Node], claimed: Node) -> bool:
    """Whether the leaf at ``index`` of ``count`` is counted in the claimed root, and no sum is negative."""
    if not 0 <= index < count:
        return False
    remaining = list(neighbours)
    last = count - 1
    while last:
        if index != last or index & 1:
            if not remaining:
                return False
            neighbour = remaining.pop(0)
            if not all(0 <= each <= AMOUNT_MAX for each in (*found.sums, *neighbour.sums)):
                return False
            if len(neighbour.sums) != len(found.sums):
                return False
            found = parent(neighbour, found) if index & 1 else parent(found, neighbour)
        index, last = index >> 1, last >> 1
    return not remaining and found == claimed


def _above(level: Sequence[Node]) -> list[Node]:
    pairs = [parent(left, right) for left, right in list(pairwise(level))[::2]]
    return [*pairs, level[-1]] if len(level) & 1 else pairs


def _packed(amounts: Sequence[int]) -> bytes:
    return struct.pack(f">{len(amounts)}q", *amounts)
