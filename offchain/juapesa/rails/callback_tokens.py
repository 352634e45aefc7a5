"""Unguessable addresses for operators' callbacks.

Operators do not sign their callbacks. The address of each one therefore carries a token that
only we can make: ``{public_url}/callbacks/{rail}/{kind}/{reference}/{token}``.
"""

import hashlib
import hmac
import re

from juapesa.errors import InvalidInput

TOKEN_CHARACTERS = 32  # 128 bits

_PART = re.compile(r"[A-Za-z0-9._~-]{1,64}", re.ASCII)


class CallbackUrls:
    """Makes and verifies callback addresses. ``key`` is secret, 32 bytes."""

    def __init__(self, key: bytes, public_url: str) -> None:
        self._key = key
        self._base = public_url.rstrip("/")

    def make(self, rail: str, kind: str, reference: str) -> str:
        """The complete address for one order and one kind of callback.

        Raises InvalidInput when a part could not stand in a path as it is.
        """
        return f"{self._base}/callbacks/{rail}/{kind}/{reference}/{self.token(rail, kind, reference)}"

    def token(self, rail: str, kind: str, reference: str) -> str:
        """The last part of the address: 32 lower-case hex digits."""
        parts = (rail, kind, reference)
        if not all(_PART.fullmatch(part) for part in parts):
            raise InvalidInput("A callback address takes letters, digits and . _ ~ - only.")
        # No part can hold the separator, so two different triples never give one message.
        message = "|".join(parts).encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()[:TOKEN_CHARACTERS]

    def verify(self, rail: str, kind: str, reference: str, token: str) -> bool:
        """Whether we made this address; takes the same time whatever the token."""
        try:
            expected = self.token(rail, kind, reference)
        except InvalidInput:
            return False
        return hmac.compare_digest(expected.encode(), token.encode())
