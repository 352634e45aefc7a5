"""Transaction status, account balance and reversal: commands whose answer comes by callback."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from juapesa.money import KES, Money
from juapesa.sandbox.courier import Delivery
from juapesa.sandbox.daraja import codes, ids, results
from juapesa.sandbox.daraja.b2c import REASONS, public_name
from juapesa.sandbox.daraja.world import (
    World,
    account,
    decimal,
    need,
    need_shillings,
    need_url,
    shillings,
    text,
)
from juapesa.sandbox.faults import Fault
from juapesa.sandbox.orders import LATE_SECONDS, PENDING, SUCCESS, Order
from juapesa.sandbox.wire import answer

_TOPICS = {"status": "tsresults", "balance": "abresults", "reversal": "reversalresults"}
_ORGANISATION = "Jua Pesa"


class Enquiries:
    """The three endpoints."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def status(self, request: Request) -> Response:
        """POST /mpesa/transactionstatus/v1/query, by TransactionID or OriginalConversationID."""
        body, _ = await self._world.enter(request, "status", bearer_code="401.002.01")
        self._check(body, "TransactionStatusQuery", "Initiator", "Remarks", "PartyA")
        receipt, original = text(body, "TransactionID"), text(body, "OriginalConversationID")
        if not receipt and not original:
            raise codes.bad_field("TransactionID")
        if text(body, "IdentifierType") not in {"1", "2", "4"}:
            raise codes.bad_field("IdentifierType")
        order = self._find(receipt, original)
        return await self._answer("status", body, order.phone if order else "", lambda: self._status(order))

    async def balance(self, request: Request) -> Response:
        """POST /mpesa/accountbalance/v1/query."""
        body, _ = await self._world.enter(request, "balance", bearer_code="401.002.01")
        self._check(body, "AccountBalance", "Initiator", "Remarks", "PartyA")
        if text(body, "IdentifierType") != "4":
            raise codes.bad_field("IdentifierType")
        shortcode = text(body, "PartyA")
        known = shortcode in self._world.shortcodes
        return await self._answer(
            "balance", body, "", lambda: self._balance(shortcode) if known else ("21", {}, "")
        )

    async def reverse(self, request: Request) -> Response:
        """POST /mpesa/reversal/v1/request: customer payments only."""
        body, _ = await self._world.enter(request, "payout", bearer_code="401.002.01")
        self._check(body, "TransactionReversal", "Initiator", "Remarks", "ReceiverParty", "TransactionID")
        if text(body, "RecieverIdentifierType") not in {"4", "11"}:
            raise codes.bad_field("RecieverIdentifierType")
        amount, receipt = need_shillings(body), text(body, "TransactionID")
        return await self._answer("reversal", body, "", lambda: self._reverse(receipt, amount))

    def _check(self, body: dict[str, Any], command: str, *fields: str) -> None:
        for name in fields:
            need(body, name, longest=128)
        need(body, "SecurityCredential", longest=2_000)
        if text(body, "CommandID") != command:
            raise codes.bad_field("CommandID")
        need_url(body, "ResultURL")
        need_url(body, "QueueTimeOutURL")

    async def _answer(self, topic: str, body: dict[str, Any], phone: str, find: Any) -> Response:
        world = self._world
        fault = world.inside("payout" if topic == "reversal" else topic, phone)
        conversation, originator = ids.conversation_id(world.clock.now()), ids.request_id()
        known = world.access.initiator_is_valid(text(body, "Initiator"), text(body, "SecurityCredential"))

        async def act() -> None:
            code, parameters, transaction = find() if known else ("2001", {}, "")
            if fault is not None and fault.fault == "reject":
                code, parameters = fault.code or "17", {}
            named = transaction or ids.receipt(world.clock.now())[:2] + "00000000"
            made = results.result(
                code,
                originator=originator,
                conversation=conversation,
                transaction=named,
                parameters=parameters,
                topic=_TOPICS[topic],
            )
            if fault is None or fault.fault not in {"silent", "lost"}:
                await world.engine.tell(
                    Delivery(conversation, topic, text(body, "ResultURL"), json=made), phone
                )

        world.engine.after(_wait(fault, world.engine.draw()), act)
        return await answer(fault, JSONResponse(results.acknowledgement(conversation, originator)))

    def _find(self, receipt: str, original: str) -> Order | None:
        """By receipt, else by ConversationID or the client's OriginatorConversationID."""
        for order in self._world.engine.named(receipt) if receipt else []:
            if order.receipt == receipt and order.status != PENDING:
                return order
        for order in self._world.engine.named(original) if original else []:
            if original == order.id or (order.kind == "payout" and original == order.reference):
                return order
        return None

    def _status(self, order: Order | None) -> tuple[str, dict[str, Any], str]:
        if order is None:
            return "2032", {}, ""
        seen = order.seen_at(self._world.engine.now())
        status = {PENDING: "Initiated", SUCCESS: "Completed"}.get(seen, "Declined")
        if order.wire.get("reversed"):
            status = "Cancelled"
        person = f"{order.phone} - {public_name(order.phone)}"
        organisation = f"{order.wire.get('shortcode', self._world.settings.shortcode)} - {_ORGANISATION}"
        payout = order.kind == "payout"
        done = seen != PENDING
        charge = self._world.charge(order.amount) if payout else Money.zero(KES)
        parameters = {
            "DebitPartyName": organisation if payout else person,
            "CreditPartyName": person if payout else organisation,
            "OriginatorConversationID": order.reference
            if payout
            else order.wire.get("MerchantRequestID", order.id),
            "InitiatedTime": ids.compact(order.accepted_at),
            "DebitAccountType": "Utility Account" if payout else "MMF Account For Customer",
            "DebitPartyCharges": f"Fee For B2C Payment|KES|{charge.plain()}" if charge.minor else None,
            "TransactionReason": None,
            "ReasonType": REASONS.get(order.wire.get("command", ""), "Pay Bill Online"),
            "TransactionStatus": status,
            "FinalisedTime": ids.compact(order.settled_at) if done and order.settled_at else None,
            "Amount": shillings(order.amount),
            "ConversationID": order.id,
            "ReceiptNo": order.receipt if done and order.receipt else None,
        }
        return "0", parameters, ""

    def _balance(self, shortcode: str) -> tuple[str, dict[str, Any], str]:
        book, zero = self._world.book, Money.zero(KES)
        accounts = {
            "Working Account": book.balance(account(shortcode, "working")),
            "Float Account": zero,
            "Utility Account": book.balance(account(shortcode, "utility")),
            "Charges Paid Account": book.balance(account(shortcode, "charges")),
            "Organization Settlement Account": zero,
        }
        lines = [f"{name}|KES|{held.plain()}|{held.plain()}|0.00|0.00" for name, held in accounts.items()]
        now = ids.compact(self._world.engine.now())
        return "0", {"AccountBalance": "&".join(lines), "BOCompletedTime": now}, ""

    def _reverse(self, receipt: str, amount: Money) -> tuple[str, dict[str, Any], str]:
        world = self._world
        order = self._find(receipt, "")
        if order is None or order.kind != "collect" or order.status != SUCCESS or amount > order.amount:
            return "R000002", {}, ""
        if order.wire.get("reversed"):
            return "R000001", {}, ""
        utility = world.utility(order.wire.get("shortcode", world.settings.shortcode))
        if not world.book.covers(utility, amount):
            return "1", {}, ""
        world.book.move(utility, world.person(order.wire["PartyA"]), amount)
        made = ids.receipt(world.clock.now())
        order.wire["reversed"] = made
        world.engine.save(order)
        left = world.book.balance(utility).plain()
        parameters = {
            "DebitAccountBalance": f"Utility Account|KES|{left}|{left}|0.00|0.00",
            "Amount": decimal(amount),
            "TransCompletedTime": ids.compact(world.engine.now()),
            "OriginalTransactionID": receipt,
            "Charge": 0,
            "CreditPartyPublicName": f"{order.phone} - {public_name(order.phone)}",
            "DebitPartyPublicName": f"{world.settings.shortcode} - {_ORGANISATION}",
        }
        return "0", parameters, made


def _wait(fault: Fault | None, usual: float) -> float:
    return fault.wait(LATE_SECONDS) if fault is not None and fault.fault == "late" else usual
