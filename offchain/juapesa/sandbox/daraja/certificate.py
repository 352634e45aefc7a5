"""The operator's key pair: clients encrypt the initiator's password for its certificate."""

import base64
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from juapesa.sandbox.store import Store

_SPACE = "daraja/key"


class OperatorKey:
    """An RSA key, made at first start and kept, with its self-signed X.509 certificate."""

    def __init__(self, store: Store, now: datetime) -> None:
        kept = store.load(_SPACE).get("rsa") or self._make(store, now)
        read = serialization.load_pem_private_key(kept["private"].encode(), password=None)
        assert isinstance(read, rsa.RSAPrivateKey), "we wrote an RSA key"
        self._key = read
        self.certificate_pem: str = kept["certificate"]

    def decrypt(self, credential: str) -> str | None:
        """The password inside a SecurityCredential; None when it cannot be read.

        Base64 of RSA with PKCS#1 v1.5 padding, nothing appended (Daraja, "Security credentials").
        """
        try:
            sealed = base64.b64decode(credential, validate=True)
            return self._key.decrypt(sealed, padding.PKCS1v15()).decode()
        except ValueError:
            return None

    def _make(self, store: Store, now: datetime) -> dict[str, str]:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "apicrypt.sandbox.invalid")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=3650))
            .sign(key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        kept = {
            "private": private.decode(),
            "certificate": certificate.public_bytes(serialization.Encoding.PEM).decode(),
        }
        store.put(_SPACE, "rsa", kept)
        store.commit()
        return kept
