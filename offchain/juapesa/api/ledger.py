"""Booking for the house's own programs: orders go on to the ledger's writer, and its answers come back.

The hot path: nothing is made of a body but the structs by which it is checked, and what came is what goes on.
"""

import asyncio
import itertools
import re
from pathlib import Path

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from juapesa.api import problems
from juapesa.api.clients import Scope
from juapesa.api.errors import LedgerDown
from juapesa.api.gate import Gate
from juapesa.api.ledger_rules import Rules, require_house
from juapesa.api.ledger_shapes import BODY, answers
from juapesa.errors import PROBLEM_TYPE, InvalidInput
from juapesa.ledger.engine.client import EngineClient
from juapesa.ledger.engine.orders import WireOrder, orders_in
from juapesa.ledger.errors import WriterUnreachable

LINES = 4  # to the writer: answers come in order on each, so a long list holds up only a part of the others
PATIENCE_SECONDS = 3.0  # a writer that was killed is back in less
RETRY_SECONDS = 1
_QUOTED = re.compile(r" '[^']*'")


class LedgerDoor:
    """A few connections to the writer's socket, made when they are needed."""

    def __init__(self, socket: Path) -> None:
        self._lines = [EngineClient(socket=socket, patience_seconds=PATIENCE_SECONDS) for _ in range(LINES)]
        self._turns = itertools.cycle(self._lines)

    async def forward(self, body: bytes) -> Response:
        """The writer's answer. Raises LedgerDown when there is none in time."""
        try:
            status, answer = await next(self._turns).forward(body)
        except WriterUnreachable:
            raise LedgerDown(
                "The ledger's writer does not answer. What it has booked is not known: send the same again."
            ) from None
        headers = {"Retry-After": str(RETRY_SECONDS)} if status == 429 else None
        return Response(answer, status, headers, "application/json" if status < 400 else PROBLEM_TYPE)

    def close(self) -> None:
        """End the connections."""
        for each in self._lines:
            each.close()


def ledger_routes(gate: Gate, rules: Rules, socket: Path) -> APIRouter:
    """`POST /api/ledger/orders`, for clients with `ledger:write` that were made for no person."""
    door = LedgerDoor(socket)
    router = APIRouter(prefix="/api/ledger", tags=["ledger"], on_shutdown=[door.close])

    @router.post("/orders", responses=answers(), openapi_extra=BODY)
    async def orders(request: Request) -> Response:
        """Book an order, or a list of orders that do not depend on each other, each by itself.

        One: 200 when it is booked, or why not. A list: 200 and an answer for each. Every order has a key: the
        same again gets the first answer. A list with an order that no program may give is refused whole.
        """
        client = await gate.admitted(request, request.headers.get("authorization", ""), Scope.LEDGER_WRITE)
        require_house(client)
        body = await request.body()
        asked = _read(body)
        await asyncio.to_thread(rules.require_allowed, asked)
        try:
            return await door.forward(body)
        except LedgerDown as down:
            answer = problems.of_error(down)
            answer.headers["Retry-After"] = str(RETRY_SECONDS)
            return answer

    return router


def _read(body: bytes) -> list[WireOrder]:
    """The orders. Raises InvalidInput with the place that is wrong, and nothing of what was sent."""
    try:
        found = orders_in(body)
    except msgspec.ValidationError as fault:
        raise InvalidInput(f"The request is not an order: {_QUOTED.sub('', str(fault))}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidInput("The request is not JSON.") from None
    return found if isinstance(found, list) else [found]
