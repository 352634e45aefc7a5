"""JSON-RPC over HTTP as the relay's server speaks it: errors carry a request id and an HTTP status.

Source: hiero-json-rpc-relay packages/server/src/koaJsonRpc.
"""

import inspect
import json
import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from juapesa.errors import Unavailable
from juapesa.sandbox.hedera import refusals
from juapesa.sandbox.hedera.refusals import RpcFault
from juapesa.sandbox.hedera.relay import Relay
from juapesa.sandbox.hedera.trouble import Outage, Trouble
from juapesa.sandbox.wire import raw_body

BODY_BYTES_MAX = 1_048_576
BATCH_MAX = 100
_NOT_IN_BATCH = frozenset(
    {
        "eth_newFilter",
        "eth_newBlockFilter",
        "eth_newPendingTransactionFilter",
        "eth_uninstallFilter",
        "eth_getFilterChanges",
        "eth_getFilterLogs",
    }
)


class RpcServer:
    """POST / of the relay."""

    def __init__(self, relay: Relay, trouble: Trouble) -> None:
        self._relay = relay
        self._trouble = trouble

    async def post(self, request: Request) -> Response:
        """One request or a batch."""
        try:
            body = _json(await raw_body(request, BODY_BYTES_MAX))
            if isinstance(body, list):
                return await self._batch(body)
            return _single(await self._answer(body))
        except RpcFault as fault:
            return _single(_error(None, fault))
        except Outage:
            return Response("no healthy upstream", 503, media_type="text/plain")

    async def _batch(self, calls: list[Any]) -> Response:
        if len(calls) > BATCH_MAX:
            raise refusals.batch_too_large(len(calls), BATCH_MAX)
        if not calls:
            raise refusals.invalid_request()
        answers = [await self._answer(call, in_batch=True) for call in calls]
        return JSONResponse([answer for _, answer in answers])

    async def _answer(self, call: Any, *, in_batch: bool = False) -> tuple[int, dict[str, Any]]:
        """The HTTP status and the JSON-RPC answer. Raises Outage."""
        call_id = call.get("id") if isinstance(call, dict) else None
        try:
            method, params = _read(call)
            if in_batch and method in _NOT_IN_BATCH:
                raise refusals.not_in_batch(method)
            result = await self._run(method, params)
        except RpcFault as fault:
            return _error(call_id, fault)
        return 200, {"jsonrpc": "2.0", "id": call_id, "result": result}

    async def _run(self, method: str, params: list[Any]) -> Any:
        found = self._relay.methods.get(method)
        if found is None:
            raise refusals.method_not_found(method)
        where = "send" if method == "eth_sendRawTransaction" else "read"
        self._trouble.at_the_door(where, method)
        if where == "read":
            await self._trouble.on_read()
        try:
            inspect.signature(found).bind(*params)
        except TypeError:
            raise refusals.missing_parameter(len(params)) from None
        try:
            return await found(*params)
        except Unavailable as fault:
            raise refusals.internal(fault.detail) from None


def _json(raw: bytes | None) -> Any:
    try:
        return json.loads(raw or b"")
    except (ValueError, RecursionError):
        raise refusals.not_json() from None


def _read(call: Any) -> tuple[str, list[Any]]:
    if not isinstance(call, dict) or call.get("jsonrpc") != "2.0" or not isinstance(call.get("method"), str):
        raise refusals.invalid_request()
    if "id" not in call:
        raise refusals.invalid_request()
    params = call.get("params", [])
    if not isinstance(params, list):
        raise refusals.invalid_request()
    return call["method"], params


def _error(call_id: Any, fault: RpcFault) -> tuple[int, dict[str, Any]]:
    error: dict[str, Any] = {
        "code": fault.code,
        "message": f"[Request ID: {uuid.uuid4()}] {fault}",
        **({} if fault.data is None else {"data": fault.data}),
    }
    return fault.http_status, {"jsonrpc": "2.0", "id": call_id, "error": error}


def _single(answer: tuple[int, dict[str, Any]]) -> Response:
    status, body = answer
    return JSONResponse(body, status)
