"""Keys, sealing, blind indexes and signatures."""

from juapesa.crypto.errors import BadSignature, CannotOpen, KeystoreUnavailable
from juapesa.crypto.keystore import Keystore, open_keystore
from juapesa.crypto.sealing import Sealer, blind_index
from juapesa.crypto.signing import Signer, checksum_address, keccak256, recover_address

__all__ = [
    "BadSignature",
    "CannotOpen",
    "Keystore",
    "KeystoreUnavailable",
    "Sealer",
    "Signer",
    "blind_index",
    "checksum_address",
    "keccak256",
    "open_keystore",
    "recover_address",
]
