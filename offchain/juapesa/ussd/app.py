"""The HTTP face of the USSD side: gateways, the phone page, health."""

import asyncio
import hmac
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

import psycopg
from psycopg_pool import PoolTimeout
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from juapesa.config import Settings
from juapesa.errors import PROBLEM_TYPE, JuaError, as_problem, of_status
from juapesa.ussd.gateways import africastalking, json_session
from juapesa.ussd.hops import Answer, Hop
from juapesa.ussd.phone.routes import phone_routes
from juapesa.ussd.service import Ussd

THREADS = 4  # a hop mostly waits for the database; more threads only queue at the interpreter's lock
BODY_BYTES_MAX = 64 * 1024
CLEAN_EVERY_SECONDS = 600

# The database is away, restarting or full: expected, and answered in words that fit a handset.
_DATABASE_AWAY = (psycopg.OperationalError, PoolTimeout)

T = TypeVar("T")


class BodyTooLarge(JuaError):
    """Longer than any hop."""

    slug = "body-too-large"
    http_status = 413


class NotAuthenticated(JuaError):
    """Without the gateway's secret, or with another."""

    slug = "not-authenticated"
    http_status = 401


class Gateways:
    """The handlers. Hops run in a bounded pool of threads, for database code is synchronous."""

    def __init__(self, ussd: Ussd, secret: str, pool: ThreadPoolExecutor) -> None:
        self._ussd = ussd
        self._secret = secret.encode()
        self._pool = pool

    async def africastalking(self, request: Request) -> Response:
        """A hop as a form; always a text that the handset can show."""
        if not self._knows(request.path_params["secret"]):
            return PlainTextResponse("END Not found.", 404)
        try:
            hop = africastalking.read_hop(await _body(request))
        except JuaError as problem:
            return PlainTextResponse(f"END {problem.detail}", problem.http_status)
        return PlainTextResponse(africastalking.write(await self._answer(hop)))

    async def africastalking_ended(self, request: Request) -> Response:
        """A notice of a session's end."""
        if not self._knows(request.path_params["secret"]):
            return PlainTextResponse("Not found.", 404)
        try:
            hop, how = africastalking.read_end(await _body(request))
        except JuaError as problem:
            return PlainTextResponse(problem.detail, problem.http_status)
        try:
            await self._in_pool(lambda: self._ussd.session_ended(hop, how))
        except _DATABASE_AWAY:
            return PlainTextResponse("Try again later.", 503)
        return PlainTextResponse("OK")

    async def json(self, request: Request) -> Response:
        """A hop as JSON; errors are problem+json."""
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not self._knows(given):
            raise NotAuthenticated("Authorization: Bearer with the gateway secret is needed.")
        hop = json_session.read_hop(await _body(request))
        return JSONResponse(json_session.write(await self._answer(hop)))

    def clean(self) -> int:
        """Forget old sessions."""
        return self._ussd.clean()

    async def _answer(self, hop: Hop) -> Answer:
        try:
            return await self._in_pool(lambda: self._ussd.answer(hop))
        except _DATABASE_AWAY:
            return self._ussd.busy()

    async def _in_pool(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def _knows(self, secret: str) -> bool:
        return hmac.compare_digest(secret.encode("utf-8", "replace"), self._secret)


def build_app(settings: Settings, ussd: Ussd, *, threads: int = THREADS) -> Starlette:
    """The application. Its lifespan owns the threads and the periodic clean-up."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="hop")
    gateways = Gateways(ussd, settings.ussd.gateway_secret.get_secret_value(), pool)
    phone = phone_routes(settings)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        cleaning = asyncio.create_task(_clean_forever(gateways, pool))
        try:
            yield
        finally:
            cleaning.cancel()
            with suppress(asyncio.CancelledError):
                await cleaning
            await phone.close()
            pool.shutdown(wait=True, cancel_futures=True)

    routes = [
        Route("/ussd/africastalking/{secret}", gateways.africastalking, methods=["POST"]),
        Route("/ussd/africastalking/{secret}/ended", gateways.africastalking_ended, methods=["POST"]),
        Route("/api/ussd/session", gateways.json, methods=["POST"]),
        Route("/health", _health),
        *phone.routes,
    ]
    return Starlette(
        routes=routes,
        lifespan=lifespan,
        exception_handlers={JuaError: _expected, HTTPException: _refused},
    )


async def _health(_request: Request) -> Response:
    return JSONResponse({"ok": True})


async def _clean_forever(gateways: Gateways, pool: ThreadPoolExecutor) -> None:
    while True:
        await asyncio.sleep(CLEAN_EVERY_SECONDS)
        with suppress(*_DATABASE_AWAY):  # the next round tries again
            await asyncio.get_running_loop().run_in_executor(pool, gateways.clean)


async def _body(request: Request) -> bytes:
    """The body, as long as it is not absurd. Raises BodyTooLarge."""
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > BODY_BYTES_MAX:
        raise BodyTooLarge("The request is too long. Dial again.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise BodyTooLarge("The request is too long. Dial again.")
    return bytes(body)


async def _expected(_request: Request, error: Exception) -> Response:
    """Exception handler for JuaError."""
    assert isinstance(error, JuaError)
    headers = {"WWW-Authenticate": 'Bearer realm="juapesa"'} if error.http_status == 401 else None
    body = as_problem(error.slug, error.http_status, error.detail)
    return JSONResponse(body, error.http_status, headers, media_type=PROBLEM_TYPE)


async def _refused(_request: Request, error: Exception) -> Response:
    """Exception handler for a path or a method that is not there."""
    assert isinstance(error, HTTPException)
    return JSONResponse(
        of_status(error.status_code), error.status_code, error.headers, media_type=PROBLEM_TYPE
    )
