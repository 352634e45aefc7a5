"""The USSD side on a real port, with desks in memory and an SMS gateway that says what was paid."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from juapesa.config import AfricasTalkingSettings, PortSettings, Settings, UssdSettings
from juapesa.db import Database
from juapesa.ussd.app import build_app
from support.ussd_phone import World, make_world

SECRET = "test-gateway"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def serving(app: ASGIApp, port: int) -> Iterator[str]:
    """The address of an application that runs in a thread."""
    server = uvicorn.Server(
        uvicorn.Config(app, "127.0.0.1", port, log_level="warning", access_log=False, lifespan="on")
    )
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    until = time.monotonic() + 10
    while not server.started and time.monotonic() < until:
        time.sleep(0.01)
    assert server.started, "the server did not start"
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


@contextmanager
def ussd_server(db: Database, *, sms: bool = True, username: str = "sandbox") -> Iterator[tuple[str, World]]:
    """The bridge's address and its world; SMS are read from a gateway of the sandbox's shape."""
    ports = {"ussd": free_port(), "africastalking": free_port()}
    sms_url = f"http://127.0.0.1:{ports['africastalking']}"
    settings = Settings(
        ports=PortSettings(**ports),
        ussd=UssdSettings(gateway_secret=SecretStr(SECRET)),
        africastalking=AfricasTalkingSettings(base_url=sms_url, username=username),
        public_url=sms_url,
    )
    world = make_world(db, settings)
    with (
        serving(_sms(world), ports["africastalking"]) if sms else nullcontext(),
        serving(build_app(settings, world.ussd), ports["ussd"]) as url,
    ):
        yield url, world


def _sms(world: World) -> Starlette:
    """One message a payment, with a link to a receipt page that it serves itself."""

    async def messages(request: Request) -> JSONResponse:
        number = "+" + request.query_params["to"].strip(" +")
        person = world.people.by_phone.get(number)
        paid = [
            summary for owner, summary in world.payments.payments.values() if person and owner == person.id
        ]
        rows = [
            {
                "id": each.code,
                "to": number,
                "from": "JUAPESA",
                "text": f"Jua Pesa {each.code}: {each.paid} paid, {each.receives} delivered. "
                f"Proof: {world.settings.public_url}/p/{each.code}",
                "at": each.created_at.timestamp(),
            }
            for each in paid
        ]
        return JSONResponse({"messages": rows})

    async def receipt(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"Receipt {request.path_params['code']}")

    return Starlette(routes=[Route("/_sandbox/messages", messages), Route("/p/{code}", receipt)])
