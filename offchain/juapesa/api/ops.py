"""For the house's operators: payments that need a person. To look only; `jua pay release` acts.

The page works without script on a small phone. A browser asks for a name and a password: any name, and the
client's token as the password.
"""

import base64
import binascii
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from starlette.concurrency import run_in_threadpool

from juapesa.api.clients import Client, Scope
from juapesa.api.errors import NotAuthenticated
from juapesa.api.gate import Gate
from juapesa.api.payment_examples import problems
from juapesa.api.read_examples import shown as example
from juapesa.api.receipts import Pages
from juapesa.db import Database
from juapesa.payments.stuck import StuckDesk, StuckLeg

REFRESH_SECONDS = 60
_ASKS = {"WWW-Authenticate": 'Basic realm="Jua Pesa operations", charset="UTF-8"'}


def ops_routes(db: Database, gate: Gate, desk: StuckDesk, pages: Pages) -> APIRouter:
    """`GET /api/ops/stuck` and the page `/ops/stuck`, for clients with `operations:read`."""
    router = APIRouter(tags=["operations"])
    Operator = Annotated[Client, Depends(gate.needs(Scope.OPERATIONS_READ))]  # noqa: N806 - a type

    def read() -> list[StuckLeg]:
        with db.unit_of_work() as uow:
            return desk.stuck(uow)

    @router.get("/api/ops/stuck", responses=problems() | example("stuck"))
    def stuck(_: Operator) -> list[dict[str, Any]]:
        """Legs that a person should look at, oldest first: since when, why, what may be decided."""
        return [asdict(each) for each in read()]

    @router.get("/ops/stuck", response_class=HTMLResponse, include_in_schema=False)
    async def page(request: Request) -> Response:
        try:
            await gate.admitted(request, _as_bearer(request), Scope.OPERATIONS_READ)
        except NotAuthenticated:
            return pages.render("operators_only.html", request, 401, _ASKS)
        return await run_in_threadpool(shown, request)

    def shown(request: Request) -> Response:
        return pages.render("stuck.html", request, legs=read(), seconds=REFRESH_SECONDS)

    return router


def _as_bearer(request: Request) -> str:
    """The Authorization header; a browser's password stands for the token."""
    header = request.headers.get("authorization", "")
    scheme, _, given = header.partition(" ")
    if scheme.lower() != "basic":
        return header
    try:
        text = base64.b64decode(given, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise NotAuthenticated("The name and password cannot be read.") from None
    return f"Bearer {text.partition(':')[2]}"
