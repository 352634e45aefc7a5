"""What forge wrote about the system contracts, as data of this package."""

import json
from importlib import resources
from typing import Any

from eth_abi.abi import encode
from eth_abi.grammar import TupleType, parse

_PLACE = resources.files(__package__) / "etched"
_INTERFACES = ("IHtsNetwork", "IHederaTokenService")


def runtime_code(contract: str) -> str:
    """The bytes that stand at the contract's address, in hex."""
    return str(_read(contract))


def call_data(function: str, *arguments: Any) -> bytes:
    """A call of the token service, or of the network's own side of it.

    Arguments are eth_abi's: addresses in hex, structs as tuples. Raises KeyError for a function that
    there is not.
    """
    for interface in _INTERFACES:
        for signature, selector in _read(interface).items():
            name, _, types = signature.partition("(")
            if name == function:
                return bytes.fromhex(selector) + encode(_types(f"({types}"), arguments)
    raise KeyError(function)


def _types(signature: str) -> list[str]:
    if signature == "()":
        return []
    parsed = parse(signature)
    assert isinstance(parsed, TupleType), "the arguments of a function"
    return [each.to_type_str() for each in parsed.components]


def _read(name: str) -> Any:
    return json.loads((_PLACE / f"{name}.json").read_text())
