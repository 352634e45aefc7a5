"""PINs: what is accepted, and how they are kept.

A PIN has 10,000 values, so no hash alone protects it: what is hashed is a keyed digest of
person and PIN, and the key lies in the keystore. argon2id then slows whoever has both.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from juapesa.wallet.errors import WeakPin

_FOUR_DIGITS = re.compile(r"[0-9]{4}", re.ASCII)
_STEPS = (0, 1, 9)  # from digit to digit, modulo ten: same, up, down

# About 5 ms on one core: a hop must answer in 100 ms.
ARGON2_PASSES = 1
ARGON2_MEMORY_KIB = 4096


@dataclass(frozen=True, slots=True)
class PinPolicy:
    """After ``tries_max`` wrong tries the PIN is locked, each time twice as long up to the maximum.

    A right PIN starts the count anew.
    """

    tries_max: int = 3
    lock_seconds: int = 900
    lock_seconds_max: int = 86_400

    def lock_time(self, lockouts_before: int) -> timedelta:
        """How long the next lock lasts."""
        seconds = self.lock_seconds * 2 ** min(lockouts_before, 20)
        return timedelta(seconds=min(seconds, self.lock_seconds_max))


def require_strong(pin: str) -> None:
    """Raises WeakPin for anything but four digits, and for 0000, 1234, 9876 and their like."""
    if _FOUR_DIGITS.fullmatch(pin) is None:
        raise WeakPin("A PIN has 4 digits.")
    if any(all((int(b) - int(a)) % 10 == step for a, b in pairwise(pin)) for step in _STEPS):
        raise WeakPin("That PIN is too easy to guess. Choose another.")


class PinHasher:
    """Hashes with ``pepper``, 32 bytes from the keystore."""

    def __init__(self, pepper: bytes) -> None:
        self._pepper = pepper

    def hash(self, person_id: int, pin: str) -> str:
        """What to store; different each time."""
        from argon2.low_level import Type, hash_secret  # noqa: PLC0415

        return hash_secret(
            self._digest(person_id, pin),
            secrets.token_bytes(16),
            time_cost=ARGON2_PASSES,
            memory_cost=ARGON2_MEMORY_KIB,
            parallelism=1,
            hash_len=32,
            type=Type.ID,
        ).decode()

    def matches(self, stored: str, person_id: int, pin: str) -> bool:
        """Whether it is that person's PIN."""
        from argon2.exceptions import VerifyMismatchError  # noqa: PLC0415
        from argon2.low_level import Type, verify_secret  # noqa: PLC0415

        try:
            return verify_secret(stored.encode(), self._digest(person_id, pin), Type.ID)
        except VerifyMismatchError:
            return False

    def _digest(self, person_id: int, pin: str) -> bytes:
        return hmac.new(self._pepper, f"{person_id}|{pin}".encode(), hashlib.sha256).digest()
