"""Signed transactions: the legacy envelope of EIP-155, which Hedera's relay and every node accept."""

from dataclasses import dataclass

import rlp

from juapesa.crypto import Signer, keccak256

GAS_MAX = 15_000_000  # Hedera's cap for one transaction


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """Ready to send. ``hash`` is 0x-hex and known before anyone has seen the transaction."""

    raw: bytes
    hash: str
    nonce: int


def sign_call(
    signer: Signer, *, chain_id: int, nonce: int, gas_price: int, gas: int, to: str, data: bytes
) -> SignedTransaction:
    """Sign a call without value."""
    fields: list[int | bytes] = [nonce, gas_price, min(gas, GAS_MAX), bytes.fromhex(to[2:]), 0, data]
    return _sign(signer, chain_id, fields)


def sign_dearer(signer: Signer, *, chain_id: int, raw: bytes, gas_price: int) -> SignedTransaction:
    """The same call with the same nonce at another price: at most one of the two can land."""
    nonce, _price, gas, to, value, data, *_signature = rlp.decode(raw)
    return _sign(signer, chain_id, [int.from_bytes(nonce), gas_price, gas, to, value, data])


def gas_price_of(raw: bytes) -> int:
    """What a signed transaction offers, wei (weibar) a unit of gas."""
    return int.from_bytes(rlp.decode(raw)[1])


def target_of(raw: bytes) -> str:
    """Which contract a signed transaction calls; lower-case."""
    target: bytes = rlp.decode(raw)[3]
    return "0x" + target.hex()


def call_data_of(raw: bytes) -> bytes:
    """What a signed transaction calls its contract with."""
    data: bytes = rlp.decode(raw)[5]
    return data


def _sign(signer: Signer, chain_id: int, fields: list[int | bytes]) -> SignedTransaction:
    signature = signer.sign_digest(keccak256(rlp.encode([*fields, chain_id, 0, 0])))
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:64])
    parity = signature[64] % 27
    raw: bytes = rlp.encode([*fields, chain_id * 2 + 35 + parity, r, s])
    assert isinstance(fields[0], int), "the first field is the nonce"
    return SignedTransaction(raw, "0x" + keccak256(raw).hex(), fields[0])
