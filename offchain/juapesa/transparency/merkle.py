"""The Merkle tree of RFC 9162 section 2.1, over SHA-256: roots, proofs and their verification.

Written from the RFC alone, so that it checks the contract instead of repeating it. ``root`` and the
proofs follow the recursive definitions; ``Peaks`` gives the same root one leaf at a time.
"""

import hashlib
from collections.abc import Sequence

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """Hash of a log entry: SHA-256(0x00 ‖ entry)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node: SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Merkle Tree Hash of leaf hashes (section 2.1.1)."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    split = _split(len(leaves))
    return node_hash(root(leaves[:split]), root(leaves[split:]))


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """PATH(index, leaves) of section 2.1.3.1, nearest node first."""
    if not 0 <= index < len(leaves):
        raise ValueError("no such leaf")
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*inclusion_proof(leaves[:split], index), root(leaves[split:])]
    return [*inclusion_proof(leaves[split:], index - split), root(leaves[:split])]


def includes(leaf: bytes, index: int, size: int, proof: Sequence[bytes], claimed_root: bytes) -> bool:
    """Whether the proof shows the leaf at ``index`` in the tree of ``size`` (section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    position, last, found = index, size - 1, leaf
    for node in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            found = node_hash(node, found)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            found = node_hash(found, node)
        position, last = position >> 1, last >> 1
    return last == 0 and found == claimed_root


def consistency_proof(leaves: Sequence[bytes], earlier: int) -> list[bytes]:
    """PROOF(earlier, leaves) of section 2.1.4.1: the first ``earlier`` leaves are still its beginning."""
    if not 0 < earlier <= len(leaves):
        raise ValueError("the earlier size is between 1 and the present one")
    return _subproof(leaves, earlier, whole=True)


def consistent(earlier: int, size: int, earlier_root: bytes, now: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows that the tree of ``size`` extends the one of ``earlier`` (section 2.1.4.2)."""
    if not 0 < earlier <= size:
        return False
    if earlier == size:
        return not proof and earlier_root == now
    path = list(proof)
    if earlier & (earlier - 1) == 0:
        path.insert(0, earlier_root)
    if not path:
        return False
    position, last = earlier - 1, size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    was = is_now = path[0]
    for node in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            was, is_now = node_hash(node, was), node_hash(node, is_now)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            is_now = node_hash(is_now, node)
        position, last = position >> 1, last >> 1
    return last == 0 and was == earlier_root and is_now == now


class Peaks:
    """A growing log that keeps only the roots of its complete subtrees."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []  # largest subtree first

    def append(self, leaf: bytes) -> None:
        """Add a leaf hash."""
        carried, node = self.size, leaf
        while carried & 1:
            node = node_hash(self._peaks.pop(), node)
            carried >>= 1
        self._peaks.append(node)
        self.size += 1

    def root(self) -> bytes:
        """Merkle Tree Hash of everything so far."""
        if not self._peaks:
            return EMPTY_ROOT
        found = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            found = node_hash(peak, found)
        return found


def _split(count: int) -> int:
    """The largest power of two below ``count``."""
    return 1 << (count - 1).bit_length() - 1


def _subproof(leaves: Sequence[bytes], earlier: int, *, whole: bool) -> list[bytes]:
    if earlier == len(leaves):
        return [] if whole else [root(leaves)]
    split = _split(len(leaves))
    if earlier <= split:
        return [*_subproof(leaves[:split], earlier, whole=whole), root(leaves[split:])]
    return [*_subproof(leaves[split:], earlier - split, whole=False), root(leaves[:split])]
