"""The network's HTTP side: the relay at `/`, the mirror node at `/api/v1`, the control at `/_sandbox`."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from juapesa.clock import Clock
from juapesa.errors import InvalidInput, JuaError
from juapesa.sandbox import control
from juapesa.sandbox.hedera.memory import Memory
from juapesa.sandbox.hedera.mirror_query import not_found
from juapesa.sandbox.hedera.rpc import RpcServer
from juapesa.sandbox.hedera.token_control import TokenControl
from juapesa.sandbox.hedera.world import Etch, Pace, World
from juapesa.sandbox.wire import Refusal, control_body, on_control_error, on_refusal


def build(
    anvil: Path,
    clock: Clock,
    pace: Pace | None = None,
    *,
    seed: int = 1,
    hapi: tuple[str, int] = ("127.0.0.1", 0),
    hapi_tls: int | None = None,
    etch: Etch | None = None,
    state: Path | None = None,
) -> Starlette:
    """The application; anvil and the blocks start and end with its lifespan.

    ``hapi_tls`` is a port on which the native API speaks TLS besides. ``state`` is a folder in which the
    network outlives a restart, and but for seconds a kill.
    """
    memory = Memory(state) if state else None
    world = World(
        anvil, clock, pace or Pace(), seed=seed, hapi=hapi, hapi_tls=hapi_tls, etch=etch, memory=memory
    )
    rpc = RpcServer(world.relay, world.trouble)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            await world.start()
            yield
        finally:
            await world.stop()

    async def mine(request: Request) -> Response:
        """Blocks now: `{"count": 1, "seconds": 0}`; the first is made so many seconds in the future."""
        body = await control_body(request)
        count, seconds = body.get("count", 1), body.get("seconds", 0)
        if type(count) is not int or not 1 <= count <= 10_000 or type(seconds) is not int or seconds < 0:
            raise InvalidInput("Send a 'count' from 1 to 10,000 and whole 'seconds'.")
        block = await world.chain.mine(seconds, count - 1)
        return JSONResponse({"block": block.number}, 201)

    async def save(_: Request) -> Response:
        """Write everything down now; 204 when it is on the disk, or when there is no state folder."""
        await world.save()
        return Response(status_code=204)

    async def token(request: Request) -> Response:
        """What an outside token's issuer does; see ``TokenControl.act``."""
        return JSONResponse(await TokenControl(world.chain).act(await control_body(request)), 201)

    async def transfer(request: Request) -> Response:
        """HBAR by a native transfer from nowhere: `{"to": "0x…", "tinybars": N}`."""
        body = await control_body(request)
        to, amount = body.get("to"), body.get("tinybars")
        if not isinstance(to, str) or len(to) != 42 or type(amount) is not int or abs(amount) > 2**62:
            raise InvalidInput("Send an address as 'to' and whole 'tinybars'.")
        world.entities.see(to.lower())  # a transfer to an address that is new makes its account
        await world.chain.credit(to, amount)
        block = await world.chain.mine()
        return JSONResponse({"block": block.number}, 201)

    return Starlette(
        routes=[
            Route("/", rpc.post, methods=["POST"]),
            Route("/_sandbox/blocks", mine, methods=["POST"]),
            Route("/_sandbox/saves", save, methods=["POST"]),
            Route("/_sandbox/tokens", token, methods=["POST"]),
            Route("/_sandbox/transfers", transfer, methods=["POST"]),
            *world.mirror.routes(),
            *world.native.routes(),
            *world.token_pages.routes(),
            *world.entity_pages.routes(),
            *control.routes("hedera", world.faults, world.switches, lambda _: world.state()),
        ],
        exception_handlers={Refusal: on_refusal, JuaError: on_control_error, HTTPException: _not_here},
        lifespan=lifespan,
    )


async def _not_here(request: Request, error: Exception) -> Response:
    """A path or method that is not there; the mirror node says so in its own form."""
    assert isinstance(error, HTTPException)
    if request.url.path.startswith("/api/v1/"):
        return not_found().response()
    return PlainTextResponse(error.detail, error.status_code, error.headers)
