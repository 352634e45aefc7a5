"""The Daraja sandbox as one ASGI application."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from juapesa.clock import Clock
from juapesa.config import Settings
from juapesa.errors import InvalidInput, JuaError
from juapesa.money import KES, Money
from juapesa.sandbox import control
from juapesa.sandbox.book import OUTSIDE
from juapesa.sandbox.courier import Delivery
from juapesa.sandbox.daraja.access import TOKEN_SECONDS
from juapesa.sandbox.daraja.b2c import B2c
from juapesa.sandbox.daraja.c2b import C2b
from juapesa.sandbox.daraja.codes import refuse
from juapesa.sandbox.daraja.enquiries import Enquiries
from juapesa.sandbox.daraja.pull import Pull
from juapesa.sandbox.daraja.stk import Stk
from juapesa.sandbox.daraja.world import ACCOUNTS, EARNINGS, PERSON, World, account
from juapesa.sandbox.engine import Delay
from juapesa.sandbox.faults import digits
from juapesa.sandbox.orders import LATE_SECONDS, Order, parse_amount
from juapesa.sandbox.store import Store
from juapesa.sandbox.wire import Refusal, answer, control_body, on_control_error, on_refusal

FLOAT = Money.whole(20_000_000, KES)
PERSON_BALANCE = Money.whole(200_000, KES)


def build(
    settings: Settings,
    store: Store,
    clock: Clock,
    delay: Delay,
    *,
    seed: int = 1,
    opening: Money = FLOAT,
    person: Money = PERSON_BALANCE,
) -> Starlette:
    """The application; it starts and stops its background work with the server's lifespan."""
    world = World(settings, store, clock, opening, person)
    stk, b2c, c2b, pull = Stk(world), B2c(world), C2b(world), Pull(world)
    enquiries = Enquiries(world)
    parts: dict[str, Any] = {"stk": stk, "b2c": b2c, "c2b": c2b}

    def notify(order: Order, *, forged: bool) -> Delivery | None:
        made: Delivery | None = parts[order.wire["what"]].notify(order, forged=forged)
        return made

    world.drive(delay, seed, lambda order: parts[order.wire["what"]].settle(order), notify)
    world.engine.before_settling = lambda order: _ask_shop(c2b, order)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        world.engine.start()
        yield
        await world.engine.stop()

    post = ["POST"]
    return Starlette(
        routes=[
            Route("/oauth/v1/generate", Tokens(world).generate, methods=["GET"]),
            Route("/mpesa/stkpush/v1/processrequest", stk.push, methods=post),
            Route("/mpesa/stkpushquery/v1/query", stk.query, methods=post),
            Route("/mpesa/b2c/v3/paymentrequest", b2c.pay_v3, methods=post),
            Route("/mpesa/b2c/v1/paymentrequest", b2c.pay_v1, methods=post),
            Route("/mpesa/transactionstatus/v1/query", enquiries.status, methods=post),
            Route("/mpesa/accountbalance/v1/query", enquiries.balance, methods=post),
            Route("/mpesa/reversal/v1/request", enquiries.reverse, methods=post),
            Route("/mpesa/c2b/{version:str}/registerurl", c2b.register, methods=post),
            Route("/mpesa/c2b/{version:str}/simulate", c2b.simulate, methods=post),
            Route("/pulltransactions/v1/register", pull.register, methods=post),
            Route("/pulltransactions/v1/query", pull.query, methods=["GET", "POST"]),
            *Desk(world).routes(),
        ],
        exception_handlers={
            Refusal: on_refusal,
            JuaError: on_control_error,
            404: lambda _, __: refuse("404.001.01").response(),
            405: lambda _, __: refuse("405.001").response(),
        },
        lifespan=lifespan,
    )


async def _ask_shop(c2b: C2b, order: Order) -> None:
    if order.wire["what"] == "c2b":
        await c2b.validate(order)


class Tokens:
    """The OAuth endpoint."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def generate(self, request: Request) -> Response:
        """GET /oauth/v1/generate?grant_type=client_credentials."""
        world = self._world
        world.check_door(world.faults.at_the_door("token", None))
        if request.query_params.get("grant_type") != "client_credentials":
            raise refuse("400.008.02")
        fault = world.inside("token", "")
        if fault is not None and fault.fault == "reject":
            raise refuse("400.008.01")
        token = world.access.issue(request.headers.get("authorization", ""))
        if fault is not None and fault.fault == "late":
            await asyncio.sleep(fault.wait(LATE_SECONDS))
        return await answer(fault, JSONResponse({"access_token": token, "expires_in": str(TOKEN_SECONDS)}))


class Desk:
    """The control port of this operator."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[Route]:
        """Everything under /_sandbox."""
        world = self._world
        return [
            Route("/_sandbox/certificate.pem", self._certificate),
            Route("/_sandbox/people/{phone}", self._person, methods=["PUT", "GET"]),
            Route("/_sandbox/callbacks", self._callbacks),
            *control.routes("daraja", world.faults, world.options, self.state),
        ]

    def state(self, request: Request) -> dict[str, Any]:
        """Floats, people, orders. ``?phone=`` and ``?reference=`` narrow the orders."""
        world, wanted = self._world, request.query_params
        book = world.book
        orders = [order for order in world.engine.orders.values() if _matches(order, wanted)]
        return {
            "operator": "daraja",
            "currency": "KES",
            "float": world.float().plain(),
            "accounts": {
                shortcode: {kind: book.balance(account(shortcode, kind)).plain() for kind in ACCOUNTS}
                for shortcode in world.shortcodes
            },
            "operator_earnings": book.balance(EARNINGS).plain(),
            "outside": book.balance(OUTSIDE).plain(),
            "people": {phone: held.plain() for phone, held in book.accounts(PERSON).items()},
            "sum": book.total().plain(),
            "orders": [order.summary() for order in orders[-1_000:]],
            "callbacks": {key: value for key, value in world.courier.state().items() if key != "latest"},
        }

    async def _certificate(self, _: Request) -> Response:
        return PlainTextResponse(self._world.key.certificate_pem, media_type="application/x-pem-file")

    async def _callbacks(self, _: Request) -> Response:
        return JSONResponse(self._world.courier.state())

    async def _person(self, request: Request) -> Response:
        phone = digits(request.path_params["phone"])
        if not phone.startswith("254") or len(phone) != 12:
            raise InvalidInput("Give a Kenyan number in digits, 254…")
        world = self._world
        theirs = world.person(phone)
        if request.method == "PUT":
            wanted = str((await control_body(request)).get("balance"))
            amount = Money.zero(KES) if wanted in {"0", "0.00"} else parse_amount(wanted, KES)
            if amount is None:
                raise InvalidInput("Give the balance as text, for example 1000.00.")
            world.book.move(theirs, OUTSIDE, world.book.balance(theirs))
            world.book.move(OUTSIDE, theirs, amount)
        world.store.commit()
        return JSONResponse({"phone": phone, "balance": world.book.balance(theirs).plain()})


def _matches(order: Order, wanted: Any) -> bool:
    phone, reference = wanted.get("phone"), wanted.get("reference")
    if phone and order.phone != digits(phone):
        return False
    return not reference or reference in {order.reference, order.id}
