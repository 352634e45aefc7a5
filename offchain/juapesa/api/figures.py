"""Public figures as data: supply, custody, what is owed, and whether the books balance."""

from typing import Any

from fastapi import APIRouter

from juapesa.assembly import Parts, custody_rails
from juapesa.money import token_of
from juapesa.transparency.figures import figures


def figure_routes(parts: Parts) -> APIRouter:
    """`GET /api/transparency`."""
    router = APIRouter(prefix="/api", tags=["transparency"])
    issued = {token_of(currency): rail for currency, rail in custody_rails().items()}

    @router.get("/transparency")
    def transparency() -> dict[str, Any]:
        """Totals only; nobody's balance."""
        with parts.db.unit_of_work() as uow:
            found = figures(uow, parts.ledger, issued)
        return {
            "books_balanced": found.books_balanced,
            "faults": list(found.faults),
            "registry": parts.deployment.registry,
            "tokens": [
                {
                    "token": each.token.code,
                    "supply": each.supply.plain(),
                    "custody": each.custody.plain(),
                    "owed_to_customers": each.owed_to_customers.plain(),
                }
                for each in found.tokens
            ],
        }

    return router
