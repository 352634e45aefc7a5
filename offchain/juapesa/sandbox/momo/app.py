"""The MoMo sandbox as one ASGI application."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from juapesa.clock import Clock
from juapesa.config import Settings
from juapesa.errors import InvalidInput, JuaError
from juapesa.money import Money
from juapesa.sandbox import control
from juapesa.sandbox.book import OUTSIDE, Book
from juapesa.sandbox.engine import Delay
from juapesa.sandbox.faults import digits
from juapesa.sandbox.momo.access import PRODUCTS, TOKEN_SECONDS
from juapesa.sandbox.momo.transactions import OPERATIONS, Transactions
from juapesa.sandbox.momo.wire import gateway, refuse
from juapesa.sandbox.momo.world import COLLECTION, DISBURSEMENT, FLOATS, PERSON, World
from juapesa.sandbox.orders import LATE_SECONDS, Order, parse_amount
from juapesa.sandbox.store import Store
from juapesa.sandbox.wire import (
    Refusal,
    answer,
    control_body,
    json_object,
    on_control_error,
    on_refusal,
    raw_body,
)

FLOAT_UNITS = 200_000_000
PERSON_UNITS = 2_000_000


def build(
    settings: Settings,
    store: Store,
    clock: Clock,
    delay: Delay,
    *,
    seed: int = 2,
    opening_units: int = FLOAT_UNITS,
    person_units: int = PERSON_UNITS,
) -> Starlette:
    """The application. Openings are whole units of each environment's currency."""
    world = World(settings, store, clock, delay, seed=seed, units=opening_units, person=person_units)
    users, accounts, desk = Users(world), Accounts(world), Desk(world)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        world.engine.start()
        yield
        await world.engine.stop()

    return Starlette(
        routes=[*users.routes(), *accounts.routes(), *_transactions(world), *desk.routes()],
        exception_handlers={
            Refusal: on_refusal,
            JuaError: on_control_error,
            404: lambda _, __: gateway(404, "Resource not found").response(),
            405: lambda _, __: gateway(405, "Method not allowed").response(),
        },
        lifespan=lifespan,
    )


def _transactions(world: World) -> list[Route]:
    routes = []
    for operation in OPERATIONS:
        one = Transactions(world, operation)
        for version in ("v1_0", "v2_0"):
            path = f"/{operation.product}/{version}/{operation.path}"
            routes += [Route(path, one.create, methods=["POST"]), Route(path + "/{reference}", one.status)]
    return routes


class Users:
    """Provisioning of API users, and tokens."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[Route]:
        """/v1_0/apiuser… and /{product}/token/."""
        return [
            Route("/v1_0/apiuser", self.create, methods=["POST"]),
            Route("/v1_0/apiuser/{user}", self.show),
            Route("/v1_0/apiuser/{user}/apikey", self.key, methods=["POST"]),
            Route("/{product}/token/", self.token, methods=["POST"]),
            Route("/{product}/token", self.token, methods=["POST"]),
        ]

    async def create(self, request: Request) -> Response:
        """201, empty."""
        body = json_object(await raw_body(request)) or {}
        self._world.access.provision(request, body.get("providerCallbackHost"))
        return Response(status_code=201)

    async def show(self, request: Request) -> Response:
        """The user's callback host and environment."""
        user = self._world.access.user(request, request.path_params["user"].lower())
        return JSONResponse({"providerCallbackHost": user.hosts[0], "targetEnvironment": "sandbox"})

    async def key(self, request: Request) -> Response:
        """201 with a new apiKey."""
        made = self._world.access.renew_key(request, request.path_params["user"].lower())
        return JSONResponse({"apiKey": made}, 201)

    async def token(self, request: Request) -> Response:
        """A bearer token for Basic user:key."""
        world, product = self._world, request.path_params["product"]
        if product not in PRODUCTS:
            raise gateway(404, "Resource not found")
        world.check_door(world.faults.at_the_door("token", None))
        fault = world.inside("token", "")
        if fault is not None and fault.fault == "reject":
            raise Refusal(401, {"error": "login_failed"})
        made = world.access.issue(request, product)
        if fault is not None and fault.fault == "late":
            await asyncio.sleep(fault.wait(LATE_SECONDS))
        body = {"access_token": made, "token_type": "access_token", "expires_in": TOKEN_SECONDS}
        return await answer(fault, JSONResponse(body))


class Accounts:
    """Balance and what is known of a person."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[Route]:
        """Of both products."""
        return [
            Route("/{product}/v1_0/account/balance", self.balance),
            Route("/{product}/v1_0/account/balance/{currency}", self.balance),
            Route("/{product}/v1_0/accountholder/{type}/{id}/active", self.active),
            Route("/{product}/v1_0/accountholder/{type}/{id}/basicuserinfo", self.info),
        ]

    async def balance(self, request: Request) -> Response:
        """What our account of this product holds."""
        world = self._world
        _, currency = world.enter(request, request.path_params["product"], "balance")
        fault = world.inside("balance", "")
        if request.path_params.get("currency", currency.code) != currency.code:
            raise refuse(500, "INVALID_CURRENCY")
        kind = fault.fault if fault is not None else ""
        if kind in {"reject", "lost", "silent"}:
            raise refuse(500, fault.code if fault and fault.code else "INTERNAL_PROCESSING_ERROR")
        if kind == "late" and fault is not None:
            await asyncio.sleep(fault.wait(LATE_SECONDS))
        ours = COLLECTION if request.path_params["product"] == "collection" else DISBURSEMENT
        held = world.book(currency).balance(ours)
        body = {"availableBalance": held.plain(), "currency": currency.code}
        return await answer(fault, JSONResponse(body))

    async def active(self, request: Request) -> Response:
        """Whether the number has a wallet: every one but the test numbers that are not found."""
        phone = self._enter(request)
        return JSONResponse({"result": not _unknown(phone)})

    async def info(self, request: Request) -> Response:
        """A name for the number."""
        phone = self._enter(request)
        if _unknown(phone):
            raise refuse(404, "RESOURCE_NOT_FOUND")
        person = {"given_name": "Sand", "family_name": f"Box {phone[-4:]}", "birthdate": "1990-01-01"}
        return JSONResponse({**person, "locale": "en_NG", "gender": "UNKNOWN", "status": "ACTIVE"})

    def _enter(self, request: Request) -> str:
        self._world.enter(request, request.path_params["product"], "status")
        if request.path_params["type"].lower() != "msisdn":
            raise refuse(404, "RESOURCE_NOT_FOUND")
        return str(request.path_params["id"])


class Desk:
    """The control port of this operator."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[Route]:
        """Everything under /_sandbox."""
        world = self._world
        return [
            Route("/_sandbox/people/{phone}", self._person, methods=["PUT", "GET"]),
            Route("/_sandbox/callbacks", self._callbacks),
            *control.routes("momo", world.faults, world.options, self.state),
        ]

    def state(self, request: Request) -> dict[str, Any]:
        """Floats, people, orders. ``?phone=`` and ``?reference=`` narrow the orders."""
        world, wanted = self._world, request.query_params
        orders = [order for order in world.engine.orders.values() if _matches(order, wanted)]
        books = world.books.items()
        return {
            "operator": "momo",
            "currency": world.home.currency.code,
            "float": _float(world.home).plain(),
            "floats": {code: _float(book).plain() for code, book in books},
            "accounts": {
                "collection": world.home.balance(COLLECTION).plain(),
                "disbursement": world.home.balance(DISBURSEMENT).plain(),
            },
            "people": {phone: held.plain() for phone, held in world.home.accounts(PERSON).items()},
            "people_by_currency": {
                code: {phone: held.plain() for phone, held in book.accounts(PERSON).items()}
                for code, book in books
            },
            "outside": {code: book.balance(OUTSIDE).plain() for code, book in books},
            "sum": world.home.total().plain(),
            "sums": {code: book.total().plain() for code, book in books},
            "orders": [order.summary() for order in orders[-1_000:]],
            "callbacks": world.tell_state(),
        }

    async def _callbacks(self, _: Request) -> Response:
        return JSONResponse(self._world.courier.state())

    async def _person(self, request: Request) -> Response:
        world, phone = self._world, digits(request.path_params["phone"])
        if not 5 <= len(phone) <= 15:
            raise InvalidInput("Give the number in digits with its country code.")
        book, currency = world.home, world.home.currency
        account = world.person(phone, currency)
        if request.method == "PUT":
            wanted = str((await control_body(request)).get("balance"))
            amount = Money.zero(currency) if wanted in {"0", "0.00"} else parse_amount(wanted, currency)
            if amount is None:
                raise InvalidInput("Give the balance as text, for example 1000.00.")
            book.move(account, OUTSIDE, book.balance(account))
            book.move(OUTSIDE, account, amount)
        world.store.commit()
        return JSONResponse({"phone": phone, "balance": book.balance(account).plain()})


def _float(book: Book) -> Money:
    """Both accounts together."""
    return sum((book.balance(each) for each in FLOATS), Money.zero(book.currency))


def _matches(order: Order, wanted: Any) -> bool:
    phone, reference = wanted.get("phone"), wanted.get("reference")
    if phone and order.phone != digits(phone):
        return False
    return not reference or reference.lower() == order.reference


def _unknown(phone: str) -> bool:
    return phone == "46733123455"
