"""How an attester proves who it is at our desk, and what travels between us. Pure.

A request carries ``Authorization: Attester <address> <unix seconds> <signature>``; the signature is
over Keccak-256 of ``juapesa attester desk|METHOD|path|seconds|sha256(body)``. There is no shared
secret, and a captured header is good for one request and one minute only.
"""

import hashlib
import re
import uuid
from typing import Any

from juapesa.crypto import BadSignature, Signer, keccak256, recover_address
from juapesa.errors import InvalidInput, NotAllowed
from juapesa.issuance.domain import Mint, Source, Statement, StatementRequest
from juapesa.money import Money, currency

CLOCK_SKEW_SECONDS_MAX = 60
TEXT_CHARACTERS_MAX = 200

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_WORD = re.compile(r"0x[0-9a-fA-F]{64}", re.ASCII)


def authorization(signer: Signer, method: str, path: str, body: bytes, now: int) -> str:
    """The header's value."""
    signature = signer.sign_digest(_digest(method, path, body, now))
    return f"Attester {signer.address} {now} {signature.hex()}"


def authenticate(header: str | None, method: str, path: str, body: bytes, now: int) -> str:
    """The address of who signed the request. Raises NotAllowed."""
    try:
        scheme, address, at, signature = (header or "").split(" ")
        seconds, signed = int(at), bytes.fromhex(signature)
    except ValueError:
        raise NotAllowed(
            "Sign your request: Authorization: Attester <address> <seconds> <signature>."
        ) from None
    if scheme != "Attester" or abs(seconds - now) > CLOCK_SKEW_SECONDS_MAX:
        raise NotAllowed("The request is not signed now; check your clock.")
    try:
        signer = recover_address(_digest(method, path, body, seconds), signed)
    except BadSignature as bad:
        raise NotAllowed(bad.detail) from None
    if signer != address.lower():
        raise NotAllowed("The signature is not by this address.")
    return signer


def _digest(method: str, path: str, body: bytes, seconds: int) -> bytes:
    line = f"juapesa attester desk|{method}|{path}|{seconds}|{hashlib.sha256(body).hexdigest()}"
    return keccak256(line.encode())


def request_json(request: StatementRequest) -> dict[str, Any]:
    """A statement request as it travels. Holds no phone number."""
    mint, statement = request.mint, request.statement
    return {
        "item": str(request.item_id),
        "token": request.token.code,
        "source": mint.source,
        "rail": mint.rail,
        "reference": mint.reference,
        "receipt": mint.receipt,
        "statement": {
            "token": statement.token,
            "to": statement.to,
            "number": statement.number,
            "amount": statement.amount,
            "receipt": "0x" + statement.receipt_hash.hex(),
            "reserves": statement.reserves,
            "observedAt": statement.observed_at,
            "expiresAt": statement.expires_at,
        },
    }


def read_request(found: Any) -> StatementRequest:
    """A statement request as it arrived; every field has its type and size. Raises InvalidInput."""
    try:
        stated, token = found["statement"], currency(_text(found["token"]))
        amount = _unsigned(stated["amount"])
        return StatementRequest(
            item_id=uuid.UUID(_text(found["item"])),
            token=token,
            mint=Mint(
                Money(amount, token),
                Source(found["source"]),
                _text(found["rail"]),
                _text(found["reference"]),
                _text(found["receipt"]),
            ),
            statement=Statement(
                token=_address(stated["token"]),
                to=_address(stated["to"]),
                number=_unsigned(stated["number"]),
                amount=amount,
                receipt_hash=_word(stated["receipt"]),
                reserves=_unsigned(stated["reserves"]),
                observed_at=_unsigned(stated["observedAt"]),
                expires_at=_unsigned(stated["expiresAt"]),
            ),
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise InvalidInput(f"This is no statement request: {type(problem).__name__}.") from None


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > TEXT_CHARACTERS_MAX:
        raise ValueError("no short text")
    return value


def _unsigned(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**64:
        raise ValueError("no uint64")
    return value


def _address(value: Any) -> str:
    if not _ADDRESS.fullmatch(_text(value)):
        raise ValueError("no address")
    return str(value)


def _word(value: Any) -> bytes:
    if not _WORD.fullmatch(_text(value)):
        raise ValueError("no 32 bytes")
    return bytes.fromhex(value[2:])
