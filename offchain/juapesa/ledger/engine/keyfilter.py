"""Which keys were surely never used: a Bloom filter (Bloom, 1970) over digests, which are random already.

Four bits stand for a key. With sixteen bits of room for each, one stranger in 400 seems to be known.
"""

import struct
from collections.abc import Collection, Sequence

FIRST_BITS = 1 << 23  # 1 MB, half a million keys
GROWTH = 8
BITS_MAX = 1 << 32  # a place is told by 32 bits of the digest
ROOM_BITS = 16
_places = struct.Struct(">4I").unpack


class KeyFilter:
    """Grows by a larger table whenever the last one is full. Forgets nothing."""

    def __init__(self, *, first_bits: int = FIRST_BITS) -> None:
        self._bits = first_bits
        self._tables: list[tuple[bytearray, int]] = []  # the newest first, each with its mask
        self._room = 0

    def add(self, digests: Collection[bytes]) -> None:
        """Remember keys, given as 16 random bytes each."""
        if not digests:
            return
        if self._room <= 0:
            self._grow()
        self._room -= len(digests)
        table, mask = self._tables[0]
        for digest in digests:
            for word in _places(digest):
                place = word & mask
                table[place >> 3] |= 1 << (place & 7)

    def suspects(self, digests: Sequence[bytes]) -> list[bytes]:
        """Those that may have been added; all that were, and a few more."""
        found = []
        for digest in digests:
            one, two, three, four = _places(digest)
            for table, mask in self._tables:
                place = one & mask
                if not table[place >> 3] >> (place & 7) & 1:
                    continue
                place = two & mask
                if not table[place >> 3] >> (place & 7) & 1:
                    continue
                place = three & mask
                if not table[place >> 3] >> (place & 7) & 1:
                    continue
                place = four & mask
                if table[place >> 3] >> (place & 7) & 1:
                    found.append(digest)
                    break
        return found

    def _grow(self) -> None:
        self._tables.insert(0, (bytearray(self._bits >> 3), self._bits - 1))
        self._room = self._bits // ROOM_BITS
        self._bits = min(self._bits * GROWTH, BITS_MAX)
