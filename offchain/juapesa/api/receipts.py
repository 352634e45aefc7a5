"""Receipts for everybody who has the code: a page that lives, and the same as JSON."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from juapesa.api.ports import ReceiptReader
from juapesa.api.read_examples import shown
from juapesa.api.texts import LANGUAGES, TEXTS, choose_language
from juapesa.db import Database
from juapesa.errors import NotFound
from juapesa.ledger.engine.proofs import proofs_in
from juapesa.money import Money
from juapesa.payments.domain import Status
from juapesa.payments.ports import Receipt

UNDERWAY = frozenset({Status.PROCESSING, Status.PENDING, Status.REFUNDING})
REFRESH_SECONDS = 2


class Pages:
    """Renders templates; every value is escaped."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def render(
        self,
        name: str,
        request: Request,
        status: int = 200,
        more_headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> Response:
        """One page in the reader's language, with a policy that lets only its own script run."""
        language = choose_language(
            request.query_params.get("lang"), request.headers.get("accept-language", "")
        )
        nonce = secrets.token_urlsafe(16)
        html = self._environment.get_template(name).render(
            t=TEXTS[language], language=language, languages=LANGUAGES, nonce=nonce, **values
        )
        policy = (
            f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; "
            "img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )
        headers = {
            "Content-Security-Policy": policy,
            "Content-Language": language,
            "Vary": "Accept-Language",
            **(more_headers or {}),
        }
        return HTMLResponse(html, status, headers)


def receipt_routes(db: Database, reader: ReceiptReader, pages: Pages) -> APIRouter:
    """`GET /p/{code}` and `GET /api/receipts/{code}`; neither needs or shows who anybody is."""
    router = APIRouter(tags=["receipts"])

    def read(code: str) -> Receipt:
        with db.unit_of_work() as uow:
            return reader.receipt(uow, code)

    @router.get("/p/{code}", response_class=HTMLResponse, include_in_schema=False)
    def page(code: str, request: Request) -> Response:
        try:
            receipt = read(code)
        except NotFound:
            return pages.render("no_receipt.html", request, 404)
        live = receipt.status in UNDERWAY
        return pages.render("receipt.html", request, receipt=receipt, live=live, seconds=REFRESH_SECONDS)

    @router.get("/api/receipts/{code}", responses=shown("receipt"))
    def data(code: str) -> dict[str, Any]:
        """The receipt as data. 404 when no payment has this code."""
        return receipt_json(read(code))

    @router.get("/api/receipts/{code}/proofs", responses=shown("proofs"))
    def proofs(code: str) -> dict[str, Any]:
        """That what was booked for this payment is in the sealed books. 404 while it is not sealed yet.

        Hashes only: a row's image holds balances, and its owner can ask for it.
        """
        receipt = read(code)
        with db.snapshot() as snapshot:
            found = proofs_in(snapshot, receipt.ledger_rows)
        rows = [
            {"row": str(row), **proof.as_public_json()}
            for row, proof in zip(receipt.ledger_rows, found, strict=True)
        ]
        return {"code": receipt.code, "rows": rows}

    return router


def receipt_json(receipt: Receipt) -> dict[str, Any]:
    """The public form of a receipt; amounts as decimal strings, times in ISO 8601 UTC."""
    return {
        "code": receipt.code,
        "kind": receipt.kind,
        "status": receipt.status,
        "paid": _money(receipt.paid),
        "receives": _money(receipt.receives),
        "fees": _money(receipt.fees),
        "rate": receipt.rate,
        "created_at": receipt.created_at.isoformat(),
        "ended_at": receipt.ended_at.isoformat() if receipt.ended_at else None,
        "ledger_rows": [str(each) for each in receipt.ledger_rows],
        "steps": [
            {
                "name": step.name,
                "state": step.state,
                "at": step.at.isoformat() if step.at else None,
                "tx_hash": step.tx_hash,
                "leaf_indexes": list(step.leaf_indexes),
            }
            for step in receipt.steps
        ],
    }


def _money(amount: Money) -> dict[str, str]:
    return {"amount": amount.plain(), "currency": amount.currency.code}
