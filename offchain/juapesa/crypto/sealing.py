"""Sealed values, and blind indexes to find them by.

A sealed value is ``format (1 byte) ‖ key version (2) ‖ nonce (12) ‖ AES-256-GCM ciphertext``.
Header and context are authenticated: a value copied into another column or row does not open.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from juapesa.crypto.errors import CannotOpen

FORMAT = 1
HEADER_BYTES = 3
NONCE_BYTES = 12  # random: safe for 2**32 values under one key (NIST SP 800-38D, 8.3)
TAG_BYTES = 16
KEY_BYTES = 32


class Sealer:
    """Seals with the newest key, opens with any that it was given.

    ``key`` is 32 bytes and has number ``version``; ``older`` holds retired keys by number.
    """

    def __init__(self, key: bytes, *, version: int = 1, older: Mapping[int, bytes] | None = None) -> None:
        keys = {**(older or {}), version: key}
        assert all(len(each) == KEY_BYTES for each in keys.values()), "keys are 32 bytes"
        self._ciphers = {number: AESGCM(each) for number, each in keys.items()}
        self._header = bytes([FORMAT]) + version.to_bytes(2)

    def seal(self, plain: bytes, context: str) -> bytes:
        """Encrypt; ``context`` says what and whose it is (``wallet.phone:17``)."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        cipher = self._ciphers[int.from_bytes(self._header[1:])]
        return self._header + nonce + cipher.encrypt(nonce, plain, self._header + context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """Decrypt what was sealed in this very context. Raises CannotOpen."""
        header, nonce = sealed[:HEADER_BYTES], sealed[HEADER_BYTES : HEADER_BYTES + NONCE_BYTES]
        cipher = self._ciphers.get(int.from_bytes(header[1:]))
        if len(sealed) < HEADER_BYTES + NONCE_BYTES + TAG_BYTES or header[0] != FORMAT or cipher is None:
            raise CannotOpen("The value is not in our sealed format or its key is not at hand.")
        try:
            return cipher.decrypt(nonce, sealed[HEADER_BYTES + NONCE_BYTES :], header + context.encode())
        except InvalidTag:
            raise CannotOpen("The sealed value was changed or belongs elsewhere.") from None


def blind_index(key: bytes, text: str) -> bytes:
    """A keyed fingerprint (32 bytes): equal texts have equal ones, and without the key none can be guessed.

    HMAC-SHA-256, so that a table of all phone numbers reverses nothing.
    """
    assert len(key) >= KEY_BYTES, "keys are 32 bytes"
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
