"""The local keystore: named secrets and signing keys, encrypted under one passphrase.

``keystore.json`` holds the parameters of scrypt and a sealed word that tells a wrong
passphrase from a broken file; each secret has a file of its own. In production the same
names live in an HSM; this class is the local stand-in for it.
"""

import json
import re
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from juapesa.config import Settings
from juapesa.crypto.errors import CannotOpen, KeystoreUnavailable
from juapesa.crypto.files import read_or_create
from juapesa.crypto.sealing import KEY_BYTES, Sealer
from juapesa.crypto.signing import Signer

# 32 MB and about 0.1 s a guess; written into the file, so that it can be raised later.
SCRYPT = {"n": 2**15, "r": 8, "p": 1}
SCRYPT_N_MAX = 2**20
CHECK_WORD = b"jua pesa keystore"

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")


class Keystore:
    """Secrets by name, made on first use; several processes that ask at once agree on one.

    Opening costs about 0.1 s. Raises KeystoreUnavailable for a wrong passphrase or unreadable files.
    """

    def __init__(self, directory: Path, passphrase: str) -> None:
        self._directory = directory
        self._sealer = self._unlock(passphrase)

    def secret(self, name: str) -> bytes:
        """The 32 random bytes of that name (``seal``, ``index``, ``pin``, …)."""
        return self._load("secret", name)

    def signer(self, name: str) -> Signer:
        """The signing key of that name (``relayer``, ``attester-1``, …)."""
        return Signer.from_private_key(self._load("key", name))

    def export_private_key(self, name: str) -> bytes:
        """The bare private key, for tools that sign by themselves: the deploy step, the price publishers."""
        return self._load("key", name)

    def _load(self, kind: str, name: str) -> bytes:
        assert _NAME.fullmatch(name), f"not a key's name: {name!r}"
        context = f"keystore.{kind}:{name}"
        path = self._directory / f"{name}.{kind}"
        # 32 random bytes are a valid secp256k1 key but for one chance in 2**128.
        sealed = _file(path, lambda: self._sealer.seal(secrets.token_bytes(KEY_BYTES), context))
        try:
            return self._sealer.open(sealed, context)
        except CannotOpen as problem:
            raise KeystoreUnavailable(f"{path} does not belong to this keystore or is damaged.") from problem

    def _unlock(self, passphrase: str) -> Sealer:
        """Derive the master key; costs the scrypt once (twice when the keystore is new)."""
        path = self._directory / "keystore.json"
        content = _file(path, lambda: _new_header(passphrase))
        try:
            header = json.loads(content)
            sealer = _sealer(passphrase, header["scrypt"], bytes.fromhex(header["salt"]))
            check = bytes.fromhex(header["check"])
        except (ValueError, KeyError, TypeError) as problem:
            raise KeystoreUnavailable(f"{path} is not a keystore of ours.") from problem
        try:
            sealer.open(check, "keystore.check")
        except CannotOpen:
            raise KeystoreUnavailable(
                f"The passphrase does not open the keystore {self._directory}."
            ) from None
        return sealer


def open_keystore(settings: Settings) -> Keystore:
    """The keystore in ``data_dir/keys``.

    Without a configured passphrase one is made beside it, mode 0600: good enough for a laptop,
    where who reads the one file could read the other. Raises KeystoreUnavailable.
    """
    directory = settings.data_dir / "keys"
    if settings.keystore_passphrase is not None:
        return Keystore(directory, settings.keystore_passphrase.get_secret_value())
    made = _file(directory / "passphrase", lambda: secrets.token_urlsafe(32).encode())
    return Keystore(directory, made.decode().strip())


def _file(path: Path, make: Callable[[], bytes]) -> bytes:
    try:
        return read_or_create(path, make)
    except OSError as problem:
        raise KeystoreUnavailable(f"{path}: {problem.strerror}.") from problem


def _new_header(passphrase: str) -> bytes:
    salt = secrets.token_bytes(16)
    check = _sealer(passphrase, SCRYPT, salt).seal(CHECK_WORD, "keystore.check")
    return json.dumps({"version": 1, "scrypt": SCRYPT, "salt": salt.hex(), "check": check.hex()}).encode()


def _sealer(passphrase: str, scrypt: dict[str, int], salt: bytes) -> Sealer:
    if scrypt["n"] > SCRYPT_N_MAX:
        raise ValueError("scrypt would take too much memory")
    derived = Scrypt(salt=salt, length=KEY_BYTES, n=scrypt["n"], r=scrypt["r"], p=scrypt["p"])
    return Sealer(derived.derive(passphrase.encode()))
