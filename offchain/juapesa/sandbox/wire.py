"""Small tools of the HTTP side: an answer as an exception, and bodies read with a limit."""

import asyncio
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from juapesa.errors import InvalidInput, JuaError
from juapesa.sandbox.faults import ANSWER_SECONDS, Fault

BODY_BYTES_MAX = 64 * 1024


class Refusal(Exception):
    """The operator's own error answer: status, body and headers."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{status}")
        self.status = status
        self.body = body
        self.headers = headers or {}

    def response(self) -> Response:
        """As HTTP; a text body goes as text."""
        if isinstance(self.body, str):
            return Response(self.body, self.status, self.headers, media_type="text/plain")
        return JSONResponse(self.body, self.status, self.headers)


async def raw_body(request: Request, bytes_max: int = BODY_BYTES_MAX) -> bytes | None:
    """The body; None when it is larger than the operator takes."""
    parts, size = [], 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > bytes_max:
            return None
    return b"".join(parts)


def json_object(raw: bytes | None) -> dict[str, Any] | None:
    """The body as a JSON object; None when it is anything else."""
    if raw is None:
        return None
    try:
        read = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


async def control_body(request: Request) -> dict[str, Any]:
    """The body of a control request. Raises InvalidInput."""
    read = json_object(await raw_body(request))
    if read is None:
        raise InvalidInput("Send one JSON object.")
    return read


async def answer(fault: Fault | None, response: Response) -> Response:
    """The response, or, when its way back is broken, nothing until the caller has given up."""
    if fault is None or fault.fault != "timeout-after-accept":
        return response
    await asyncio.sleep(fault.wait(ANSWER_SECONDS))
    return Response("upstream request timeout", 504, media_type="text/plain")


async def on_refusal(_: Request, refusal: Exception) -> Response:
    """Exception handler for Refusal."""
    assert isinstance(refusal, Refusal)
    return refusal.response()


async def on_control_error(_: Request, error: Exception) -> Response:
    """Exception handler for what the control port refuses."""
    assert isinstance(error, JuaError)
    return JSONResponse({"error": error.slug, "detail": error.detail}, error.http_status)
