"""The keys used lately, so that most new orders need no look-up."""

from collections.abc import Iterable

RECENT_KEYS = 200_000  # in each of two generations: about 40 MB


class Recent:
    """Digests of keys used lately, in two generations; ``since`` is the id from which it knows all."""

    def __init__(self, *, since: int = 0, keys_max: int = RECENT_KEYS) -> None:
        self.since = since
        self.young: set[bytes] = set()
        self.old: set[bytes] = set()
        self._max = keys_max
        self._young_since = since

    def __contains__(self, digest: bytes) -> bool:
        return digest in self.young or digest in self.old

    def add(self, digests: Iterable[bytes], first_row: int) -> None:
        """Remember the keys of ``first_row`` and of later rows; the oldest make room."""
        if len(self.young) >= self._max:
            self.old, self.since = self.young, self._young_since
            self.young, self._young_since = set(), first_row
        self.young.update(digests)
