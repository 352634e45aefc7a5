"""Business to customer, version 3: payouts. Version 1, without an id of the client, works too."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from juapesa.money import KES, Money
from juapesa.sandbox.courier import Delivery
from juapesa.sandbox.daraja import codes, ids, results
from juapesa.sandbox.daraja.world import (
    ACCOUNTS,
    BALANCE_MAX,
    EARNINGS,
    TRANSACTION_MAX,
    World,
    account,
    decimal,
    need,
    need_phone,
    need_shillings,
    need_url,
    shillings,
    test_code,
    text,
)
from juapesa.sandbox.faults import Fault
from juapesa.sandbox.orders import FAILED, SUCCESS, Order, plan
from juapesa.sandbox.wire import answer

REJECTED = "2040"
COMMANDS = {"BusinessPayment", "SalaryPayment", "PromotionPayment"}
PAYOUT_MIN = Money.whole(10, KES)
REASONS = {
    "BusinessPayment": "Business Payment to Customer via API",
    "SalaryPayment": "Salary Payment via API",
    "PromotionPayment": "Promotion Payment via API",
}


class B2c:
    """The payout endpoint and what follows from it."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def pay_v3(self, request: Request) -> Response:
        """POST /mpesa/b2c/v3/paymentrequest."""
        body, phone = await self._world.enter(request, "payout", "PartyB")
        return await self._pay(body, phone, need(body, "OriginatorConversationID", longest=128))

    async def pay_v1(self, request: Request) -> Response:
        """POST /mpesa/b2c/v1/paymentrequest."""
        body, phone = await self._world.enter(request, "payout", "PartyB")
        return await self._pay(body, phone, ids.request_id())

    async def _pay(self, body: dict[str, Any], phone: str, originator: str) -> Response:
        order = self._read(body, originator)
        if self.find(originator) is not None:
            raise codes.refuse("500.002.1001")
        fault = self._world.inside("payout", phone)
        self._plan(order, fault)
        self._world.engine.accept(order)
        accepted = results.acknowledgement(order.id, originator)
        return await answer(fault, JSONResponse(accepted))

    def find(self, originator: str) -> Order | None:
        """The payout with this OriginatorConversationID."""
        payouts = (each for each in self._world.engine.named(originator) if each.wire["what"] == "b2c")
        return next((each for each in payouts if each.reference == originator), None)

    def settle(self, order: Order) -> None:
        """M-Pesa's core decides and pays."""
        book, receiver, ours = self._world.book, self._world.person(order.phone), order.wire["shortcode"]
        order.receipt = ids.receipt(self._world.clock.now())
        code = order.wire["refusal"] or order.plan.fail_code or self._rule(order, receiver)
        if code:
            order.status, order.code = FAILED, code
            return
        book.move(account(ours, "utility"), receiver, order.amount)
        book.move(account(ours, "charges"), EARNINGS, self._world.charge(order.amount))
        order.times_moved += 1
        order.status, order.code = SUCCESS, "0"

    def notify(self, order: Order, *, forged: bool) -> Delivery | None:
        """The result, true or as a stranger would forge it."""
        if order.plan.queue_timeout:
            return results.queue_timeout(order.id, order.wire["timeout_url"], order.reference, order.id)
        code = "0" if forged else order.code
        receipt = ids.receipt(self._world.clock.now()) if forged else order.receipt
        parameters = self._parameters(order, receipt) if code == "0" else {}
        body = results.result(
            code,
            originator=order.reference,
            conversation=order.id,
            transaction=receipt,
            parameters=parameters,
            topic="b2cresults",
        )
        assert order.callback_url is not None, "a payout always names its result address"
        return Delivery(order.id, "payout", order.callback_url, json=body, forged=forged)

    def _parameters(self, order: Order, receipt: str) -> dict[str, Any]:
        at = order.settled_at or self._world.engine.now()
        held = {kind: self._world.book.balance(account(order.wire["shortcode"], kind)) for kind in ACCOUNTS}
        return {
            "TransactionAmount": shillings(order.amount),
            "TransactionReceipt": receipt,
            "ReceiverPartyPublicName": f"{order.phone} - {public_name(order.phone)}",
            "TransactionCompletedDateTime": ids.dotted(at),
            "B2CUtilityAccountAvailableFunds": decimal(held["utility"]),
            "B2CWorkingAccountAvailableFunds": decimal(held["working"]),
            "B2CRecipientIsRegisteredCustomer": "Y",
            "B2CChargesPaidAccountAvailableFunds": decimal(held["charges"]),
        }

    def _read(self, body: dict[str, Any], originator: str) -> Order:
        initiator, credential = need(body, "InitiatorName"), need(body, "SecurityCredential", longest=2_000)
        command = need(body, "CommandID")
        if command not in COMMANDS:
            raise codes.bad_field("CommandID")
        amount = need_shillings(body)
        shortcode = need(body, "PartyA", longest=10)
        if not shortcode.isdecimal():
            raise codes.bad_field("PartyA")
        phone = need_phone(body, "PartyB")
        need(body, "Remarks", longest=100, shortest=2)
        timeout_url, result_url = need_url(body, "QueueTimeOutURL"), need_url(body, "ResultURL")
        if len(text(body, "Occassion")) > 100:
            raise codes.bad_field("Occassion")
        # A wrong initiator is found out only by the core, after the acknowledgement.
        known = self._world.access.initiator_is_valid(initiator, credential)
        product = "" if shortcode == self._world.settings.b2c_shortcode else "2028"
        now = self._world.clock.now()
        return Order(
            id=ids.conversation_id(now),
            kind="payout",
            reference=originator,
            phone=phone,
            minor=amount.minor,
            currency=amount.currency.code,
            exponent=amount.currency.exponent,
            callback_url=result_url,
            accepted_at=now.timestamp(),
            settle_at=0.0,
            plan=plan(None, REJECTED),
            wire={
                "what": "b2c",
                "refusal": product if known else "2001",
                "command": command,
                "timeout_url": timeout_url,
                "shortcode": shortcode,
            },
        )

    def _plan(self, order: Order, fault: Fault | None) -> None:
        order.plan = plan(fault, REJECTED)
        wanted = test_code(order.phone)
        if wanted in codes.RESULT and wanted != "0":
            order.plan.fail_code = wanted
        order.settle_at = self._world.engine.settle_time(order.plan)

    def _rule(self, order: Order, receiver: str) -> str:
        if order.amount < PAYOUT_MIN:
            return "2"
        if order.amount > TRANSACTION_MAX:
            return "3"
        if self._world.book.balance(receiver) + order.amount > BALANCE_MAX:
            return "8"
        return (
            "" if self._world.book.covers(account(order.wire["shortcode"], "utility"), order.amount) else "1"
        )


def public_name(phone: str) -> str:
    """A name for a test person, the same every time: nobody's."""
    first = ("AMANI", "BARAKA", "FURAHA", "IMANI", "JABALI", "NEEMA", "SUBIRA", "TUMAINI")
    last = ("MTIHANI", "MFANO", "JARIBIO", "SAMPULI")
    return f"{first[int(phone[-2:]) % len(first)]} {last[int(phone[-4:-2]) % len(last)]}"
