"""How an attester proves who it is at our desk, and what travels between us. Pure.

A request carries ``Authorization: Attester <address> <unix seconds> <signature>``; the signature is
over Keccak-256 of ``juapesa attester desk|METHOD|path|seconds|sha256(body)``. There is no shared
secret, and a captured header is good for one request and one minute only.
"""

import hashlib
import re
from typing import Any

from juapesa.crypto import BadSignature, Signer, keccak256, recover_address
from juapesa.errors import InvalidInput, NotAllowed
from juapesa.issuance.domain import Mint, Source
from juapesa.issuance.statements import ENTRIES_MAX, Entry, Statement, StatementRequest
from juapesa.money import Currency, Money, currency

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
    statement = request.statement
    return {
        "statement": request.id,
        "token": request.token.code,
        "tokenAddress": statement.token,
        "to": statement.to,
        "reserves": statement.reserves,
        "observedAt": statement.observed_at,
        "expiresAt": statement.expires_at,
        "entries": [
            {
                "number": entry.number,
                "amount": entry.amount,
                "receiptHash": "0x" + entry.receipt_hash.hex(),
                "source": mint.source,
                "rail": mint.rail,
                "reference": mint.reference,
                "receipt": mint.receipt,
            }
            for entry, mint in zip(statement.entries, request.mints, strict=True)
        ],
    }


def read_request(found: Any) -> StatementRequest:
    """A statement request as it arrived; every field has its type and size. Raises InvalidInput."""
    try:
        token, listed = currency(_text(found["token"])), _listed(found["entries"])
        entries = tuple(_entry(each) for each in listed)
        _unsigned(sum(each.amount for each in entries))
        return StatementRequest(
            id=_unsigned(found["statement"]),
            token=token,
            mints=tuple(_mint(each, token) for each in listed),
            statement=Statement(
                token=_address(found["tokenAddress"]),
                to=_address(found["to"]),
                entries=entries,
                reserves=_unsigned(found["reserves"]),
                observed_at=_unsigned(found["observedAt"]),
                expires_at=_unsigned(found["expiresAt"]),
            ),
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise InvalidInput(f"This is no statement request: {type(problem).__name__}.") from None


def _entry(found: Any) -> Entry:
    return Entry(_unsigned(found["number"]), _unsigned(found["amount"]), _word(found["receiptHash"]))


def _mint(found: Any, token: Currency) -> Mint:
    return Mint(
        Money(_unsigned(found["amount"]), token),
        Source(found["source"]),
        _text(found["rail"]),
        _text(found["reference"]),
        _text(found["receipt"]),
    )


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list) or not 1 <= len(value) <= ENTRIES_MAX:
        raise ValueError("no list of entries")
    return value


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
