"""A JSON-RPC node or mirror node that tells the truth except where told to lie: between an auditor and it."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

# (method, result) → the result to give instead; of a mirror node (path, body).
Lie = Callable[[str, Any], Any]


@contextmanager
def lying_node(url: str, lie: Lie) -> Iterator[str]:
    """The URL of a node, or a mirror node, that answers as the one at ``url`` does, but for the lie."""
    truth = httpx.Client(timeout=20, trust_env=False)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = truth.post(url, content=body, headers={"content-type": "application/json"}).json()
            if "result" in answer:
                answer["result"] = lie(json.loads(body)["method"], answer["result"])
            self._say(200, answer)

        def do_GET(self) -> None:
            while (answer := truth.get(url + self.path)).status_code == 429:
                time.sleep(0.3)
            self._say(answer.status_code, lie(self.path, answer.json()))

        def _say(self, status: int, answer: Any) -> None:
            said = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        truth.close()
