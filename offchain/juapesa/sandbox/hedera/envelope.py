"""Signed Ethereum transactions: read, and their sender recovered (EIP-155, EIP-2930, EIP-1559)."""

from dataclasses import dataclass, field

import rlp
from coincurve import PublicKey
from eth_hash.auto import keccak

_HALF_CURVE = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
_UNPROTECTED = (27, 28)


class BadEnvelope(ValueError):
    """The bytes are no signed transaction; the message says why."""


class UnknownType(BadEnvelope):
    """A transaction type that Hedera does not take."""

    def __init__(self, number: int) -> None:
        super().__init__(f"transaction type {number}")
        self.number = number


@dataclass(frozen=True, slots=True)
class Envelope:
    """What was signed. Prices and value are weibar; ``to`` is None for a creation; hex is lower case."""

    raw: bytes = field(repr=False)
    hash: str
    sender: str
    type: int
    chain_id: int | None  # None: signed before EIP-155, valid on any chain
    nonce: int
    gas: int
    max_fee: int  # the legacy gas price, or maxFeePerGas
    priority: int | None  # maxPriorityFeePerGas of type 2
    to: str | None
    value: int
    data: bytes = field(repr=False)
    access_list: tuple[tuple[str, tuple[str, ...]], ...]
    v: int
    r: int
    s: int
    key: bytes = field(repr=False)  # the sender's public key, 33 bytes


def read(raw: bytes) -> Envelope:
    """Read a signed transaction. Raises UnknownType, BadEnvelope."""
    if not raw:
        raise BadEnvelope("unsigned transaction")
    if raw[0] >= 0xC0:
        return _legacy(raw)
    if raw[0] not in (1, 2):
        raise UnknownType(raw[0])
    return _typed(raw)


def _legacy(raw: bytes) -> Envelope:
    fields = _fields(raw, 9)
    nonce, price, gas, value, v, r, s = (_number(fields[at]) for at in (0, 1, 2, 4, 6, 7, 8))
    unsigned = fields[:6]
    if v in _UNPROTECTED:
        chain_id, parity = None, v - 27
    elif v >= 35:
        chain_id, parity = (v - 35) // 2, (v - 35) % 2
        unsigned = [*unsigned, _bytes(chain_id), b"", b""]
    else:
        raise BadEnvelope("invalid signature v")
    sender, key = _sender(rlp.encode(unsigned), parity, r, s)
    to, data = _address(fields[3]), bytes(fields[5])
    return Envelope(
        raw, _hash(raw), sender, 0, chain_id, nonce, gas, price, None, to, value, data, (), v, r, s, key
    )


def _typed(raw: bytes) -> Envelope:
    priced = raw[0] == 2
    fields = _fields(raw[1:], 12 if priced else 11)
    chain_id, nonce = _number(fields[0]), _number(fields[1])
    priority = _number(fields[2]) if priced else None
    rest = fields[3:] if priced else fields[2:]
    max_fee, gas, value = _number(rest[0]), _number(rest[1]), _number(rest[3])
    parity, r, s = (_number(each) for each in rest[6:])
    sender, key = _sender(raw[:1] + rlp.encode(fields[:-3]), parity, r, s)
    to, data, access = _address(rest[2]), bytes(rest[4]), _access_list(rest[5])
    return Envelope(
        raw,
        _hash(raw),
        sender,
        raw[0],
        chain_id,
        nonce,
        gas,
        max_fee,
        priority,
        to,
        value,
        data,
        access,
        parity,
        r,
        s,
        key,
    )


def _fields(encoded: bytes, count: int) -> list[bytes]:
    try:
        found = rlp.decode(encoded, strict=True)
    except rlp.DecodingError as fault:
        raise BadEnvelope(f"not RLP: {fault}") from None
    if not isinstance(found, list) or len(found) != count:
        raise BadEnvelope("invalid field count for transaction")
    return found


def _number(value: object) -> int:
    if not isinstance(value, bytes) or len(value) > 32 or value[:1] == b"\0":
        raise BadEnvelope("a number is not written canonically")
    return int.from_bytes(value)


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)


def _address(value: object) -> str | None:
    if not isinstance(value, bytes) or len(value) not in (0, 20):
        raise BadEnvelope("invalid address")
    return "0x" + value.hex() if value else None


def _access_list(value: object) -> tuple[tuple[str, tuple[str, ...]], ...]:
    try:
        return tuple(
            ("0x" + address.hex(), tuple("0x" + key.hex() for key in keys))
            for address, keys in value  # type: ignore[attr-defined]  # a wrong shape is caught below
        )
    except (TypeError, ValueError, AttributeError):
        raise BadEnvelope("invalid access list") from None


def _sender(unsigned: bytes, parity: int, r: int, s: int) -> tuple[str, bytes]:
    if parity not in (0, 1) or not r or not 0 < s <= _HALF_CURVE:
        raise BadEnvelope("non-canonical signature")
    signature = r.to_bytes(32) + s.to_bytes(32) + bytes([parity])
    try:
        key = PublicKey.from_signature_and_message(signature, keccak(unsigned), hasher=None)
    except ValueError as fault:
        raise BadEnvelope(f"invalid signature: {fault}") from None
    return "0x" + keccak(key.format(compressed=False)[1:])[12:].hex(), key.format()


def _hash(raw: bytes) -> str:
    return "0x" + keccak(raw).hex()
