"""Keys at rest, sealed values, blind indexes and signatures."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from coincurve import PublicKey
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from juapesa.config import Settings
from juapesa.crypto import (
    CannotOpen,
    Keystore,
    KeystoreUnavailable,
    Sealer,
    Signer,
    blind_index,
    checksum_address,
    keccak256,
    open_keystore,
)

KEY = bytes(range(32))
OTHER = bytes(32)

RACE = """
import sys; from pathlib import Path; from juapesa.config import Settings
from juapesa.crypto import open_keystore
keystore = open_keystore(Settings(data_dir=Path(sys.argv[1])))
print(keystore.secret("seal").hex(), keystore.signer("relayer").address)
"""


@given(plain=st.binary(max_size=200), context=st.text("abc:.17é", max_size=40))
def test_what_is_sealed_opens_in_its_own_context_only(plain: bytes, context: str) -> None:
    sealed = Sealer(KEY).seal(plain, context)
    assert Sealer(KEY).open(sealed, context) == plain
    with pytest.raises(CannotOpen):
        Sealer(KEY).open(sealed, context + "x")
    with pytest.raises(CannotOpen):
        Sealer(OTHER).open(sealed, context)


@given(plain=st.binary(max_size=60), data=st.data())
def test_any_changed_or_missing_byte_is_noticed(plain: bytes, data: st.DataObject) -> None:
    sealed = bytearray(Sealer(KEY).seal(plain, "c"))
    place = data.draw(st.integers(0, len(sealed) - 1))
    with pytest.raises(CannotOpen):
        Sealer(KEY).open(bytes(sealed[:place]), "c")
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CannotOpen):
        Sealer(KEY).open(bytes(sealed), "c")


def test_a_retired_key_still_opens_and_a_new_one_seals() -> None:
    old = Sealer(KEY).seal(b"phone", "c")
    rotated = Sealer(OTHER, version=2, older={1: KEY})
    assert rotated.open(old, "c") == b"phone"
    assert Sealer(OTHER, version=2).open(rotated.seal(b"phone", "c"), "c") == b"phone"


def test_equal_values_never_look_equal_when_sealed_but_share_one_index() -> None:
    assert Sealer(KEY).seal(b"+254711", "c") != Sealer(KEY).seal(b"+254711", "c")
    assert blind_index(KEY, "+254711") == blind_index(KEY, "+254711") != blind_index(OTHER, "+254711")


def test_addresses_and_hashes_are_those_of_the_published_examples() -> None:
    # Keccak-256 of nothing; the address of private key 1; a checksum example of EIP-55.
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert Signer.from_private_key((1).to_bytes(32)).address == "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
    example = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
    assert checksum_address(bytes.fromhex(example[2:])) == example


@given(digest=st.binary(min_size=32, max_size=32))
def test_the_signer_is_recovered_from_its_signature(digest: bytes) -> None:
    signer = Signer.from_private_key(KEY)
    signature = signer.sign_digest(digest)
    assert len(signature) == 65
    assert signature[64] in {27, 28}
    public = PublicKey.from_signature_and_message(
        signature[:64] + bytes([signature[64] - 27]), digest, hasher=None
    )
    recovered = keccak256(public.format(compressed=False)[1:])[-20:]
    assert checksum_address(recovered) == signer.address


def test_secrets_last_differ_by_name_and_lie_encrypted_and_private(tmp_path: Path) -> None:
    keystore = Keystore(tmp_path, "open sesame")
    seal, address = keystore.secret("seal"), keystore.signer("relayer").address
    again = Keystore(tmp_path, "open sesame")
    assert again.secret("seal") == seal != again.secret("index")
    assert again.signer("relayer").address == address
    assert Signer.from_private_key(again.export_private_key("relayer")).address == address
    for file in tmp_path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert seal not in file.read_bytes()


def test_a_wrong_passphrase_a_foreign_file_and_a_swapped_key_are_refused(tmp_path: Path) -> None:
    keystore = Keystore(tmp_path, "right")
    keystore.signer("relayer")
    with pytest.raises(KeystoreUnavailable, match="passphrase"):
        Keystore(tmp_path, "wrong")
    (tmp_path / "relayer.key").rename(tmp_path / "attester-1.key")
    with pytest.raises(KeystoreUnavailable, match="attester-1"):
        keystore.signer("attester-1")
    (tmp_path / "keystore.json").write_text("{}")
    with pytest.raises(KeystoreUnavailable, match="not a keystore"):
        Keystore(tmp_path, "right")


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    children = [
        subprocess.Popen([sys.executable, "-c", RACE, str(tmp_path)], stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    answers = {each.communicate(timeout=60)[0] for each in children}
    assert len(answers) == 1
    assert b"0x" in answers.pop()
    assert stat.S_IMODE((tmp_path / "keys" / "passphrase").stat().st_mode) == 0o600


def test_a_configured_passphrase_is_not_written_down(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, keystore_passphrase=SecretStr("from elsewhere"))
    open_keystore(settings).secret("seal")
    assert not (tmp_path / "keys" / "passphrase").exists()


def test_a_signer_does_not_show_its_key() -> None:
    assert KEY.hex() not in repr(Signer.from_private_key(KEY))
