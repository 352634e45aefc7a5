"""Payments for programs: initiate, confirm, follow, refund."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Request
from fastapi.responses import Response

from juapesa.api.clients import Client, Scope
from juapesa.api.errors import NotRefundable, OwnersOnly
from juapesa.api.gate import Gate, admitting_first, idempotency_key
from juapesa.api.payment_examples import CONFIRM, INITIATE, REFUND, answers
from juapesa.api.payment_models import (
    Confirmation,
    Initiation,
    PaymentAnswer,
    Progress,
    QuoteAnswer,
    Refund,
    State,
)
from juapesa.api.ports import ReceiptReader
from juapesa.db import Database, UnitOfWork
from juapesa.payments.errors import UnknownPayment
from juapesa.payments.ports import PaymentsDesk
from juapesa.wallet import People, parse_phone

_NOT_YOURS = "This client has no such payment. Check the code or token."

_WHY_NOT = {
    State.PROCESSING: "It is under way. If the other side cannot be paid, the money goes back by itself.",
    State.FAILED: "Nothing was taken, so there is nothing to give back.",
    State.COMPLETED: "The other side has the money, and only they can send it back.",
}
_OWN_WALLET = "The money is in the payer's own wallet; they can send or convert it from there."


@dataclass(frozen=True)
class PaymentDesk:
    """The use cases, each inside the caller's unit of work. A client sees only what it asked for itself."""

    people: People
    payments: PaymentsDesk
    receipts: ReceiptReader

    def initiate(self, uow: UnitOfWork, client: Client, given: Initiation) -> QuoteAnswer:
        """Price an order. Raises OwnersOnly, UnknownNumber and what ``PaymentsDesk.quote`` raises."""
        order = given.order()
        person = self.people.enroll(uow, parse_phone(given.payer, None).e164)
        is_owner = client.person_id == person.id
        if not is_owner and (given.uses_wallet or client.person_id is not None):
            raise OwnersOnly("This client may not order for this payer from this source.")
        quote = self.payments.quote(uow, person.id, order)
        uow.execute(
            "INSERT INTO api.quote (token, client_id, person_id) VALUES (%s, %s, %s)",
            (quote.token, client.id, person.id),
        )
        return QuoteAnswer.of(quote)

    def confirm(self, uow: UnitOfWork, client: Client, given: Confirmation) -> Progress:
        """Start the payment, once. Raises UnknownPayment, QuoteExpired, InsufficientFunds."""
        owned = uow.one(
            "SELECT person_id FROM api.quote WHERE token = %s AND client_id = %s", (given.token, client.id)
        )
        if owned is None:
            raise UnknownPayment(_NOT_YOURS)
        code = self.payments.confirm(uow, owned["person_id"], given.token).code
        uow.execute("UPDATE api.quote SET code = %s WHERE token = %s", (code, given.token))
        return Progress(code=code, state=self.payment(uow, client, code).state)

    def payment(self, uow: UnitOfWork, client: Client, code: str) -> PaymentAnswer:
        """What became of a payment. Raises UnknownPayment."""
        receipt = self.receipts.receipt(uow, code)
        sql = "SELECT 1 FROM api.quote WHERE code = %s AND client_id = %s"
        if uow.one(sql, (receipt.code, client.id)) is None:
            raise UnknownPayment(_NOT_YOURS)
        return PaymentAnswer.of(receipt)

    def refund(self, uow: UnitOfWork, client: Client, given: Refund) -> Progress:
        """Confirm that a payment's money goes back. Raises NotRefundable with the reason, UnknownPayment."""
        found = self.payment(uow, client, given.code)
        if found.state in {State.REFUNDING, State.REFUNDED}:
            return Progress(code=found.code, state=found.state)
        state = State.COMPLETED if found.state is State.SETTLED else found.state
        own = state is State.COMPLETED and found.kind in {"receive", "convert"}
        raise NotRefundable(_OWN_WALLET if own else _WHY_NOT[state])


def payment_routes(db: Database, gate: Gate, desk: PaymentDesk) -> APIRouter:
    """`POST /api/payments/initiate`, `/confirm`, `/refund`, `GET /api/payments/{code}`."""

    async def admit(request: Request) -> None:
        await gate.admitted(request, request.headers.get("authorization", ""), Scope.PAYMENTS_WRITE)

    router = APIRouter(prefix="/api/payments", tags=["payments"], route_class=admitting_first(admit))
    writes, reads = Depends(gate.needs(Scope.PAYMENTS_WRITE)), Depends(gate.needs(Scope.PAYMENTS_READ))
    Key = Annotated[str, Depends(idempotency_key)]  # noqa: N806 - a type

    @router.post("/initiate", status_code=201, response_model=QuoteAnswer, responses=answers(201, "initiate"))
    def initiate(
        given: Annotated[Initiation, Body(openapi_examples=INITIATE)],
        client: Annotated[Client, writes],  # before the key: a stranger learns nothing of what is wanted
        key: Key,
    ) -> Response:
        """Price an order. The quote binds us until `valid_until` and moves nothing."""
        return gate.once(client, key, given, 201, lambda uow: desk.initiate(uow, client, given))

    @router.post("/confirm", status_code=202, response_model=Progress, responses=answers(202, "confirm"))
    def confirm(
        given: Annotated[Confirmation, Body(openapi_examples=CONFIRM)],
        client: Annotated[Client, writes],
        key: Key,
    ) -> Response:
        """Start the payment of a quote, once. From a rail, the payer is asked on their phone."""
        return gate.once(client, key, given, 202, lambda uow: desk.confirm(uow, client, given))

    @router.post("/refund", status_code=202, response_model=Progress, responses=answers(202, "refund"))
    def refund(
        given: Annotated[Refund, Body(openapi_examples=REFUND)],
        client: Annotated[Client, writes],
        key: Key,
    ) -> Response:
        """Ask for the money back. What cannot go back is refused with the reason (409)."""
        return gate.once(client, key, given, 202, lambda uow: desk.refund(uow, client, given))

    @router.get("/{code}", responses=answers(200, "payment"))
    def payment(code: str, client: Annotated[Client, reads]) -> PaymentAnswer:
        """A payment that this client asked for, with its steps."""
        with db.unit_of_work() as uow:
            return desk.payment(uow, client, code)

    return router
