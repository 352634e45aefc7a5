"""The key file that is handed to the deployment tool."""

from pathlib import Path

import pytest
from eth_keyfile.keyfile import extract_key_from_keyfile

from juapesa.crypto.keyfile import write_keyfile


def test_a_key_file_opens_with_its_passphrase_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    write_keyfile(path, b"\x07" * 32, "words")
    assert extract_key_from_keyfile(str(path), b"words") == b"\x07" * 32  # type: ignore[arg-type]
    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(FileExistsError):
        write_keyfile(path, b"\x07" * 32, "words")
