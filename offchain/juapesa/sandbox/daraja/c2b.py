"""Customer to business: payments that start on the phone. Register, simulate, validate, confirm."""

import hashlib
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from juapesa.money import Money
from juapesa.sandbox.courier import Answer, Delivery
from juapesa.sandbox.daraja import codes, ids
from juapesa.sandbox.daraja.b2c import public_name
from juapesa.sandbox.daraja.world import World, need, need_phone, need_shillings, need_url, text
from juapesa.sandbox.faults import Fault
from juapesa.sandbox.orders import FAILED, SUCCESS, Order, plan
from juapesa.sandbox.wire import answer

VALIDATION_SECONDS = 8.0
# Words that Safaricom refuses in registered addresses, in any case.
FORBIDDEN = ("m-pesa", "mpesa", "safaricom", "exe", "exec", "cmd", "sql", "query")
REFUSALS = {f"C2B000{number}" for number in range(11, 17)}
_TYPES = {"CustomerPayBillOnline": "Pay Bill", "CustomerBuyGoodsOnline": "Buy Goods"}


class C2b:
    """The endpoints of both versions: the first gives a hash of the phone, the second a mask."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def register(self, request: Request) -> Response:
        """POST /mpesa/c2b/v1|v2/registerurl."""
        body, _ = await self._world.enter(request, "collect")
        shortcode = need(body, "ShortCode", longest=10)
        if need(body, "ResponseType").capitalize() not in {"Completed", "Cancelled"}:
            raise codes.bad_field("ResponseType")
        urls = {name: need_url(body, name) for name in ("ConfirmationURL", "ValidationURL")}
        for name, url in urls.items():
            if any(word in url.lower() for word in FORBIDDEN):
                raise codes.bad_field(name)
        kept = {
            "version": request.path_params["version"],
            "default": text(body, "ResponseType").capitalize(),
            **urls,
        }
        self._world.urls[shortcode] = kept
        self._world.store.put("daraja/url", shortcode, kept)
        self._world.store.commit()
        return JSONResponse(
            {
                "OriginatorCoversationID": ids.request_id(),
                "ResponseCode": "0",
                "ResponseDescription": "success",
            }
        )

    async def simulate(self, request: Request) -> Response:
        """POST /mpesa/c2b/v1|v2/simulate: a person pays our pay bill."""
        body, phone = await self._world.enter(request, "collect", "Msisdn")
        command = need(body, "CommandID")
        if command not in _TYPES:
            raise codes.bad_field("CommandID")
        shortcode, amount = need(body, "ShortCode", longest=10), need_shillings(body)
        phone = need_phone(body, "Msisdn")
        account = text(body, "BillRefNumber")
        if len(account) > 20:
            raise codes.bad_field("BillRefNumber")
        if shortcode not in self._world.shortcodes:
            raise codes.bad_field("ShortCode")
        fault = self._world.inside("collect", phone)
        order = self._order(shortcode, phone, amount, account=account, kind=_TYPES[command], fault=fault)
        self._world.engine.accept(order)
        accepted = {
            "OriginatorCoversationID": order.id,
            "ResponseCode": "0",
            "ResponseDescription": "Accept the service request successfully.",
        }
        return await answer(fault, JSONResponse(accepted))

    def settle(self, order: Order) -> None:
        """The payment reaches M-Pesa; what remains is asking the shop, which takes a while."""
        payer = self._world.person(order.phone)
        code = order.plan.fail_code or order.wire["verdict"]
        if not code and not self._world.book.covers(payer, order.amount):
            code = "1"
        if code:
            order.status, order.code = FAILED, code
            return
        self._world.book.move(payer, self._world.utility(order.wire["shortcode"]), order.amount)
        order.times_moved += 1
        order.status, order.code = SUCCESS, "0"

    def notify(self, order: Order, *, forged: bool) -> Delivery | None:
        """The confirmation; without registered addresses the payment stays silent."""
        urls = self._world.urls.get(order.wire["shortcode"])
        if urls is None or (order.status != SUCCESS and not forged):
            return None
        body = self._body(
            order,
            urls["version"],
            self._world.book.balance(self._world.utility(order.wire["shortcode"])).plain(),
        )
        return Delivery(order.id, "confirmation", urls["ConfirmationURL"], json=body, forged=forged)

    async def validate(self, order: Order) -> None:
        """Ask the ValidationURL and remember its verdict; silence means the registered default."""
        urls = self._world.urls.get(order.wire["shortcode"])
        if urls is None or not self._world.options["external_validation"]:
            return
        body = self._body(order, urls["version"], "")
        asked = Delivery(order.id, "validation", urls["ValidationURL"], json=body)
        order.wire["verdict"] = _verdict(
            await self._world.courier.ask(asked, VALIDATION_SECONDS), urls["default"]
        )

    def _order(
        self, shortcode: str, phone: str, amount: Money, *, account: str, kind: str, fault: Fault | None
    ) -> Order:
        now = self._world.clock.now()
        planned = plan(fault, "C2B00016")
        return Order(
            id=ids.request_id(),
            kind="collect",
            reference=account,
            phone=phone,
            minor=amount.minor,
            currency=amount.currency.code,
            exponent=amount.currency.exponent,
            callback_url=None,
            accepted_at=now.timestamp(),
            settle_at=self._world.engine.settle_time(planned),
            plan=planned,
            receipt=ids.receipt(now),
            wire={"what": "c2b", "PartyA": phone, "shortcode": shortcode, "type": kind, "verdict": ""},
        )

    def _body(self, order: Order, version: str, balance: str) -> dict[str, Any]:
        names = public_name(order.phone).split()
        return {
            "TransactionType": order.wire["type"],
            "TransID": order.receipt,
            "TransTime": str(ids.compact(order.accepted_at)),
            "TransAmount": order.amount.plain(),
            "BusinessShortCode": order.wire["shortcode"],
            "BillRefNumber": order.reference,
            "InvoiceNumber": "",
            "OrgAccountBalance": balance,
            "ThirdPartyTransID": "",
            "MSISDN": _hidden(order.phone, version),
            "FirstName": names[0],
            "MiddleName": "",
            "LastName": names[1],
        }


def _hidden(phone: str, version: str) -> str:
    if version == "v1":
        return hashlib.sha256(phone.encode()).hexdigest()
    return f"{phone[:4]}*****{phone[-3:]}"


def _verdict(said: Answer, default: str) -> str:
    """The refusal code, or "" to go on. A receiver that does not answer gets its registered default."""
    if said.status != 200 or not isinstance(said.body, dict) or "ResultCode" not in said.body:
        return "" if default == "Completed" else "C2B00016"
    code = str(said.body["ResultCode"])
    if code == "0":
        return ""
    return code if code in REFUSALS else "C2B00016"
