"""One connection to the writer with many requests under way; the answers come in the requests' order."""

import asyncio
from collections import deque
from typing import cast

Response = tuple[int, bytes]  # status and body
_BROKEN = "the writer's line is broken"
_END = b"\r\n\r\n"
_LENGTH = b"\r\nContent-Length: "


class Pipe(asyncio.Protocol):
    """Requests that are made in one turn of the event loop leave as one write.

    When the connection breaks, or nothing comes for ``silent_seconds_max`` while an answer is owed, everybody
    who waits gets a ConnectionError: nobody can say what became of their requests.
    """

    def __init__(self, silent_seconds_max: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._silent_seconds_max = silent_seconds_max
        self._waiting: deque[asyncio.Future[Response]] = deque()
        self._leaving: list[bytes] = []
        self._data = b""
        self._heard = 0.0
        self._listening = False
        self.broken = False

    def ask(self, request: bytes) -> asyncio.Future[Response]:
        """Send a request; who does not want its answer any more may cancel. Raises ConnectionError."""
        if self.broken:
            raise ConnectionResetError(_BROKEN)
        answer: asyncio.Future[Response] = self._loop.create_future()
        if not self._waiting:
            self._heard = self._loop.time()
        self._waiting.append(answer)
        if not self._leaving:
            self._loop.call_soon(self._send)
        self._leaving.append(request)
        if not self._listening:
            self._listening = True
            self._loop.call_later(self._silent_seconds_max, self._listen)
        return answer

    def close(self) -> None:
        """Break it off; who still waits gets a ConnectionError."""
        self._transport.abort()

    def _send(self) -> None:
        leaving, self._leaving = self._leaving, []
        if not self.broken:
            self._transport.write(b"".join(leaving))

    def _listen(self) -> None:
        """Give up a line that is silent: its other end may be frozen, or gone without a word."""
        self._listening = False
        if self.broken or not self._waiting:
            return
        left = self._heard + self._silent_seconds_max - self._loop.time()
        if left <= 0:
            self._transport.abort()
        else:
            self._listening = True
            self._loop.call_later(left, self._listen)

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance

    def connection_lost(self, _exc: Exception | None) -> None:
        self.broken = True
        while self._waiting:
            answer = self._waiting.popleft()
            if not answer.done():
                answer.set_exception(ConnectionResetError(_BROKEN))

    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        data, place = self._data + data, 0
        while (end := data.find(_END, place)) >= 0:
            head = data[place:end]
            try:
                status, (_, _, rest) = int(head[9:12]), head.partition(_LENGTH)
                body = end + len(_END)
                after = body + int(rest.partition(b"\r")[0])
                if len(data) < after:
                    break
                answer = self._waiting.popleft()
            except (ValueError, IndexError):  # no writer of ours speaks like this
                self._transport.abort()
                return
            if not answer.done():
                answer.set_result((status, data[body:after]))
            place = after
        self._data = data[place:]
