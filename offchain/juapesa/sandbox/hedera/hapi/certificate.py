"""A node's certificate for TLS: signed by itself, known by the hash that the address book has of it.

Source: hedera-docs, mirror node ``/network/nodes``; the hash is SHA-384 over the PEM text.
"""

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

NAME = "127.0.0.1"  # what SDKs expect of every node, whatever its address
VALID_DAYS = 365


@dataclass(frozen=True, slots=True)
class Certificate:
    """Key and certificate as PEM."""

    key: bytes
    pem: bytes

    @property
    def hash(self) -> str:
        """As the address book has it."""
        return "0x" + hashlib.sha384(self.pem).hexdigest()


def make_certificate() -> Certificate:
    """A fresh one; each start of the network has its own."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(NAME))]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Certificate(plain, made.public_bytes(Encoding.PEM))
