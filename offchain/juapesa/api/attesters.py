"""The attesters' desk: what there is to sign, and where signatures are handed in.

Every request is signed with the attester's own key (``issuance.desk``); there is no shared secret.
"""

import uuid
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from juapesa.clock import Clock
from juapesa.db import Database
from juapesa.issuance import desk
from juapesa.issuance.service import Issuance


class Signature(BaseModel):
    """A signature over a statement's EIP-712 digest, 65 bytes r‖s‖v in hex."""

    model_config = ConfigDict(extra="forbid")

    signature: str = Field(pattern=r"^0x[0-9a-fA-F]{130}$")


def attester_routes(db: Database, issuance: Issuance, clock: Clock) -> APIRouter:
    """`GET /attesters/requests`, `POST /attesters/requests/{item}/signature`."""
    router = APIRouter(prefix="/attesters", tags=["attesters"])

    async def caller(request: Request) -> str:
        now = int(clock.now().timestamp())
        body = await request.body()
        return desk.authenticate(
            request.headers.get("authorization"), request.method, request.url.path, body, now
        )

    @router.get("/requests")
    async def requests(request: Request) -> dict[str, Any]:
        """Statements that wait for this attester's signature, oldest first."""
        attester = await caller(request)
        found = await run_in_threadpool(read, attester)
        return {"requests": found}

    def read(attester: str) -> list[dict[str, Any]]:
        with db.unit_of_work() as uow:
            return [desk.request_json(each) for each in issuance.open_requests(uow, attester)]

    @router.post("/requests/{item}/signature", status_code=204)
    async def sign(item: uuid.UUID, given: Signature, request: Request) -> None:
        """Hand in a signature. Repeating it is harmless."""
        attester = await caller(request)
        await run_in_threadpool(write, attester, item, bytes.fromhex(given.signature[2:]))

    def write(attester: str, item: uuid.UUID, signature: bytes) -> None:
        with db.unit_of_work() as uow:
            issuance.add_signature(uow, attester, item, signature)

    return router
