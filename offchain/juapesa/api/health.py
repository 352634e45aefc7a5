"""Is this process alive, can it work, what has it counted."""

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from juapesa.db import Database
from juapesa.observability.counters import Counters


def health_routes(db: Database, counters: Counters) -> APIRouter:
    """`/health` (the process answers), `/ready` (its database too), `/metrics`."""
    router = APIRouter(tags=["health"])

    @router.get("/health")
    async def health() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @router.get("/ready")
    def ready() -> dict[str, str]:
        """The database answers too; 503 otherwise."""
        with db.unit_of_work() as uow:
            uow.one("SELECT 1 AS one")
        return {"status": "ready"}

    @router.get("/metrics", include_in_schema=False)
    async def metrics() -> PlainTextResponse:
        return PlainTextResponse(counters.render(), media_type="text/plain; version=0.0.4")

    return router
