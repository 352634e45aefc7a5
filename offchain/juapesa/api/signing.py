"""How a program signs a request. Pure; an integrator's own code does the same in ten lines.

``Authorization: Jua-HMAC-SHA256 <client>:<unix seconds>:<nonce>:<signature>``, where the signature is
the HMAC-SHA256, in hex, of six lines joined by a line feed: seconds, nonce, method, path with its query,
Idempotency-Key (or nothing), SHA-256 of the body in hex.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass

from juapesa.api.errors import NotAuthenticated

SCHEME = "Jua-HMAC-SHA256"
CLOCK_SKEW_SECONDS_MAX = 60

_SIGNED = re.compile(r"([a-z0-9_]{4,40}):([0-9]{10}):([A-Za-z0-9_-]{8,64}):([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Message:
    """What is signed, as it travels; ``target`` is the path with its query."""

    method: str
    target: str
    key: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Signature:
    """A header, taken apart."""

    client: str
    seconds: int
    nonce: str
    mac: str


def authorization(client: str, secret: str, message: Message, seconds: int, nonce: str) -> str:
    """The header's value for this message."""
    return f"{SCHEME} {client}:{seconds}:{nonce}:{_mac(secret, message, seconds, nonce)}"


def read(text: str) -> Signature:
    """Take apart what follows the scheme. Raises NotAuthenticated."""
    found = _SIGNED.fullmatch(text)
    if found is None:
        raise NotAuthenticated(f"Sign the request: {SCHEME} client:seconds:nonce:signature.")
    return Signature(found[1], int(found[2]), found[3], found[4])


def is_genuine(signature: Signature, secret: str, message: Message) -> bool:
    """Whether the owner of ``secret`` signed this very message."""
    expected = _mac(secret, message, signature.seconds, signature.nonce)
    return hmac.compare_digest(expected, signature.mac)


def _mac(secret: str, message: Message, seconds: int, nonce: str) -> str:
    body_hash = hashlib.sha256(message.body).hexdigest()
    lines = (str(seconds), nonce, message.method, message.target, message.key, body_hash)
    return hmac.new(secret.encode(), "\n".join(lines).encode(), hashlib.sha256).hexdigest()
