"""The pages of the phone: plain forms that work without script, and the same as JSON for script.

Only for the sandbox: who can open this page can dial as anybody.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.resources import files

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from juapesa.config import Settings
from juapesa.ussd.gateways.africastalking import MalformedForm, read_form
from juapesa.ussd.phone.handset import Handset, Network, is_number
from juapesa.ussd.phone.inbox import Inbox, Message
from juapesa.ussd.phone.page import PRESETS, render

FORM_BYTES_MAX = 64 * 1024

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class PhoneRoutes:
    """The routes, and what to close with the application."""

    routes: tuple[BaseRoute, ...]
    close: Callable[[], Awaitable[None]]


class PhonePages:
    """The handlers."""

    def __init__(self, settings: Settings, network: Network, inbox: Inbox) -> None:
        self._service_code = settings.ussd.service_code
        self._network = network
        self._inbox = inbox

    async def show(self, request: Request) -> Response:
        """The phone, switched on."""
        number = _number(request.query_params.get("number", ""))
        return await self._page(Handset(number, typed=self._service_code))

    async def press(self, request: Request) -> Response:
        """A key was pressed, or an answer sent."""
        body = await request.body()
        if len(body) > FORM_BYTES_MAX:
            return PlainTextResponse("Too long.", 413, headers=HEADERS)
        try:
            fields = read_form(body)
        except MalformedForm as problem:
            return PlainTextResponse(problem.detail, problem.http_status, headers=HEADERS)
        phone = Handset(
            _number(fields.get("number", "")),
            fields.get("session", "")[:64],
            fields.get("path", ""),
            fields.get("screen", ""),
            fields.get("typed", ""),
        )
        phone = await self._act(phone, fields.get("action", ""), fields.get("key", ""))
        if "application/json" in request.headers.get("accept", ""):
            shown = {"session": phone.session, "path": phone.path, "screen": phone.screen}
            return JSONResponse(shown, headers=HEADERS)
        return await self._page(phone)

    async def _act(self, phone: Handset, action: str, key: str) -> Handset:
        if key:  # a keypad without script
            return Handset(phone.number, phone.session, phone.path, phone.screen, phone.typed + key[:1])
        if action == "clear":
            return Handset(phone.number, phone.session, phone.path, phone.screen, phone.typed[:-1])
        if action == "end":
            return await self._network.hang_up(phone)
        return await self._network.send(phone)

    async def inbox(self, request: Request) -> Response:
        """The messages, for script."""
        found = await self._inbox.read(_number(request.query_params.get("number", "")))
        shown = None if found is None else [_as_json(each) for each in found]
        return JSONResponse({"messages": shown}, headers=HEADERS)

    async def _page(self, phone: Handset) -> Response:
        messages = await self._inbox.read(phone.number)
        page = render(phone, messages, self._service_code)
        return Response(page, media_type="text/html", headers=HEADERS)


def phone_routes(settings: Settings) -> PhoneRoutes:
    """The phone's routes; none at all when SMS go to real people."""
    if settings.africastalking.username != "sandbox":
        return PhoneRoutes((), _nothing_to_close)
    secret = settings.ussd.gateway_secret.get_secret_value()
    gateway = httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{settings.ports.ussd}", timeout=10, trust_env=False
    )
    sms = httpx.AsyncClient(base_url=settings.africastalking.base_url, timeout=2, trust_env=False)
    pages = PhonePages(
        settings,
        Network(gateway, f"/ussd/africastalking/{secret}", settings.ussd.service_code),
        Inbox(sms, settings.public_url),
    )

    async def close() -> None:
        await gateway.aclose()
        await sms.aclose()

    return PhoneRoutes(
        (
            Route("/", _to_phone),
            Route("/phone", pages.show),
            Route("/phone", pages.press, methods=["POST"]),
            Route("/phone/inbox", pages.inbox),
            Route("/phone/phone.css", _asset("phone.css", "text/css")),
            Route("/phone/phone.js", _asset("phone.js", "text/javascript")),
        ),
        close,
    )


async def _nothing_to_close() -> None:
    """No client was opened."""


async def _to_phone(_request: Request) -> Response:
    return RedirectResponse("/phone")


def _asset(name: str, media_type: str) -> Callable[[Request], Awaitable[Response]]:
    content = (files("juapesa.ussd.phone") / name).read_bytes()

    async def answer(_request: Request) -> Response:
        return Response(content, media_type=media_type, headers=HEADERS)

    return answer


def _number(text: str) -> str:
    tidy = text.strip().replace(" ", "")
    return tidy if is_number(tidy) else PRESETS[0][1]


def _as_json(message: Message) -> dict[str, str | None]:
    return {"text": message.text, "at": message.at, "link": message.link}
