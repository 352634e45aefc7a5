"""The door of the program's API: who calls, may they, and is it a repetition."""

import asyncio
import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Header, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

from juapesa.api import signing
from juapesa.api.clients import Client, Clients, Scope
from juapesa.api.errors import IdempotencyKeyMissing, IdempotencyKeyReused, ScopeMissing
from juapesa.clock import Clock
from juapesa.db import Database, UnitOfWork, retried

_KEY = re.compile(r"[\x21-\x7e]{8,128}", re.ASCII)

SIGNED = APIKeyHeader(
    name="Authorization",
    scheme_name="signature",
    auto_error=False,
    description=(
        f"`{signing.SCHEME} client:seconds:nonce:signature`. The signature is the hex HMAC-SHA256, under the "
        "client's secret, of seconds, nonce, method, path with query, Idempotency-Key (or nothing) and the "
        "hex SHA-256 of the body, joined by line feeds. Seconds within 60 of ours; a nonce is good once."
    ),
)
BEARER = HTTPBearer(scheme_name="bearer", auto_error=False, description="A client's token, with its scopes.")


def idempotency_key(
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="8 to 128 visible ASCII characters, new for every new order. Required.",
        ),
    ] = None,
) -> str:
    """The request's key. Raises IdempotencyKeyMissing."""
    if key is None or _KEY.fullmatch(key) is None:
        raise IdempotencyKeyMissing("Send an Idempotency-Key of 8 to 128 visible characters.")
    return key


@dataclass(frozen=True)
class Gate:
    """Admits clients and remembers first answers. ``key`` (32 bytes) makes fingerprints of requests."""

    db: Database
    clients: Clients
    clock: Clock
    key: bytes

    def needs(self, scope: Scope) -> Callable[..., Awaitable[Client]]:
        """A dependency: the calling client, who has this scope."""

        async def caller(
            request: Request,
            signed: Annotated[str | None, Security(SIGNED)],
            bearer: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)],  # noqa: ARG001 - documents
        ) -> Client:
            return await self.admitted(request, signed or "", scope)

        return caller

    async def admitted(self, request: Request, authorization: str, scope: Scope) -> Client:
        """The client that sent this request, who has this scope.

        Raises NotAuthenticated, TooManyRequests, ScopeMissing.
        """
        message = signing.Message(
            request.method,
            _target(request),
            request.headers.get("idempotency-key", ""),
            await request.body(),
        )
        client = await asyncio.to_thread(self._admit, authorization, message)
        if scope not in client.scopes:
            raise ScopeMissing(f"This client lacks the scope {scope}.")
        return client

    def once(
        self, client: Client, key: str, given: BaseModel, status: int, act: Callable[[UnitOfWork], BaseModel]
    ) -> Response:
        """Act on a request, or answer as the first time. The act and its answer commit together.

        A twin waits for the first to commit. A failure leaves nothing, so its key is free again.
        Raises IdempotencyKeyReused and what ``act`` raises.
        """
        fingerprint = self._fingerprint(given)

        def work() -> tuple[int, str]:
            with self.db.unit_of_work() as uow:
                claimed = uow.execute(
                    "INSERT INTO api.answer (client_id, key, fingerprint, made_at) VALUES (%s, %s, %s, %s) "
                    "ON CONFLICT DO NOTHING",
                    (client.id, key, fingerprint, self.clock.now()),
                )
                if not claimed:
                    return _first_answer(uow, client.id, key, fingerprint)
                body = act(uow).model_dump_json()
                uow.execute(
                    "UPDATE api.answer SET status = %s, body = %s WHERE client_id = %s AND key = %s",
                    (status, body, client.id, key),
                )
                return status, body

        answered, body = retried(work)
        return Response(body, answered, media_type="application/json")

    def _admit(self, header: str, message: signing.Message) -> Client:
        with self.db.unit_of_work() as uow:
            return self.clients.admit(uow, header, message)

    def _fingerprint(self, given: BaseModel) -> bytes:
        line = f"{type(given).__name__}\n{given.model_dump_json()}"
        return hmac.new(self.key, line.encode(), hashlib.sha256).digest()


def admitting_first(admit: Callable[[Request], Awaitable[object]]) -> type[APIRoute]:
    """A kind of route that tells a stranger only that they are one, whatever they send.

    FastAPI parses a body before it asks a route's dependencies, among them who calls; when there was nothing
    to parse, ``admit`` is asked in their place.
    """

    class AdmittingFirst(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def handled(request: Request) -> Response:
                try:
                    return await handle(request)
                except RequestValidationError as unreadable:
                    if any(fault["type"] == "json_invalid" for fault in unreadable.errors()):
                        await admit(request)
                    raise

            return handled

    return AdmittingFirst


def _target(request: Request) -> str:
    """Path and query as they were sent."""
    path: str = request.scope.get("raw_path", b"").decode("ascii", "replace") or request.url.path
    query = request.url.query
    return f"{path}?{query}" if query else path


def _first_answer(uow: UnitOfWork, client_id: str, key: str, fingerprint: bytes) -> tuple[int, str]:
    row = uow.one("SELECT * FROM api.answer WHERE client_id = %s AND key = %s", (client_id, key))
    assert row is not None
    assert row["body"] is not None, "an answer commits with its key"
    if not hmac.compare_digest(row["fingerprint"], fingerprint):
        raise IdempotencyKeyReused("This Idempotency-Key belongs to another request; use a new one.")
    return row["status"], row["body"]
