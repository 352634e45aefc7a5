"""The writer's door: HTTP/1.1 on a loopback port or a unix socket, with nothing between it and the queue.

``POST /orders``   one order, answered with its status; or a list, answered 200 with a list of answers
``POST /accounts`` ``{"kind", "owner", "currency"}`` and perhaps ``"floor"``, ``"ceiling"``: ``{"id"}``
``GET /accounts/7`` ``{"id", "currency", "posted", "held", "incoming", "entries", "last"}``
``GET /health``    ``{"waiting", "batches", "orders"}``, of a writer that has the books to itself also
                   ``"accounts"`` and ``"holds"``

It is meant for our own processes: the socket's folder or a token lets nobody else in.
"""

import asyncio
import hmac
from collections import deque
from collections.abc import Sequence
from typing import Annotated, Protocol, cast

import httptools
import msgspec
from msgspec import Meta, Struct

from juapesa.errors import PROBLEM_TYPE, as_problem
from juapesa.ledger.domain import AMOUNT_MINOR_MAX
from juapesa.ledger.engine.lookup import accounts_of, accounts_sql
from juapesa.ledger.engine.orders import FAILURES, Answer, Code, Refused, WireOrder, orders_in
from juapesa.ledger.engine.writer import Rows, Writer

BODY_BYTES_MAX = 1 << 20
RETRY_SECONDS = 1
ACCOUNT_PATH_MAX = len("/accounts/") + 18  # any number of so many digits is one to PostgreSQL, too
BALANCES = ("id", "currency", "posted", "held", "incoming", "entries", "last")
_REASONS = {
    200: "OK", 401: "Unauthorized", 404: "Not Found", 409: "Conflict", 413: "Content Too Large",
    422: "Unprocessable Content", 429: "Too Many Requests", 503: "Service Unavailable",
}  # fmt: skip
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
_encode = msgspec.json.Encoder().encode


class Opening(Struct, frozen=True):
    """An account to open; limits in minor units, None: the kind's."""

    kind: Code
    owner: Annotated[str, Meta(max_length=80)]
    currency: Annotated[str, Meta(min_length=3, max_length=8)]
    floor: Annotated[int, Meta(ge=-AMOUNT_MINOR_MAX, le=0)] | None = None
    ceiling: Annotated[int, Meta(ge=0, le=AMOUNT_MINOR_MAX)] | None = None


_opening = msgspec.json.Decoder(Opening)


class Quoter(Protocol):
    """Turns a text into an SQL literal."""

    def __call__(self, text: str) -> str: ...


def problem(status: int, slug: str, detail: str) -> bytes:
    """A whole response that refuses a request: a problem, with ``ok`` and ``slug`` as answers in a list."""
    body = _encode({"ok": False, "slug": slug, **as_problem(slug, status, detail)})
    retry = f"Retry-After: {RETRY_SECONDS}\r\n" if status in {429, 503} else ""
    head = f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {PROBLEM_TYPE}\r\n"
    return f"{head}{retry}Content-Length: {len(body)}\r\n\r\n".encode() + body


def good(value: object) -> bytes:
    """A whole response with a value."""
    body = _encode(value)
    return _OK % (len(body), body)


def answered(answer: Answer) -> bytes:
    """A whole response with one order's answer."""
    if isinstance(answer, Refused):
        return problem(FAILURES[answer.slug].http_status, answer.slug, answer.detail)
    return good(answer)


BUSY = problem(429, "ledger-busy", "Too many orders wait; send the same again, with the same key.")
UNREADABLE = "The request is not an order as the books know it."


class Slot:
    """A request's place in the row of answers."""

    __slots__ = ("response",)

    def __init__(self) -> None:
        self.response: bytes | None = None


class Front(asyncio.Protocol):
    """One connection. Answers leave in the order of the requests, also when they are pipelined.

    Single orders that arrive together are offered together, and their answers leave together: a system call
    costs more than booking.
    """

    def __init__(self, writer: Writer, quoted: Quoter, token: bytes | None) -> None:
        self._writer = writer
        self._quoted = quoted
        self._bearer = None if token is None else b"Bearer " + token
        self._slots: deque[Slot] = deque()
        self._singles: list[WireOrder] = []
        self._single_slots: list[Slot] = []
        self._left = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        self._parser = httptools.HttpRequestParser(self)
        self.on_message_begin()

    def connection_lost(self, _exc: Exception | None) -> None:
        """Who has left gets no answers; what they ordered is booked all the same."""
        self._left = True

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()
        if self._received > BODY_BYTES_MAX + 65_536:
            self._transport.close()
        if self._singles:
            self._offer_singles()
        self._flush()

    # What httptools calls.

    def on_message_begin(self) -> None:
        self._url = b""
        self._body = b""
        self._allowed = self._bearer is None
        self._received = 0

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._allowed and self._bearer and name.lower() == b"authorization":
            self._allowed = hmac.compare_digest(value, self._bearer)

    def on_body(self, body: bytes) -> None:
        self._body = self._body + body if self._body else body

    def on_message_complete(self) -> None:
        slot = Slot()
        self._slots.append(slot)
        if not self._allowed:
            slot.response = problem(401, "not-allowed", "The writer's token is missing.")
        elif len(self._body) > BODY_BYTES_MAX:
            slot.response = problem(413, "invalid-input", "The request is too long.")
        elif self._url == b"/orders":
            self._orders(slot)
        else:
            self._other(slot)

    def _orders(self, slot: Slot) -> None:
        try:
            asked = orders_in(self._body)
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            detail = f"{UNREADABLE} {fault}" if isinstance(fault, msgspec.ValidationError) else UNREADABLE
            slot.response = problem(422, "invalid-input", detail)
            return
        if isinstance(asked, list):
            self._offer_list(slot, asked)
        else:
            self._singles.append(asked)
            self._single_slots.append(slot)

    def _offer_singles(self) -> None:
        slots, orders = self._single_slots, self._singles
        self._single_slots, self._singles = [], []

        def reply(answers: Sequence[Answer]) -> None:
            for slot, answer in zip(slots, answers, strict=True):
                slot.response = answered(answer)
            self._flush()

        if not self._writer.offer(orders, reply):
            for slot in slots:
                slot.response = BUSY

    def _offer_list(self, slot: Slot, orders: Sequence[WireOrder]) -> None:
        if self._singles:
            self._offer_singles()  # they came before

        def reply(answers: Sequence[Answer]) -> None:
            self._fill(slot, good(answers))

        if not self._writer.offer(orders, reply):
            slot.response = BUSY

    def _other(self, slot: Slot) -> None:
        path = self._url.decode("ascii", "replace")
        if path == "/health":
            slot.response = good(self._health())
        elif path == "/accounts":
            self._open(slot)
        elif path.startswith("/accounts/") and path[10:].isdecimal() and len(path) <= ACCOUNT_PATH_MAX:
            self._balances(slot, int(path[10:]))
        else:
            slot.response = problem(404, "not-found", "There is nothing here.")

    def _balances(self, slot: Slot, number: int) -> None:
        found = self._writer.back.account(number)
        if found is not None:
            slot.response = good({name: getattr(found, name) for name in BALANCES})
            return

        def reply(rows: Rows) -> None:
            stored = accounts_of(rows)
            if stored:
                self._fill(slot, good({name: getattr(stored[0], name) for name in BALANCES}))
            else:
                self._fill(slot, problem(404, "unknown-account", "There is no such account."))

        self._writer.ask(accounts_sql([number]), reply)

    def _health(self) -> dict[str, int]:
        writer = self._writer
        return {
            "waiting": writer.waiting,
            "batches": writer.batches,
            "orders": writer.orders,
            **writer.back.health(),
        }

    def _open(self, slot: Slot) -> None:
        try:
            asked = _opening.decode(self._body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            slot.response = problem(422, "invalid-input", "The request is not an account.")
            return
        if not (asked.kind + asked.owner + asked.currency).isprintable():
            slot.response = problem(422, "invalid-input", "An account's words are printable.")
            return
        kind, owner, currency = map(self._quoted, (asked.kind, asked.owner, asked.currency))
        limits = ", ".join("NULL" if each is None else str(each) for each in (asked.floor, asked.ceiling))
        known = f"EXISTS (SELECT 1 FROM book.kinds WHERE kind = {kind})"  # noqa: S608 - quoted
        opened = f"book.open_account({kind}, {owner}, {currency}, {limits})"

        def reply(rows: Rows) -> None:
            if rows[0][0] is None:
                self._fill(slot, problem(422, "invalid-input", "There is no such kind of account."))
            else:
                self._fill(slot, good({"id": int(rows[0][0])}))

        self._writer.ask(f"SELECT CASE WHEN {known} THEN {opened} END", reply)

    def _fill(self, slot: Slot, response: bytes) -> None:
        slot.response = response
        self._flush()

    def _flush(self) -> None:
        """Send what is complete from the first request on, as one write."""
        slots, ready = self._slots, []
        while slots and (response := slots[0].response) is not None:
            ready.append(response)
            slots.popleft()
        if ready and not self._left:
            self._transport.write(ready[0] if len(ready) == 1 else b"".join(ready))
