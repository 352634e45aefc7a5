"""TLS to consensus nodes: each has a certificate that nobody signed, known by its hash in the address book.

The hash is SHA-384 over the certificate's PEM text (``node_cert_hash`` in the mirror's ``/network/nodes``).
Nodes are reached by addresses that their certificates do not name, so the certificate alone says who answers:
it is fetched, held against the hash, and then is the only one that the connection trusts.
Source: hiero-sdk-python's node.py and the Java SDK's HederaTrustManager do the same.
"""

import hashlib
import hmac
import socket
import ssl
from dataclasses import dataclass

from juapesa.errors import Unavailable

FETCH_SECONDS_MAX = 5.0


class WrongCertificate(Unavailable):
    """Who answers is not the node: its certificate is another one. Nothing was sent."""

    slug = "hedera-node-certificate"


@dataclass(frozen=True, slots=True)
class NodeCertificate:
    """The certificate to trust, and the name that it is made out to."""

    pem: bytes
    name: str


def fetch_certificate(address: str, wanted_hash: str) -> NodeCertificate:
    """The certificate of ``host:port``. Raises WrongCertificate, OSError when nobody answers."""
    host, _, port = address.rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # trusted by its hash, below
    with (
        socket.create_connection((host, int(port)), timeout=FETCH_SECONDS_MAX) as plain,
        context.wrap_socket(plain) as wrapped,
    ):
        der = wrapped.getpeercert(binary_form=True)
    pem = ssl.DER_cert_to_PEM_cert(der or b"").encode()
    found = hashlib.sha384(pem).hexdigest()
    if not hmac.compare_digest(found, wanted_hash.lower().removeprefix("0x")):
        raise WrongCertificate(f"The node at {address} shows the certificate {found[:16]}…, not its own.")
    return NodeCertificate(pem, _name_in(pem))


def _name_in(pem: bytes) -> str:
    """A name that the certificate is valid for: TLS wants one, whatever address was dialled."""
    from cryptography import x509  # noqa: PLC0415 - only where TLS is used

    read = x509.load_pem_x509_certificate(pem)
    try:
        names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = None
    if names is not None:
        dns = names.get_values_for_type(x509.DNSName)
        return str(dns[0] if dns else names.get_values_for_type(x509.IPAddress)[0])
    common = read.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(common[0].value) if common else ""
