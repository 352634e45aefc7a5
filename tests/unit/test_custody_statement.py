"""What attesters sign is what the registry checks: EIP-712 three times over."""

import dataclasses
from typing import Any

import pytest
from eth_account.messages import encode_typed_data
from hypothesis import given, settings
from hypothesis import strategies as st

from juapesa.chain import abi
from juapesa.crypto import keccak256
from juapesa.issuance.domain import Mint, Source
from juapesa.issuance.statements import Entry, Statement, mint_receipt_hash
from juapesa.money import CKES, Money
from support.evm import CHAIN_ID, Chain

REGISTRY = "0x" + "11" * 20
ADDRESSES = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
WORDS = st.binary(min_size=32, max_size=32)
AMOUNTS = st.integers(0, 2**64 - 1)
STATEMENTS = st.builds(
    Statement,
    token=ADDRESSES,
    to=ADDRESSES,
    entries=st.lists(st.builds(Entry, AMOUNTS, st.integers(0, 2**60), WORDS), min_size=1, max_size=4).map(
        tuple
    ),
    reserves=AMOUNTS,
    observed_at=AMOUNTS,
    expires_at=AMOUNTS,
)
FIELDS = (
    ("token", "address"),
    ("to", "address"),
    ("total", "uint64"),
    ("entriesHash", "bytes32"),
    ("reserves", "uint64"),
    ("observedAt", "uint64"),
    ("expiresAt", "uint64"),
)
STATEMENT_DIGEST = abi.Function("statementDigest", (abi.STATEMENT,), ("bytes32",))


def typed_data(statement: Statement) -> dict[str, Any]:
    """The statement in the JSON form that wallets sign."""
    domain = (
        ("name", "string"),
        ("version", "string"),
        ("chainId", "uint256"),
        ("verifyingContract", "address"),
    )
    return {
        "types": {
            "EIP712Domain": [{"name": name, "type": kind} for name, kind in domain],
            "CustodyStatement": [{"name": name, "type": kind} for name, kind in FIELDS],
        },
        "primaryType": "CustodyStatement",
        "domain": {
            "name": "Jua Pesa Attestation",
            "version": "1",
            "chainId": CHAIN_ID,
            "verifyingContract": REGISTRY,
        },
        "message": dict(zip((name for name, _ in FIELDS), statement.abi_tuple(), strict=True)),
    }


@settings(max_examples=30, deadline=None)
@given(STATEMENTS)
def test_the_digest_is_the_one_of_another_encoder(statement: Statement) -> None:
    other = encode_typed_data(full_message=typed_data(statement))
    assert statement.digest(CHAIN_ID, REGISTRY) == keccak256(b"\x19\x01" + other.header + other.body)


@pytest.mark.needs_evm
@settings(max_examples=20, deadline=None)
@given(statement=STATEMENTS)
def test_the_digest_is_the_one_that_the_contract_computes(
    deployed_chain: Chain, statement: Statement
) -> None:
    registry = deployed_chain.deployment.registry
    theirs = deployed_chain.node.read(registry, STATEMENT_DIGEST, statement.abi_tuple())[0]
    assert statement.digest(CHAIN_ID, registry) == theirs


@given(STATEMENTS, st.sampled_from([each.name for each in dataclasses.fields(Statement)]))
def test_changing_any_field_changes_the_digest(statement: Statement, name: str) -> None:
    value = getattr(statement, name)
    match value:
        case int():
            other: Any = value ^ 1
        case tuple():
            other = (dataclasses.replace(value[0], number=value[0].number ^ 1), *value[1:])
        case _:
            other = "0x" + f"{int(value, 16) ^ 1:040x}"
    changed = dataclasses.replace(statement, **{name: other})
    assert changed.digest(CHAIN_ID, REGISTRY) != statement.digest(CHAIN_ID, REGISTRY)


def test_the_digest_belongs_to_one_registry_on_one_chain() -> None:
    statement = Statement(REGISTRY, REGISTRY, (Entry(1, 1, bytes(32)),), 1, 1, 1)
    here = statement.digest(CHAIN_ID, REGISTRY)
    assert here != statement.digest(CHAIN_ID + 1, REGISTRY)
    assert here != statement.digest(CHAIN_ID, "0x" + "12" * 20)


def collected(receipt: str, rail: str = "mpesa-ke") -> Mint:
    return Mint(Money.whole(10, CKES), Source.COLLECT, rail, "reference", receipt)


def test_one_receipt_has_one_hash_however_it_is_written() -> None:
    key = bytes(32)
    first = mint_receipt_hash(key, collected("RKTQDM7W6S"))
    assert mint_receipt_hash(key, collected("rktqdm7w6s")) == first
    assert mint_receipt_hash(key, collected(" RKTQDM7W6S ")) == first


def test_receipts_of_two_rails_or_under_two_keys_have_different_hashes() -> None:
    first = mint_receipt_hash(bytes(32), collected("1"))
    assert mint_receipt_hash(bytes(32), collected("1", "momo-ng")) != first
    assert mint_receipt_hash(b"\x01" * 32, collected("1")) != first
