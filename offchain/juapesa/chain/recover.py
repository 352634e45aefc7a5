"""Who signed a digest. The one place where a signature becomes an address."""

from coincurve import PublicKey
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from juapesa.errors import InvalidInput


class BadSignature(InvalidInput):
    """The bytes are no secp256k1 signature of anything."""

    slug = "bad-signature"


def recover(digest: bytes, signature: bytes) -> str:
    """The checksummed address whose key signed the 32-byte digest.

    ``signature`` is 65 bytes r‖s‖v with v 27 or 28. Raises BadSignature.
    """
    if len(signature) != 65 or signature[64] not in (27, 28):
        raise BadSignature("A signature is 65 bytes and ends in 27 or 28.")
    compact = signature[:64] + bytes([signature[64] - 27])
    try:
        key = PublicKey.from_signature_and_message(compact, digest, hasher=None)
    except ValueError as fault:
        raise BadSignature("The signature belongs to no key.") from fault
    return str(to_checksum_address(keccak(key.format(compressed=False)[1:])[12:]))
