"""Statements of what is owed to customers: public totals, and each person's own proof."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from juapesa.api.clients import Client, Scope
from juapesa.api.errors import OwnersOnly
from juapesa.api.gate import Gate
from juapesa.api.payment_examples import problems
from juapesa.api.read_examples import shown
from juapesa.db import Database
from juapesa.ledger import AccountKind
from juapesa.transparency.liabilities import counted, statements

SHOWN_MAX = 31


def liability_routes(db: Database, gate: Gate, key: bytes) -> APIRouter:
    """`GET /api/transparency/liabilities` for anybody, `GET /api/accounts/liabilities` for an owner."""
    router = APIRouter(prefix="/api", tags=["transparency"])
    Owner = Annotated[Client, Depends(gate.needs(Scope.ACCOUNTS_READ))]  # noqa: N806 - a type

    @router.get("/transparency/liabilities", responses=shown("statements"))
    def published() -> list[dict[str, Any]]:
        """The newest statements: roots, what was owed and held in minor units, the ledger's head."""
        with db.unit_of_work() as uow:
            return [each.as_json() for each in statements(uow, SHOWN_MAX)]

    @router.get("/accounts/liabilities", responses=problems() | shown("counted"))
    def own(client: Owner) -> dict[str, Any]:
        """The proof that the client's person is counted in the newest statement."""
        if client.person_id is None:
            raise OwnersOnly("This client was made for no person, so nobody is counted for it.")
        with db.unit_of_work() as uow:
            return counted(uow, key, AccountKind.WALLET, str(client.person_id)).as_json()

    return router
