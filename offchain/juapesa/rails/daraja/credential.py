"""The initiator's SecurityCredential.

base64(RSA-PKCS#1-v1.5(public key of M-Pesa's X.509 certificate, the initiator's password)),
with nothing appended to the password. Source: Daraja 3.0, "Getting started, security credentials".
"""

import asyncio
import base64
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from juapesa.config.settings import DarajaSettings
from juapesa.errors import Unavailable

SANDBOX_CERTIFICATE = "/_sandbox/certificate.pem"


class NoCertificate(Unavailable):
    """The operator's certificate is missing or unreadable: nothing was ordered."""

    slug = "no-operator-certificate"


class InitiatorCredential:
    """Seals the initiator's password for the operator, anew each time."""

    def __init__(self, http: httpx.AsyncClient, settings: DarajaSettings) -> None:
        """Raises NoCertificate when a real host is configured without a readable certificate."""
        self._http = http
        self._settings = settings
        self._key: rsa.RSAPublicKey | None = None
        if settings.certificate is not None:
            self._key = _public_key(_file(settings.certificate))
        elif (urlsplit(settings.base_url).hostname or "").endswith("safaricom.co.ke"):
            raise NoCertificate("Set daraja.certificate to the certificate from the operator's portal.")

    async def sealed(self) -> str:
        """The SecurityCredential. Raises NoCertificate."""
        if self._key is None:
            self._key = _public_key(await self._ask())
        return await asyncio.to_thread(
            encrypt, self._key, self._settings.initiator_password.get_secret_value()
        )

    async def _ask(self) -> bytes:
        try:
            response = await self._http.get(
                self._settings.base_url.rstrip("/") + SANDBOX_CERTIFICATE,
                timeout=self._settings.timeout_seconds,
            )
        except httpx.HTTPError:
            raise NoCertificate("The sandbox's certificate cannot be fetched now.") from None
        if response.status_code != httpx.codes.OK:
            raise NoCertificate(f"The sandbox has no certificate (HTTP {response.status_code}).")
        return response.content


def encrypt(key: rsa.RSAPublicKey, password: str) -> str:
    """base64 of the password under RSA with PKCS#1 v1.5 padding."""
    return base64.b64encode(key.encrypt(password.encode(), padding.PKCS1v15())).decode()


def _file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NoCertificate(f"daraja.certificate cannot be read: {error.strerror}.") from None


def _public_key(encoded: bytes) -> rsa.RSAPublicKey:
    """The key of a certificate in PEM or DER. Raises NoCertificate."""
    read = x509.load_pem_x509_certificate if b"-----BEGIN" in encoded else x509.load_der_x509_certificate
    try:
        key = read(encoded).public_key()
    except ValueError:
        raise NoCertificate("The operator's certificate is not X.509 in PEM or DER.") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise NoCertificate("The operator's certificate does not hold an RSA key.")
    return key
