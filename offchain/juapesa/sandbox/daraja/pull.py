"""Pull transactions: the customer payments of the last 48 hours, for reconciliation."""

from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from juapesa.sandbox.daraja import codes, ids
from juapesa.sandbox.daraja.b2c import public_name
from juapesa.sandbox.daraja.world import World, need, text
from juapesa.sandbox.orders import SUCCESS, Order
from juapesa.sandbox.wire import answer

PAGE = 100
REACH = timedelta(hours=48)


class Pull:
    """Register and query."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._registered = world.store.load("daraja/pull")

    async def register(self, request: Request) -> Response:
        """POST /pulltransactions/v1/register."""
        body, _ = await self._world.enter(request, "status", bearer_code="401.002.01")
        shortcode = need(body, "ShortCode", longest=10)
        if need(body, "RequestType") != "Pull":
            raise codes.bad_field("RequestType")
        for name in ("NominatedNumber", "CallBackURL"):
            need(body, name)
        again = shortcode in self._registered
        self._registered[shortcode] = {"at": self._world.engine.now()}
        self._world.store.put("daraja/pull", shortcode, self._registered[shortcode])
        self._world.store.commit()
        return JSONResponse(
            {
                "ResponseRefID": ids.request_id(),
                "ResponseStatus": "1001" if again else "1000",
                "ShortCode": shortcode,
                "ResponseDescription": "ShortCode already Registered" if again else "Successfully registered",
            }
        )

    async def query(self, request: Request) -> Response:
        """POST (or GET with a body) /pulltransactions/v1/query."""
        body, _ = await self._world.enter(request, "status", bearer_code="401.002.01")
        if need(body, "ShortCode", longest=10) not in {*self._registered, *self._world.shortcodes}:
            raise codes.bad_field("ShortCode")
        start, end = _time(body, "StartDate"), _time(body, "EndDate")
        offset = text(body, "OffSetValue") or "0"
        if not offset.isdecimal():
            raise codes.bad_field("OffSetValue")
        fault = self._world.inside("status", "")
        start = max(start, self._world.clock.now() - REACH)
        found = [order for order in self._world.engine.orders.values() if _is_between(order, start, end)]
        page = found[int(offset) : int(offset) + PAGE]
        some = {
            "ResponseRefID": ids.request_id(),
            "ResponseCode": "1000" if page else "1001",
            "ResponseMessage": "Success" if page else "No transactions found",
            "Response": [_line(order) for order in page],
        }
        return await answer(fault, JSONResponse(some))


def _is_between(order: Order, start: datetime, end: datetime) -> bool:
    if order.kind != "collect" or order.status != SUCCESS or order.settled_at is None:
        return False
    return start <= ids.moment(order.settled_at) <= end


def _line(order: Order) -> dict[str, Any]:
    assert order.settled_at is not None, "only settled payments are listed"
    at = ids.moment(order.settled_at).astimezone(ids.EAST_AFRICA)
    return {
        "transactionId": order.receipt,
        "trxDate": at.isoformat(timespec="seconds"),
        "msisdn": order.phone,
        "sender": public_name(order.phone),
        "transactiontype": "c2b-pay-bill-debit",
        "billreference": order.reference,
        "amount": order.amount.plain(),
        "organizationname": "Jua Pesa",
    }


def _time(body: dict[str, Any], name: str) -> datetime:
    try:
        return datetime.strptime(need(body, name), "%Y-%m-%d %H:%M:%S").replace(tzinfo=ids.EAST_AFRICA)
    except ValueError:
        raise codes.bad_field(name) from None
