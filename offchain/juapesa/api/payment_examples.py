"""Examples of the description of the API. A test sends each of them to the real application."""

from typing import Any

from juapesa.errors import PROBLEM_TYPE, as_problem

_PAYER = "+254712345678"
_TOKEN = "5f0c" * 16
_CODE = "7K2M9QXW4N"

INITIATE: dict[str, Any] = {
    "send": {
        "summary": "From M-Pesa in Kenya to MTN MoMo in Nigeria",
        "value": {
            "kind": "send",
            "payer": _PAYER,
            "amount": {"amount": "1000.00", "currency": "KES"},
            "to": {"phone": "+2348032000001"},
        },
    },
    "receive": {
        "summary": "From the payer's operator into their own wallet",
        "value": {
            "kind": "receive",
            "payer": _PAYER,
            "amount": {"amount": "500.00", "currency": "KES"},
        },
    },
}
CONFIRM: dict[str, Any] = {"quote": {"summary": "Start a quote's payment", "value": {"token": _TOKEN}}}
REFUND: dict[str, Any] = {"payment": {"summary": "Ask for the money back", "value": {"code": _CODE}}}

_KES, _NGN = "KES", "NGN"
_SHOWN: dict[str, Any] = {
    "initiate": {
        "token": _TOKEN,
        "state": "initiated",
        "kind": "send",
        "source": "rail",
        "amount": {"amount": "1000.00", "currency": _KES},
        "fees": [
            {"name": "service", "amount": {"amount": "5.00", "currency": _KES}},
            {"name": "operator", "amount": {"amount": "3.00", "currency": _KES}},
        ],
        "total": {"amount": "1008.00", "currency": _KES},
        "receives": {"amount": "11357.00", "currency": _NGN},
        "rate": "1 KES = 11.3570 NGN",
        "via": "MTN MoMo",
        "valid_until": "2026-11-21T08:02:00Z",
    },
    "confirm": {"code": _CODE, "state": "processing"},
    "refund": {"code": _CODE, "state": "refunding"},
    "payment": {
        "code": _CODE,
        "state": "processing",
        "waiting_for_operator": False,
        "kind": "send",
        "total": {"amount": "1008.00", "currency": _KES},
        "fees": {"amount": "8.00", "currency": _KES},
        "receives": {"amount": "11357.00", "currency": _NGN},
        "rate": "1 KES = 11.3570 NGN",
        "created_at": "2026-11-21T08:00:00Z",
        "ended_at": None,
        "steps": [
            {
                "name": "confirmed",
                "state": "done",
                "at": "2026-11-21T08:00:00Z",
                "tx_hash": None,
                "leaf_indexes": [],
            },
            {"name": "collect", "state": "now", "at": None, "tx_hash": None, "leaf_indexes": []},
            {"name": "chain", "state": "waiting", "at": None, "tx_hash": None, "leaf_indexes": []},
            {"name": "payout", "state": "waiting", "at": None, "tx_hash": None, "leaf_indexes": []},
        ],
    },
}

_PROBLEMS = {
    401: ("not-authenticated", "The client is unknown or its signature or token is wrong."),
    403: ("scope-missing", "This client lacks the scope payments:write."),
    404: ("unknown-payment", "This client has no such payment. Check the code or token."),
    409: ("quote-expired", "The price has expired. Ask for a new one."),
    422: ("idempotency-key-reused", "This Idempotency-Key belongs to another request; use a new one."),
    429: ("too-many-requests", "A client has 100 requests a minute."),
    503: ("price-unavailable", "We cannot pay out that much there now. Try less, or later."),
}


def answers(status: int, name: str) -> dict[int | str, dict[str, Any]]:
    """The answers of a route: the good one with an example, and the problems."""
    found: dict[int | str, dict[str, Any]] = problems()
    found[status] = {"content": {"application/json": {"example": _SHOWN[name]}}}
    return found


def problems() -> dict[int | str, dict[str, Any]]:
    """The problems that any route of a client may answer with."""
    return {
        status: {
            "description": slug.replace("-", " ").capitalize(),
            "content": {PROBLEM_TYPE: {"example": as_problem(slug, status, detail)}},
        }
        for status, (slug, detail) in _PROBLEMS.items()
    }
