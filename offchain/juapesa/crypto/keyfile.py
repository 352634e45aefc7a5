"""A signing key as the encrypted JSON file (version 3) that Ethereum's tools read."""

import json
import os
from pathlib import Path
from typing import Any

from juapesa.crypto.errors import KeystoreUnavailable
from juapesa.crypto.signing import Signer

# The passphrase is 256 random bits that live as long as one command: stretching it adds nothing.
PBKDF2_ROUNDS = 1_000


def write_keyfile(path: Path, private_key: bytes, passphrase: str) -> None:
    """Write the key, encrypted, readable by its owner only. The file must not exist yet."""
    from eth_keyfile.keyfile import create_keyfile_json  # noqa: PLC0415 - only deployments pay for it

    password: Any = passphrase.encode()  # annotated as text there, used as bytes
    content = create_keyfile_json(private_key, password, kdf="pbkdf2", iterations=PBKDF2_ROUNDS)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(content, file)


def keyfile_address(path: Path) -> str:
    """The account's address as the file says it, lower-case. Raises KeystoreUnavailable."""
    try:
        found = bytes.fromhex(str(_content(path)["address"]).removeprefix("0x"))
    except (KeyError, ValueError):
        raise KeystoreUnavailable(f"{path} does not name its address.") from None
    return "0x" + found.hex()


def open_keyfile(path: Path, passphrase: str) -> Signer:
    """The signer in the file. Raises KeystoreUnavailable for a wrong passphrase or another file."""
    from eth_keyfile.keyfile import decode_keyfile_json  # noqa: PLC0415

    password: Any = passphrase.encode()
    try:
        return Signer.from_private_key(decode_keyfile_json(_content(path), password))
    except (ValueError, KeyError, TypeError):
        raise KeystoreUnavailable(f"The passphrase does not open {path}.") from None


def _content(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except OSError as problem:
        raise KeystoreUnavailable(f"{path}: {problem.strerror}.") from None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise KeystoreUnavailable(f"{path} is no encrypted key file.")
    return found
