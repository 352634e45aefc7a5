"""Examples of what routes that only read answer. A test holds each against the real application."""

from typing import Any

_CODE = "7K2M9QXW4N"
_AT = "2026-11-21T08:00:00Z"
_HASH = "b49a868b8f23d9818616dcad85ad45aa45c2555256d4ed5a2250558f898e8dc2"
_ROOT = "477f4be2f57667af28a2c9087cf263367c03fe9b6d29bccc68d1b1a0e8d0c699"
_ROW = "29418957493503232"


def _money(amount: str, currency: str = "KES") -> dict[str, str]:
    return {"amount": amount, "currency": currency}


_STATEMENT: dict[str, Any] = {
    "statement": 12,
    "at": _AT,
    "ledger_batch": 8,
    "ledger_chain": _HASH,
    "customers": 2,
    "root": _ROOT,
    "currencies": ["KES"],
    "owed": [80_000],
    "held": [2_000_080_000],
    "covered": True,
}

_BOOK_ACCOUNT: dict[str, Any] = {
    "id": 31,
    "kind": "promotional",
    "owner": "house:lottery",
    "currency": "KES",
    "posted": 100_000,
    "held": 20_000,
    "available": 80_000,
    "incoming": 0,
}

READ: dict[str, Any] = {
    "book-accounts": {"accounts": [_BOOK_ACCOUNT], "next": 31},
    "book-account": _BOOK_ACCOUNT,
    "accounts": [
        {"id": 15, "posted": _money("800.00"), "held": _money("300.00"), "available": _money("500.00")}
    ],
    "entries": {
        "entries": [
            {
                "id": _ROW,
                "change": _money("300.00"),
                "after": _money("800.00"),
                "code": "credit",
                "effective_at": _AT,
                "booked_at": _AT,
            }
        ],
        "next": _ROW,
    },
    "holds": [{"id": _ROW, "amount": _money("300.00"), "code": "convert", "expires_at": _AT}],
    "statement": (
        "id,booked_at,effective_at,code,change,after,currency\r\n"
        f"{_ROW},2026-11-21T08:00:00+00:00,2026-11-21T08:00:00+00:00,credit,300.00,800.00,KES\r\n"
    ),
    "receipt": {
        "code": _CODE,
        "kind": "receive",
        "status": "completed",
        "paid": _money("500.00"),
        "receives": _money("500.00"),
        "fees": _money("0.00"),
        "rate": "",
        "created_at": _AT,
        "ended_at": _AT,
        "ledger_rows": [_ROW],
        "steps": [{"name": "collect", "state": "done", "at": _AT, "tx_hash": None, "leaf_indexes": []}],
    },
    "proofs": {
        "code": _CODE,
        "rows": [
            {
                "row": _ROW,
                "leaf": _HASH,
                "index": 0,
                "leaves": 2,
                "path": [_HASH],
                "root": _ROOT,
                "batch": 6,
                "before": _HASH,
                "chain": _HASH,
            }
        ],
    },
    "figures": {
        "books_balanced": True,
        "faults": [],
        "registry": "0xfa3c0896230ee3B28c9a296EA7066c18982aD493",
        "tokens": [
            {
                "token": "cKES",
                "supply": "13100500.000000",
                "in_pools": "13000000.000000",
                "custody": "16550500.000000",
                "owed_to_customers": "500.000000",
            }
        ],
    },
    "statements": [_STATEMENT],
    "counted": {
        **_STATEMENT,
        "customer": _HASH,
        "amounts": [50_000],
        "index": 0,
        "path": [{"hash": _ROOT, "sums": [30_000]}],
    },
    "stuck": [
        {
            "code": _CODE,
            "payment": "receive",
            "status": "processing",
            "seq": 0,
            "kind": "collect",
            "state": "pending",
            "since": _AT,
            "attempts": 3,
            "reason": "pending for longer than we are patient",
            "last_word": "",
            "next_at": _AT,
            "choices": ["try-again", "give-up"],
        }
    ],
}


def shown(name: str, media_type: str = "application/json") -> dict[int | str, dict[str, Any]]:
    """The good answer of a route that reads."""
    return {200: {"content": {media_type: {"example": READ[name]}}}}
