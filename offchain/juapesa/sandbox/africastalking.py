"""Africa's Talking SMS: bulk messages in, delivery reports out, and a way to read what was sent."""

import asyncio
import contextlib
import hmac
import re
import secrets
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from juapesa.clock import Clock
from juapesa.config import Settings
from juapesa.errors import JuaError
from juapesa.sandbox import control
from juapesa.sandbox.courier import Courier, Delivery
from juapesa.sandbox.engine import Delay
from juapesa.sandbox.faults import CALLBACK_FAULTS, Fault, FaultBoard, digits
from juapesa.sandbox.orders import DUPLICATE_SECONDS, LATE_SECONDS, REORDER_SECONDS
from juapesa.sandbox.store import Store
from juapesa.sandbox.wire import Refusal, answer, on_control_error, on_refusal

MESSAGES_MAX = 20_000
RECIPIENTS_MAX = 1_000
COST_TEN_THOUSANDTHS = 8_000  # KES 0.8000 a part
MESSAGE_FAULTS = frozenset({"reject", "silent", "lost", "outage", "rate-limit", "timeout-after-accept"})

# GSM 03.38; a character outside it turns the message to UCS-2.
_GSM = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_DOUBLE = set("^{}\\[~]|€")
_NUMBER = re.compile(r"\+[1-9][0-9]{7,14}", re.ASCII)
_NETWORKS = {"+254": "63902", "+234": "62130"}


class Messages:
    """The gateway."""

    def __init__(self, settings: Settings, store: Store, clock: Clock, delay: Delay) -> None:
        self._settings = settings.africastalking
        self._store = store
        self._clock = clock
        self._delay = delay
        kept = sorted(store.load("africastalking/message").values(), key=lambda each: each["at"])
        self._messages: deque[dict[str, Any]] = deque(kept)
        self.faults = FaultBoard({"message": MESSAGE_FAULTS, "callback": CALLBACK_FAULTS}, clock)
        self.options = control.Options({"delivery_url": control.web_address()}, {"delivery_url": None})
        self.courier = Courier()
        self._tasks: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        """Stop sending reports."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.courier.stop()

    async def send(self, request: Request) -> Response:
        """POST /version1/messaging: 201 with one line for each recipient."""
        fault = self.faults.at_the_door("message", None)
        if fault is not None:
            raise Refusal(503 if fault.fault == "outage" else 429, "Service unavailable, try again later.")
        key = self._settings.api_key.get_secret_value()
        if not hmac.compare_digest(request.headers.get("apikey", "").encode(), key.encode()):
            raise Refusal(401, "The supplied authentication is invalid")
        form = await request.form(max_fields=20, max_files=0)
        if _field(form, "username") != self._settings.username:
            raise Refusal(401, "The supplied authentication is invalid")
        message, numbers = _field(form, "message"), _field(form, "to").split(",")
        if len(numbers) > RECIPIENTS_MAX:
            raise Refusal(400, "Too many recipients")
        sender = str(form.get("from") or "AFRICASTKNG")
        lines, broken = [], None
        for number in numbers:
            fault = self.faults.inside("message", number.strip())
            broken = broken or (fault if fault and fault.fault == "timeout-after-accept" else None)
            lines.append(self._one(number.strip(), message, sender, fault))
        self._store.commit()
        return await answer(broken, JSONResponse(_answer(lines), 201))

    def read(self, to: str) -> list[dict[str, Any]]:
        """What a phone received, oldest first; everything when ``to`` is empty."""
        return [each for each in self._messages if not to or digits(each["to"]) == to]

    def state(self, _: Request) -> dict[str, Any]:
        """Counts only; texts are read at /_sandbox/messages."""
        return {
            "operator": "africastalking",
            "messages": len(self._messages),
            "callbacks": {name: value for name, value in self.courier.state().items() if name != "latest"},
        }

    def _one(self, number: str, message: str, sender: str, fault: Fault | None) -> dict[str, Any]:
        if not _NUMBER.fullmatch(number):
            return _line(403, number, "InvalidPhoneNumber", 0)
        if fault is not None and fault.fault == "reject":
            return _line(406, number, fault.code or "UserInBlacklist", 0)
        parts = count_parts(message)
        line = _line(101, number, "Success", parts)
        silent = fault is not None and fault.fault in {"silent", "lost"}
        if fault is None or fault.fault != "lost":
            self._keep(
                {"id": line["messageId"], "to": number, "from": sender, "text": message, "parts": parts}
            )
        if self.options["delivery_url"] and not silent:
            self._report(line["messageId"], number)
        return line

    def _keep(self, message: dict[str, Any]) -> None:
        message["at"] = self._clock.now().timestamp()
        self._messages.append(message)
        self._store.put("africastalking/message", message["id"], message)
        if len(self._messages) > MESSAGES_MAX:
            self._store.drop("africastalking/message", self._messages.popleft()["id"])

    def _report(self, message_id: str, number: str) -> None:
        form = {
            "id": message_id,
            "phoneNumber": number,
            "status": "Success",
            "networkCode": _NETWORKS.get(number[:4], "99999"),
            "retryCount": "0",
        }
        task = asyncio.create_task(
            self._deliver(Delivery(message_id, "delivery", self.options["delivery_url"], form=form), number)
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, report: Delivery, number: str) -> None:
        await asyncio.sleep(self._delay.low)
        fault = self.faults.take("callback", number, CALLBACK_FAULTS)
        match fault.fault if fault else "":
            case "lost":
                return
            case "late" if fault:
                await asyncio.sleep(fault.wait(LATE_SECONDS))
            case "reorder" if fault:
                await self.courier.hold(report, fault.wait(REORDER_SECONDS))
                return
            case "forge":
                self.courier.post(_forged(report))
        self.courier.post(report)
        if fault is not None and fault.fault == "duplicate":
            await asyncio.sleep(fault.wait(DUPLICATE_SECONDS))
            self.courier.post(report)


def build(
    settings: Settings, store: Store, clock: Clock, delay: Delay, delivery_url: str | None = None
) -> Starlette:
    """The application. ``delivery_url`` is where delivery reports go; None sends none."""
    messages = Messages(settings, store, clock, delay)
    messages.options.change({"delivery_url": delivery_url})

    async def read(request: Request) -> Response:
        return JSONResponse({"messages": messages.read(digits(request.query_params.get("to", "")))})

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        messages.courier.start()
        yield
        await messages.stop()

    return Starlette(
        routes=[
            Route("/version1/messaging", messages.send, methods=["POST"]),
            Route("/_sandbox/messages", read),
            *control.routes("africastalking", messages.faults, messages.options, messages.state),
        ],
        exception_handlers={Refusal: on_refusal, JuaError: on_control_error},
        lifespan=lifespan,
    )


def count_parts(message: str) -> int:
    """How many SMS the text takes: 160 or 153 a part in GSM-7, 70 or 67 in UCS-2."""
    if all(each in _GSM or each in _GSM_DOUBLE for each in message):
        length, single, part = len(message) + sum(each in _GSM_DOUBLE for each in message), 160, 153
    else:
        length, single, part = len(message.encode("utf-16-be")) // 2, 70, 67
    return 1 if length <= single else -(-length // part)


def _field(form: FormData, name: str) -> str:
    value = form.get(name)
    if not isinstance(value, str) or not value.strip():
        raise Refusal(400, f"Request is missing required form field '{name}'")
    return value


def _line(code: int, number: str, status: str, parts: int) -> dict[str, Any]:
    sent = code < 200
    cost = f"KES {_money(parts * COST_TEN_THOUSANDTHS)}" if sent else "0"
    made = f"ATXid_{secrets.token_hex(16)}" if sent else "None"
    line = {"statusCode": code, "number": number, "status": status, "cost": cost, "messageId": made}
    return {**line, "messageParts": parts} if sent else line


def _answer(lines: list[dict[str, Any]]) -> dict[str, Any]:
    sent = [line for line in lines if line["statusCode"] < 200]
    total = sum(line["messageParts"] for line in sent) * COST_TEN_THOUSANDTHS
    cost = f"KES {_money(total)}" if sent else "0"
    summary = f"Sent to {len(sent)}/{len(lines)} Total Cost: {cost}"
    return {"SMSMessageData": {"Message": summary, "Recipients": lines}}


def _money(ten_thousandths: int) -> str:
    whole, rest = divmod(ten_thousandths, 10_000)
    return f"{whole}.{rest:04d}"


def _forged(report: Delivery) -> Delivery:
    form = {**(report.form or {}), "status": "Failed", "failureReason": "UserAccountSuspended"}
    return Delivery(report.order, report.kind, report.url, form=form, forged=True)
