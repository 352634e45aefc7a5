"""Public figures as data: supply, custody, what is owed, and whether the books balance."""

import threading
import time
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter

from juapesa.api.read_examples import shown
from juapesa.assembly import Parts, custody_rails
from juapesa.money import token_of
from juapesa.transparency.figures import figures

# The figures come from every row of the ledger: nobody may make us read it all the time.
FRESH_SECONDS = 2.0
SHARE_OF_TIME_MAX = 0.05


def figure_routes(parts: Parts) -> APIRouter:
    """`GET /api/transparency`."""
    router = APIRouter(prefix="/api", tags=["transparency"])
    issued = {token_of(currency): rail for currency, rail in custody_rails().items()}

    def compute() -> dict[str, Any]:
        with parts.db.snapshot() as snapshot:
            found = figures(snapshot, parts.ledger, issued)
        return {
            "books_balanced": found.books_balanced,
            "faults": list(found.faults),
            "registry": parts.deployment.registry,
            "tokens": [
                {
                    "token": each.token.code,
                    "supply": each.supply.plain(),
                    "in_pools": each.in_pools.plain(),
                    "custody": each.custody.plain(),
                    "owed_to_customers": each.owed_to_customers.plain(),
                }
                for each in found.tokens
            ],
        }

    answer = Lately(compute, FRESH_SECONDS)

    @router.get("/transparency", responses=shown("figures"))
    def transparency() -> dict[str, Any]:
        """Totals only; nobody's balance. Two seconds old at most, while the books are short."""
        return answer.get()

    return router


class Lately:
    """An answer that is costly to make: made by one caller at a time and good for a while.

    For longer when it takes long: making it never takes more than a small share of the time.
    """

    def __init__(self, make: Callable[[], dict[str, Any]], seconds: float) -> None:
        self._make = make
        self._seconds = seconds
        self._lock = threading.Lock()
        self._stale_at = float("-inf")
        self._answer: dict[str, Any] = {}

    def get(self) -> dict[str, Any]:
        with self._lock:
            began = time.monotonic()
            if began > self._stale_at:
                self._answer = self._make()
                now = time.monotonic()
                self._stale_at = now + max(self._seconds, (now - began) / SHARE_OF_TIME_MAX)
            return self._answer
