"""M-Pesa Express: the push to the phone (STK), its query and its callback."""

import base64
import hmac
import re
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from juapesa.sandbox.courier import Delivery
from juapesa.sandbox.daraja import codes, ids
from juapesa.sandbox.daraja.world import (
    TRANSACTION_MAX,
    World,
    need,
    need_phone,
    need_shillings,
    need_url,
    shillings,
    test_code,
    text,
)
from juapesa.sandbox.faults import Fault
from juapesa.sandbox.orders import FAILED, PENDING, SUCCESS, Order, plan
from juapesa.sandbox.wire import answer

REJECTED = "1032"
_CHECKOUT = re.compile(r"ws_CO_[0-9]{20,40}", re.ASCII)


class Stk:
    """The two endpoints and what follows from them."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def push(self, request: Request) -> Response:
        """POST /mpesa/stkpush/v1/processrequest."""
        body, _ = await self._world.enter(request, "collect", "PhoneNumber", "404.001.03")
        self._check_password(body)
        order = self._read(body)
        if self._is_locked(order.phone):
            raise codes.refuse("500.001.1001", codes.LOCKED)
        fault = self._world.inside("collect", order.phone)
        self._plan(order, fault)
        self._world.engine.accept(order)
        accepted = {
            "MerchantRequestID": order.wire["MerchantRequestID"],
            "CheckoutRequestID": order.id,
            "ResponseCode": "0",
            "ResponseDescription": "Success. Request accepted for processing",
            "CustomerMessage": "Success. Request accepted for processing",
        }
        return await answer(fault, JSONResponse(accepted))

    async def query(self, request: Request) -> Response:
        """POST /mpesa/stkpushquery/v1/query."""
        body, _ = await self._world.enter(request, "status", bearer_code="404.001.03")
        self._check_password(body)
        checkout = need(body, "CheckoutRequestID", longest=64)
        if not _CHECKOUT.fullmatch(checkout):
            raise codes.bad_field("CheckoutRequestID")
        order = self._world.engine.orders.get(checkout)
        fault = self._world.inside("status", order.phone if order else "")
        if order is None or order.wire.get("what") != "stk":
            raise codes.refuse("500.001.1001", codes.NO_TRANSACTION)
        return await answer(fault, self._state(order, fault))

    def settle(self, order: Order) -> None:
        """The person answers the prompt: pay, or a reason why not."""
        book, payer = self._world.book, self._world.person(order.wire["PartyA"])
        code = order.plan.fail_code or self._rule(order)
        if not code and not book.covers(payer, order.amount):
            code = "1"
        if code:
            order.status, order.code = FAILED, code
            return
        book.move(payer, self._world.utility(self._world.settings.shortcode), order.amount)
        order.times_moved += 1
        order.status, order.code, order.receipt = SUCCESS, "0", ids.receipt(self._world.clock.now())

    def notify(self, order: Order, *, forged: bool) -> Delivery | None:
        """The callback, true or as a stranger would forge it."""
        code = "0" if forged else order.code
        callback: dict[str, Any] = {
            "MerchantRequestID": order.wire["MerchantRequestID"],
            "CheckoutRequestID": order.id,
            "ResultCode": codes.as_number(code),
            "ResultDesc": codes.STK.get(code, "The request failed."),
        }
        if code == "0":
            callback["CallbackMetadata"] = {"Item": self._metadata(order, forged=forged)}
        assert order.callback_url is not None, "a push always names its callback"
        body = {"Body": {"stkCallback": callback}}
        return Delivery(order.id, "collect", order.callback_url, json=body, forged=forged)

    def _metadata(self, order: Order, *, forged: bool) -> list[dict[str, Any]]:
        now = self._world.clock.now()
        return [
            {"Name": "Amount", "Value": shillings(order.amount)},
            {"Name": "MpesaReceiptNumber", "Value": ids.receipt(now) if forged else order.receipt},
            {"Name": "Balance"},
            {"Name": "TransactionDate", "Value": ids.compact(order.settled_at or now.timestamp())},
            {"Name": "PhoneNumber", "Value": int(order.phone)},
        ]

    def _check_password(self, body: dict[str, Any]) -> None:
        shortcode, stamp = need(body, "BusinessShortCode", longest=10), need(body, "Timestamp")
        if not shortcode.isdecimal():
            raise codes.bad_field("BusinessShortCode")
        try:
            datetime.strptime(stamp, "%Y%m%d%H%M%S")  # noqa: DTZ007  # only its form matters
        except ValueError:
            raise codes.bad_field("Timestamp") from None
        given = need(body, "Password")
        if shortcode != self._world.settings.shortcode:
            raise codes.refuse("500.001.1001", codes.NO_MERCHANT)
        passkey = self._world.settings.passkey.get_secret_value()
        right = base64.b64encode(f"{shortcode}{passkey}{stamp}".encode())
        if not hmac.compare_digest(given.encode(), right):
            raise codes.refuse("500.001.1001")

    def _read(self, body: dict[str, Any]) -> Order:
        # The shortcode is a pay bill, so the other type is refused, as Safaricom's own 174379 does.
        if need(body, "TransactionType") != "CustomerPayBillOnline":
            raise codes.bad_field("TransactionType")
        amount = need_shillings(body)
        payer, phone = need_phone(body, "PartyA"), need_phone(body, "PhoneNumber")
        party = need(body, "PartyB", longest=10)
        if not party.isdecimal():
            raise codes.bad_field("PartyB")
        callback = need_url(body, "CallBackURL")
        account = need(body, "AccountReference", longest=12)
        if len(text(body, "TransactionDesc")) > 13:
            raise codes.bad_field("TransactionDesc")
        now = self._world.clock.now()
        wire = {"what": "stk", "MerchantRequestID": ids.request_id(), "PartyA": payer, "PartyB": party}
        return Order(
            id=ids.checkout_id(now),
            kind="collect",
            reference=account,
            phone=phone,
            minor=amount.minor,
            currency=amount.currency.code,
            exponent=amount.currency.exponent,
            callback_url=callback,
            accepted_at=now.timestamp(),
            settle_at=0.0,
            plan=plan(None, REJECTED),
            wire=wire,
        )

    def _plan(self, order: Order, fault: Fault | None) -> None:
        order.plan = plan(fault, REJECTED)
        wanted = test_code(order.phone)
        if wanted in codes.STK and wanted != "0":
            order.plan.fail_code = wanted
        order.settle_at = self._world.engine.settle_time(order.plan)

    def _is_locked(self, phone: str) -> bool:
        theirs = self._world.engine.named(phone)
        return any(each.status == PENDING and each.wire["what"] == "stk" for each in theirs)

    def _rule(self, order: Order) -> str:
        if order.wire["PartyB"] != self._world.settings.shortcode:
            return "2028"
        if order.amount > TRANSACTION_MAX:
            return "3"
        return "17" if self._is_repeat(order) else ""

    def _is_repeat(self, order: Order) -> bool:
        window = self._world.options["same_amount_seconds"]
        if not window:
            return False
        since = order.accepted_at - window
        paid = (each for each in self._world.engine.named(order.phone) if each.status == SUCCESS)
        return any(
            each.wire["what"] == "stk" and each.minor == order.minor and (each.settled_at or 0.0) >= since
            for each in paid
        )

    def _state(self, order: Order, fault: Fault | None) -> Response:
        silent = fault is not None and fault.fault in {"silent", "late", "lost"}
        if silent or order.seen_at(self._world.engine.now()) == PENDING:
            if self._world.options["open_prompt"] == "error":
                raise codes.refuse("500.001.1001", codes.PROCESSING)
            return self._result(order, "4999", "The transaction is still under processing")
        return self._result(order, order.code, codes.STK.get(order.code, "The request failed."))

    def _result(self, order: Order, code: str, description: str) -> Response:
        return JSONResponse(
            {
                "ResponseCode": "0",
                "ResponseDescription": "The service request has been accepted successsfully",
                "MerchantRequestID": order.wire["MerchantRequestID"],
                "CheckoutRequestID": order.id,
                "ResultCode": code,
                "ResultDesc": description,
            }
        )
