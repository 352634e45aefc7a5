"""SHA-256 for short messages, by whichever implementation is quicker here with messages of that length.

A transfer takes three hashes of 20 to 160 bytes. The interpreter's own code spares what OpenSSL sets up for
each call; OpenSSL uses the processor's own instructions, where there are any, and wins with longer messages.
"""

import time
from collections.abc import Callable
from importlib import import_module
from typing import Protocol

_PLACES = ("_sha256", "_sha2", "hashlib")  # Python 3.11, from 3.12 on, any
_NODE_BYTES, _ROW_BYTES = 65, 160
_TRIES, _HASHES = 5, 50  # under a millisecond, once


class Hash(Protocol):
    """As ``hashlib`` makes them."""

    def digest(self) -> bytes: ...


Sha256 = Callable[[bytes], Hash]


def _found() -> list[Sha256]:
    found: list[Sha256] = []
    for place in _PLACES:
        try:
            found.append(import_module(place).sha256)
        except ImportError:
            continue
    return found


def _seconds(candidate: Sha256, message: bytes) -> float:
    """The best of a few tries: others may be at work meanwhile."""
    tries = []
    for _ in range(_TRIES):
        began = time.perf_counter()
        for _ in range(_HASHES):
            candidate(message).digest()
        tries.append(time.perf_counter() - began)
    return min(tries)


def _quickest(length: int) -> Sha256:
    message = bytes(length)
    return min(_found(), key=lambda candidate: _seconds(candidate, message))


sha256 = _quickest(_NODE_BYTES)  # keys, and nodes of trees
sha256_of_row = _quickest(_ROW_BYTES)
