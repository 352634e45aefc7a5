"""Where operators post what became of an order. It is only recorded; an agent acts on it."""

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import Response

from juapesa.api.ports import CallbackDesk
from juapesa.db import Database
from juapesa.errors import NotFound
from juapesa.observability.counters import Counters

COUNTER = "jua_callbacks_total"


class NoSuchAddress(NotFound):
    """The address is none that we gave to an operator. All wrong addresses look alike."""

    slug = "no-such-address"


def callback_routes(db: Database, desk: CallbackDesk, counters: Counters) -> APIRouter:
    """`POST|PUT /callbacks/{rail}/{kind}/{reference}/{token}`."""
    router = APIRouter()

    def keep(rail: str, kind: str, reference: str, body: bytes) -> bool:
        with db.unit_of_work() as uow:
            return desk.inbox.record(uow, rail, kind, reference, body)

    @router.api_route(
        "/callbacks/{rail}/{kind}/{reference}/{token}", methods=["POST", "PUT"], include_in_schema=False
    )
    async def callback(rail: str, kind: str, reference: str, token: str, request: Request) -> Response:
        if rail not in desk.answers or not desk.addresses.verify(rail, kind, reference, token):
            counters.add(COUNTER, rail=rail if rail in desk.answers else "unknown", result="forged")
            raise NoSuchAddress("There is nothing here.")
        is_new = await asyncio.to_thread(keep, rail, kind, reference, await request.body())
        counters.add(COUNTER, rail=rail, result="new" if is_new else "repeated")
        status, body, content_type = desk.answers[rail](kind)
        return Response(body, status, media_type=content_type)

    return router
