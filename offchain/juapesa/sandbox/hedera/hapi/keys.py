"""Who signed a native transaction, and whether that satisfies a key.

Source: hedera-docs native/keys; signatures are over the body's bytes (ED25519) or their Keccak-256 (ECDSA).
"""

from typing import Any

from coincurve import PublicKey
from coincurve.ecdsa import cdata_to_der, deserialize_compact, signature_normalize
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from eth_hash.auto import keccak

DEPTH_MAX = 15


def signers(body: bytes, pairs: Any) -> frozenset[bytes]:
    """The public keys (whole, not prefixes) whose signatures are good."""
    return frozenset(key for key in (_signer(body, pair) for pair in pairs) if key is not None)


def satisfied(key: Any, signed_by: frozenset[bytes], depth: int = 0) -> bool:
    """Whether the key signed; a contract's key never does from outside the EVM."""
    kind = key.WhichOneof("key")
    if depth > DEPTH_MAX or kind is None:
        return False
    if kind == "keyList":
        listed = list(key.keyList.keys)
        return bool(listed) and all(satisfied(each, signed_by, depth + 1) for each in listed)
    if kind == "thresholdKey":
        good = sum(satisfied(each, signed_by, depth + 1) for each in key.thresholdKey.keys.keys)
        return bool(good >= max(1, key.thresholdKey.threshold))
    return bool(kind in ("ed25519", "ECDSA_secp256k1") and bytes(getattr(key, kind)) in signed_by)


def evm_address(public_key: bytes) -> str | None:
    """The address of an ECDSA key; None for any other."""
    if len(public_key) != 33:
        return None
    return "0x" + keccak(PublicKey(public_key).format(compressed=False)[1:])[12:].hex()


def is_key(key: Any) -> bool:
    """Whether anything is set that can sign, be it a list that holds something."""
    kind = key.WhichOneof("key")
    return kind is not None and not (kind == "keyList" and not key.keyList.keys)


def _signer(body: bytes, pair: Any) -> bytes | None:
    key = bytes(pair.pubKeyPrefix)
    try:
        match pair.WhichOneof("signature"):
            case "ed25519":
                Ed25519PublicKey.from_public_bytes(key).verify(bytes(pair.ed25519), body)
                return key
            case "ECDSA_secp256k1":
                _, low = signature_normalize(
                    deserialize_compact(bytes(pair.ECDSA_secp256k1))
                )  # SDKs send either s
                return key if PublicKey(key).verify(cdata_to_der(low), keccak(body), hasher=None) else None
    except (ValueError, InvalidSignature):
        return None
    return None
