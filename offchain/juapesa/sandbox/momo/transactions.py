"""Request to pay, transfer, deposit, refund: one shape, four names."""

import asyncio
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from juapesa.money import Currency, Money
from juapesa.sandbox.faults import digits
from juapesa.sandbox.momo.access import User, host_is_allowed, reference
from juapesa.sandbox.momo.wire import DELAYED, ONGOING, bad_request, is_uuid4, refuse, test_pace, test_reason
from juapesa.sandbox.momo.world import World
from juapesa.sandbox.orders import LATE_SECONDS, PENDING, SUCCESS, Order, parse_amount, plan
from juapesa.sandbox.wire import answer, json_object, raw_body

NOTE_MAX = 160
NEVER_SECONDS = 10 * 365 * 86_400.0


@dataclass(frozen=True, slots=True)
class Operation:
    """``party`` is the body's field that holds the person; None for a refund, which names an order."""

    path: str
    product: str
    kind: str
    party: str | None
    reject_reason: str


REQUEST_TO_PAY = Operation("requesttopay", "collection", "collect", "payer", "APPROVAL_REJECTED")
TRANSFER = Operation("transfer", "disbursement", "payout", "payee", "PAYEE_NOT_ALLOWED_TO_RECEIVE")
DEPOSIT = Operation("deposit", "disbursement", "payout", "payee", "PAYEE_NOT_ALLOWED_TO_RECEIVE")
REFUND = Operation("refund", "disbursement", "payout", None, "INTERNAL_PROCESSING_ERROR")
OPERATIONS = (REQUEST_TO_PAY, TRANSFER, DEPOSIT, REFUND)


class Transactions:
    """Creating one of these orders and asking about it."""

    def __init__(self, world: World, operation: Operation) -> None:
        self._world = world
        self._operation = operation

    async def create(self, request: Request) -> Response:
        """POST: 202 with an empty body."""
        operation, world = self._operation, self._world
        body = json_object(await raw_body(request))
        user, currency = world.enter(request, operation.product, operation.kind, self._phone(body or {}))
        own = reference(request)
        if body is None:
            raise bad_request("The body is not a JSON object.")
        callback = _callback(request, user)
        order = self._order(body, own, currency, callback)
        if order.id in world.engine.orders:
            raise refuse(409, "RESOURCE_ALREADY_EXIST")
        fault = world.inside(operation.kind, order.phone)
        order.plan = plan(fault, operation.reject_reason)
        self._test_number(order)
        order.settle_at = world.engine.settle_time(order.plan)
        world.engine.accept(order)
        return await answer(fault, Response(status_code=202))

    async def status(self, request: Request) -> Response:
        """GET …/{referenceId}."""
        world, own = self._world, request.path_params["reference"].lower()
        order = world.engine.orders.get(self._id(own))
        world.enter(request, self._operation.product, "status", order.phone if order else "")
        if not is_uuid4(own):
            raise bad_request("The reference id must be a UUID of version 4.")
        fault = world.inside("status", order.phone if order else "")
        kind = fault.fault if fault is not None else ""
        if kind == "reject":
            raise refuse(500, fault.code if fault and fault.code else "INTERNAL_PROCESSING_ERROR")
        if kind == "late" and fault is not None:
            await asyncio.sleep(fault.wait(LATE_SECONDS))
        if order is None or kind == "lost":
            raise refuse(404, "RESOURCE_NOT_FOUND")
        seen = PENDING if kind == "silent" else order.seen_at(world.engine.now())
        return await answer(fault, JSONResponse(world.view(order, seen)))

    def _id(self, own: str) -> str:
        return f"{self._operation.path}/{own}"

    def _phone(self, body: dict[str, Any]) -> str:
        party = body.get(self._operation.party or "")
        return digits(str(party.get("partyId", ""))) if isinstance(party, dict) else ""

    def _order(self, body: dict[str, Any], own: str, currency: Currency, callback: str | None) -> Order:
        amount, phone, echo = self._read(body, currency)
        return Order(
            id=self._id(own),
            kind=self._operation.kind,
            reference=own,
            phone=phone,
            minor=amount.minor,
            currency=currency.code,
            exponent=currency.exponent,
            callback_url=callback,
            accepted_at=self._world.engine.now(),
            settle_at=0.0,
            plan=plan(None, ""),
            wire={"echo": echo, "refunds": str(body.get("referenceIdToRefund", "")).lower()},
        )

    def _read(self, body: dict[str, Any], currency: Currency) -> tuple[Money, str, dict[str, Any]]:
        text = body.get("amount")
        if not isinstance(text, str) or not isinstance(body.get("currency"), str):
            raise bad_request("amount and currency are required and are texts.")
        if body["currency"] != currency.code:
            raise refuse(500, "INVALID_CURRENCY")
        amount = parse_amount(text, currency)
        if amount is None:
            raise bad_request("amount must be a positive decimal with the currency's decimals.")
        echo: dict[str, Any] = {"amount": text, "currency": currency.code}
        echo["externalId"] = _note(body, "externalId")
        phone = self._party(body, echo, amount)
        for name in ("payerMessage", "payeeNote"):
            echo[name] = _note(body, name)
        return amount, phone, echo

    def _party(self, body: dict[str, Any], echo: dict[str, Any], amount: Money) -> str:
        name = self._operation.party
        if name is None:
            return self._refunded(body, amount)
        party = body.get(name)
        if not isinstance(party, dict) or party.get("partyIdType") != "MSISDN":
            raise bad_request(f"{name} must hold partyIdType MSISDN and partyId.")
        phone = party.get("partyId")
        if not isinstance(phone, str) or not (
            phone.isascii() and phone.isdecimal() and 5 <= len(phone) <= 15
        ):
            raise bad_request("partyId must be the number with its country code, digits only.")
        echo[name] = {"partyIdType": "MSISDN", "partyId": phone}
        return phone

    def _refunded(self, body: dict[str, Any], amount: Money) -> str:
        own = str(body.get("referenceIdToRefund", "")).lower()
        paid = self._world.engine.orders.get(f"{REQUEST_TO_PAY.path}/{own}")
        if paid is None or paid.status != SUCCESS or paid.amount.currency != amount.currency:
            raise refuse(404, "RESOURCE_NOT_FOUND")
        done = [
            each.minor
            for each in self._world.engine.orders.values()
            if each.wire.get("refunds") == own and each.status in {SUCCESS, PENDING}
        ]
        if sum(done) + amount.minor > paid.minor:
            raise bad_request("More than was paid cannot be refunded.")
        return paid.phone

    def _test_number(self, order: Order) -> None:
        made = order.plan
        made.fail_code = test_reason(order.phone, order.kind) or made.fail_code
        pace = test_pace(order.phone)
        if pace == DELAYED:
            made.settle_seconds = self._world.options["delayed_seconds"]
        if pace == ONGOING:
            made.settle_seconds = NEVER_SECONDS


def _callback(request: Request, user: User) -> str | None:
    url = request.headers.get("x-callback-url")
    if not url:
        return None
    if not host_is_allowed(url, user):
        raise refuse(500, "INVALID_CALLBACK_URL_HOST")
    return url


def _note(body: dict[str, Any], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str) or len(value) > NOTE_MAX:
        raise bad_request(f"{name} must be a text of at most {NOTE_MAX} characters.")
    return value
