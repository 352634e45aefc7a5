"""The attesters' desk: what there is to sign, and where signatures are handed in.

Every request is signed with the attester's own key (``issuance.desk``); there is no shared secret.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from juapesa.api import shapes
from juapesa.api.gate import admitting_first
from juapesa.clock import Clock
from juapesa.db import Database
from juapesa.issuance import desk
from juapesa.issuance.service import Issuance
from juapesa.issuance.statements import ENTRIES_MAX

StatementId = Annotated[int, Path(ge=1, lt=2**63)]


class Signature(BaseModel):
    """A signature over a statement's EIP-712 digest, 65 bytes r‖s‖v in hex."""

    model_config = ConfigDict(extra="forbid")

    signature: str = Field(pattern=shapes.SIGNATURE)


class Refusal(BaseModel):
    """The numbers of a statement's entries that are in the way of a signature."""

    model_config = ConfigDict(extra="forbid")

    numbers: list[Annotated[int, Field(ge=0, lt=2**63)]] = Field(min_length=1, max_length=ENTRIES_MAX)


def attester_routes(db: Database, issuance: Issuance, clock: Clock) -> APIRouter:
    """`GET /attesters/requests`, `POST /attesters/requests/{statement}/signature` and `…/refusal`."""

    async def caller(request: Request) -> str:
        now = int(clock.now().timestamp())
        body = await request.body()
        return desk.authenticate(
            request.headers.get("authorization"), request.method, request.url.path, body, now
        )

    router = APIRouter(prefix="/attesters", tags=["attesters"], route_class=admitting_first(caller))
    Attester = Annotated[str, Depends(caller)]  # noqa: N806 - a type

    @router.get("/requests")
    async def requests(attester: Attester) -> dict[str, Any]:
        """Statements that wait for this attester's signature, oldest first."""
        found = await run_in_threadpool(read, attester)
        return {"requests": found}

    def read(attester: str) -> list[dict[str, Any]]:
        with db.unit_of_work() as uow:
            return [desk.request_json(each) for each in issuance.open_requests(uow, attester)]

    @router.post("/requests/{statement}/signature", status_code=204)
    async def sign(statement: StatementId, given: Signature, attester: Attester) -> None:
        """Hand in a signature. Repeating it is harmless."""
        await run_in_threadpool(write, attester, statement, bytes.fromhex(given.signature[2:]))

    def write(attester: str, statement: int, signature: bytes) -> None:
        with db.unit_of_work() as uow:
            issuance.add_signature(uow, attester, statement, signature)

    @router.post("/requests/{statement}/refusal", status_code=204)
    async def refuse(statement: StatementId, given: Refusal, attester: Attester) -> None:
        """Say which entries are not signed, so that the statement is made again without them."""
        await run_in_threadpool(split, attester, statement, given.numbers)

    def split(attester: str, statement: int, numbers: list[int]) -> None:
        with db.unit_of_work() as uow:
            issuance.refuse(uow, attester, statement, numbers)

    return router
