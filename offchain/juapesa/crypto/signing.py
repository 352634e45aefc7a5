"""secp256k1 signatures as the EVM checks them."""

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from coincurve import PrivateKey

from juapesa.crypto.errors import BadSignature

DIGEST_BYTES = 32
SIGNATURE_BYTES = 65
V_OFFSET = 27  # ecrecover wants 27 or 28


def keccak256(data: bytes) -> bytes:
    """Keccak-256 as Ethereum uses it (not NIST's SHA3-256)."""
    from Crypto.Hash import keccak  # noqa: PLC0415 - only processes that touch the chain pay for it

    return keccak.new(digest_bits=256, data=data).digest()


def checksum_address(raw: bytes) -> str:
    """A 20-byte address in the mixed case of EIP-55."""
    digits = raw.hex()
    marks = keccak256(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if int(mark, 16) >= 8 else digit for digit, mark in zip(digits, marks, strict=False)
    )


class Signer:
    """Holds one private key and gives out nothing but its public side and signatures."""

    def __init__(self, key: "PrivateKey") -> None:
        self._key = key
        self.address = checksum_address(keccak256(key.public_key.format(compressed=False)[1:])[-20:])

    @classmethod
    def from_private_key(cls, secret: bytes) -> Self:
        """The signer of a 32-byte private key."""
        from coincurve import PrivateKey  # noqa: PLC0415

        return cls(PrivateKey(secret))

    @property
    def public_key(self) -> bytes:
        """The public key, compressed: 33 bytes."""
        return self._key.public_key.format(compressed=True)

    def sign_digest(self, digest: bytes) -> bytes:
        """Sign a 32-byte digest: ``r ‖ s ‖ v``, 65 bytes, low s, v 27 or 28, deterministic (RFC 6979)."""
        assert len(digest) == DIGEST_BYTES, "a digest is 32 bytes"
        signature = self._key.sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes([signature[64] + V_OFFSET])

    def __repr__(self) -> str:
        return f"Signer({self.address})"


def recover_address(digest: bytes, signature: bytes) -> str:
    """Lower-case address of who signed this digest. Raises BadSignature when nobody can have."""
    from coincurve import PublicKey  # noqa: PLC0415

    if len(signature) != SIGNATURE_BYTES or signature[64] not in {V_OFFSET, V_OFFSET + 1}:
        raise BadSignature("A signature is 65 bytes: r, s and v (27 or 28).")
    plain = signature[:64] + bytes([signature[64] - V_OFFSET])
    try:
        key = PublicKey.from_signature_and_message(plain, digest, hasher=None)
    except ValueError:
        raise BadSignature("These 65 bytes are no signature.") from None
    return checksum_address(keccak256(key.format(compressed=False)[1:])[-20:]).lower()
