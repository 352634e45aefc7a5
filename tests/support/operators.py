"""A real HTTP server that answers as a test tells it to, in the operators' documented formats.

It keeps the one rule of Daraja's that matters to every request: a new token ends the last one.
"""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that arrived, tokens aside."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Operator:
    """What to answer: for each path a list of answers, the last of which stays.

    An answer is (HTTP status, JSON or bytes), or a number of seconds to be silent first.
    """

    url: str
    answers: dict[str, list[Any]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    tokens_given: int = 0
    token_lives: Any = "3599"
    tokens_free: bool = False  # a gateway that knows no tokens
    token_refusal: tuple[int, Any] = (
        404,
        {"errorCode": "404.001.03", "errorMessage": "Invalid Access Token"},
    )

    def say(self, path: str, *answers: Any) -> None:
        """Answer so at ``path``, one after the other."""
        self.answers[path] = list(answers)

    def requests(self, path: str) -> list[Seen]:
        """What arrived at a path, with a good token."""
        return [each for each in self.seen if each.path == path]

    async def handle(self, request: Request) -> Response:
        path, body = request.url.path, await request.body()
        if path.endswith(("/oauth/v1/generate", "/token/")):
            return self._token(request)
        if not (self.tokens_free or path.startswith("/_") or self._allowed(request)):
            return _response(self.token_refusal)
        self.seen.append(Seen(request.method, path, dict(request.headers), body))
        queue = self.answers.get(
            path, [(404, {"errorCode": "404.001.01", "errorMessage": "Resource not found"})]
        )
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(answer, int | float):
            await asyncio.sleep(answer)
            return Response(b"too late")
        return _response(answer)

    def _token(self, request: Request) -> Response:
        if not request.headers.get("authorization", "").startswith("Basic "):
            return JSONResponse({"errorCode": "400.008.01"}, 400)
        self.tokens_given += 1
        return JSONResponse({"access_token": f"token-{self.tokens_given}", "expires_in": self.token_lives})

    def _allowed(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer token-{self.tokens_given}"


def _response(answer: tuple[int, Any]) -> Response:
    status, content = answer
    return Response(content, status) if isinstance(content, bytes) else JSONResponse(content, status)


@contextmanager
def operator() -> Iterator[Operator]:
    """The server, on a port of its own, until the end of the block."""
    listener = socket.create_server(("127.0.0.1", 0))
    told = Operator(f"http://127.0.0.1:{listener.getsockname()[1]}")
    methods = ["GET", "POST", "PUT"]
    app = Starlette(routes=[Route("/{path:path}", told.handle, methods=methods)])
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield told
    finally:
        server.should_exit = True
        thread.join(timeout=5)
        listener.close()


def unused_url() -> str:
    """An address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"
