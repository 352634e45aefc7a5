"""What we say to the contracts is what the compiler wrote down of them."""

import json
from importlib import resources
from typing import Any

import pytest

from juapesa.chain import abi
from juapesa.crypto import keccak256

CONTRACTS = ("AttestationRegistry", "LocalToken", "Pools", "PoolsDesk", "Router")
FUNCTIONS = (
    abi.SETTLE,
    abi.SETTLED,
    abi.TOTAL_SUPPLY,
    abi.BALANCE_OF,
    abi.ATTESTERS,
    abi.NUMBER_USED,
    abi.PROVIDE,
    abi.CLAIM_OF,
)
EVENTS = (
    abi.GROUP_SETTLED,
    abi.GROUP_FAILED,
    abi.PRICES_REFUSED,
    abi.APPENDED,
    abi.TRADED,
    abi.TRADED_MANY,
    abi.POOL_CHANGED,
    abi.CLAIM_CHANGED,
    abi.LIQUIDITY_CHANGED,
    abi.FEES_CLAIMED,
)


def canonical(part: dict[str, Any]) -> str:
    """A parameter's type with structs spelled out."""
    if not part["type"].startswith("tuple"):
        return str(part["type"])
    inner = ",".join(canonical(each) for each in part["components"])
    return f"({inner}){part['type'].removeprefix('tuple')}"


def compiled(kind: str) -> dict[str, dict[str, Any]]:
    """Everything of one kind in our contracts, by signature."""
    folder = resources.files("juapesa.chain") / "abi"
    entries = [each for name in CONTRACTS for each in json.loads((folder / f"{name}.json").read_text())]
    return {
        f"{each['name']}({','.join(canonical(part) for part in each['inputs'])})": each
        for each in entries
        if each["type"] == kind
    }


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda each: each.name)
def test_a_function_has_the_compiled_signature_and_answer(function: abi.Function) -> None:
    found = compiled("function")[function.signature]
    assert [canonical(each) for each in found["outputs"]] == list(function.outputs)


@pytest.mark.parametrize("event", EVENTS, ids=lambda each: each.name)
def test_an_event_has_the_compiled_signature_and_topics(event: abi.Event) -> None:
    found = compiled("event")[event.signature]
    assert [each["indexed"] for each in found["inputs"]] == list(event.indexed)


def test_every_error_that_a_contract_can_raise_is_known_by_its_name() -> None:
    for signature in compiled("error"):
        data = keccak256(signature.encode())[:4] + bytes(64)
        assert abi.error_name(data) == signature.split("(")[0], signature
