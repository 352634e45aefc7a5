"""The keys used lately, exactly, and all keys roughly, so that new orders need no look-up."""

from collections.abc import Collection, Sequence

from juapesa.ledger.engine.keyfilter import KeyFilter

RECENT_KEYS = 200_000  # in each of two generations: about 40 MB


class Recent:
    """Digests of keys used lately, in two generations; ``since`` is the id from which it knows all.

    Beside them a filter of all keys. It begins empty and is told those of rows before its start bit by bit:
    ``filtered`` is the id from which it knows all. Only with 0 can it say of a key that it is new.
    """

    def __init__(self, *, since: int = 0, filtered: int = 0, keys_max: int = RECENT_KEYS) -> None:
        self.since = since
        self.filtered = filtered
        self.young: set[bytes] = set()
        self.old: set[bytes] = set()
        self._filter = KeyFilter()
        self._max = keys_max
        self._young_since = since

    def __contains__(self, digest: bytes) -> bool:
        return digest in self.young or digest in self.old

    def suspects(self, digests: Sequence[bytes]) -> Sequence[bytes]:
        """Those that may have been used at any time."""
        return self._filter.suspects(digests) if self.filtered == 0 else digests

    def add(self, digests: Collection[bytes], first_row: int) -> None:
        """Remember the keys of ``first_row`` and of later rows; the oldest make room."""
        if len(self.young) >= self._max:
            self.old, self.since = self.young, self._young_since
            self.young, self._young_since = set(), first_row
        self.young.update(digests)
        self._filter.add(digests)

    def add_older(self, digests: Collection[bytes], filtered: int) -> None:
        """Tell the filter the keys before those that it knows; it knows all from ``filtered`` on then."""
        self._filter.add(digests)
        self.filtered = filtered
