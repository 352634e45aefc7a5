"""How orders and their answers look, for the description of the API: made of the structs that read them."""

from typing import Any

import msgspec

from juapesa.errors import PROBLEM_TYPE, as_problem
from juapesa.ledger.engine.orders import Done, Refused, WireOrder, WireOrders

_AT = "#/"


def _schemas(*types: Any) -> list[dict[str, Any]]:
    """The JSON schemas of these types, each whole, without references."""
    found, parts = msgspec.json.schema_components(types, ref_template=_AT + "{name}")

    def whole(value: Any) -> Any:
        if isinstance(value, list):
            return [whole(each) for each in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return whole(parts[value["$ref"].removeprefix(_AT)])
        return {name: whole(each) for name, each in value.items() if name != "discriminator"}

    return [whole(each) for each in found]


ORDER, ORDERS, DONE, REFUSED = _schemas(WireOrder, WireOrders, Done, Refused)

_LINE = {"debit": 31, "credit": 15, "amount": 500, "currency": "KES", "code": "house:prize"}
EXAMPLES: dict[str, Any] = {
    "one": {
        "summary": "Five shillings from the promotional account to a wallet; amounts are minor units",
        "value": {"do": "post", "key": "house:prize-4711", "lines": [_LINE]},
    },
    "list": {
        "summary": "Orders that do not depend on each other; the second asks for too much",
        "value": [
            {"do": "post", "key": "house:prize-4712", "lines": [_LINE]},
            {"do": "post", "key": "house:prize-4713", "lines": [{**_LINE, "amount": 10**15}]},
        ],
    },
    "hold": {
        "summary": "Set aside until it is captured, released or expires",
        "value": {"do": "hold", "key": "house:stake-1", **_LINE, "expires_at": "2036-12-01T09:00:00Z"},
    },
    "capture": {
        "summary": "A part of what is held; the rest is given back",
        "value": {
            "do": "capture",
            "key": "house:stake-1-won",
            "hold": 29418957493503232,
            "amount": 200,
            "last": True,
        },
    },
    "reverse": {
        "summary": "Book a transfer the other way round, once",
        "value": {
            "do": "reverse",
            "key": "house:prize-4711-back",
            "transfer": 29418957493503232,
            "code": "house:correction",
        },
    },
}
_BOOKED = {
    "rows": [{"id": 29418957493503232, "debit_after": 99_500, "credit_after": 500}],
    "repeated": False,
    "ok": True,
}
_TOO_MUCH = "The balance or the hold is not enough, or a limit would be passed."
ANSWERS: dict[str, Any] = {
    "one": {"value": _BOOKED},
    "list": {"value": [_BOOKED, {"slug": "limit-exceeded", "detail": _TOO_MUCH, "ok": False}]},
}
BODY: dict[str, Any] = {
    "security": [{"signature": []}, {"bearer": []}],
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"anyOf": [ORDER, ORDERS]}, "examples": EXAMPLES}},
    },
}
_PROBLEMS = {
    401: ("not-authenticated", "The client is unknown or its signature or token is wrong."),
    403: ("not-open-to-programs", "Order 1: its key and codes begin with `house:`."),
    404: ("unknown-account", "No such account in that currency."),
    409: ("limit-exceeded", _TOO_MUCH),
    422: (
        "invalid-input",
        "The request is not an order: Expected `int`, got `str` - at `$.lines[0].amount`.",
    ),
    429: ("ledger-busy", "Too many orders wait; send the same again, with the same key."),
    503: ("ledger-down", "The ledger's writer does not answer. Send the same again."),
}


def answers() -> dict[int | str, dict[str, Any]]:
    """The answers of the route: the good ones with examples, and the problems."""
    listed = {"type": "array", "items": {"anyOf": [DONE, REFUSED]}}
    good = {"schema": {"anyOf": [DONE, listed]}, "examples": ANSWERS}
    found: dict[int | str, dict[str, Any]] = {
        200: {"description": "Booked, or an answer for each", "content": {"application/json": good}}
    }
    for status, (slug, detail) in _PROBLEMS.items():
        example = {"example": as_problem(slug, status, detail)}
        found[status] = {
            "description": slug.replace("-", " ").capitalize(),
            "content": {PROBLEM_TYPE: example},
        }
    return found
