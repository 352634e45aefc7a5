"""The FastAPI application, put together from what it is handed."""

from collections.abc import Sequence

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from juapesa import __version__
from juapesa.api import problems
from juapesa.api.callbacks import COUNTER, callback_routes
from juapesa.api.guards import BodyLimit, HeadAsGet, SecurityHeaders
from juapesa.api.health import health_routes
from juapesa.api.ports import CallbackDesk, ReceiptReader
from juapesa.api.receipts import Pages, receipt_routes
from juapesa.config import Settings
from juapesa.db import Database
from juapesa.observability.counters import Counters

COUNTER_HELP = {COUNTER: "Callbacks by rail and result; forged ones are counted and nothing else."}


def build_app(
    settings: Settings,
    db: Database,
    receipts: ReceiptReader,
    callbacks: CallbackDesk,
    more: Sequence[APIRouter] = (),
) -> FastAPI:
    """The application; ``more`` are the routes of other desks."""
    app = FastAPI(
        title="Jua Pesa",
        version=__version__,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.counters = counters = Counters(COUNTER_HELP)
    pages = Pages()
    problems.install(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(HeadAsGet)
    app.add_middleware(SecurityHeaders, https=settings.public_url.startswith("https:"))
    for router in (
        health_routes(db, counters),
        callback_routes(db, callbacks, counters),
        receipt_routes(db, receipts, pages),
        _front(settings, pages),
        *more,
    ):
        app.include_router(router)
    return app


def _front(settings: Settings, pages: Pages) -> APIRouter:
    """The first page: where to dial, and a field for a receipt's code."""
    router = APIRouter(include_in_schema=False)

    @router.get("/", response_class=HTMLResponse)
    def front(request: Request) -> Response:
        phone = f"http://{request.url.hostname}:{settings.ports.ussd}/phone"
        return pages.render("front.html", request, phone=phone, service_code=settings.ussd.service_code)

    @router.get("/p")
    def look_up(code: str = "") -> Response:
        kept = "".join(each for each in code if each.isascii() and each.isalnum())[:20]
        return RedirectResponse(f"/p/{kept}" if kept else "/", 303)

    return router
