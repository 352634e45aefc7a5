"""A signing key as the encrypted JSON file (version 3) that Ethereum's tools read."""

import json
import os
from pathlib import Path
from typing import Any

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
