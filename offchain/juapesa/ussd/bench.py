"""A crowd of handsets against the gateway, to measure hops. A client light enough not to be the bottleneck.

Each session is one keep-alive connection that walks again and again like a person: dial, Send,
an amount, a number, look at the quote, go back, go home, leave. In ``PIN_SHARE`` of the walks it
also opens My account → Balances, which costs a PIN check (argon2); no walk pays. Between two
hops it thinks for ``think_seconds`` × 0.5 to 1.5; 0 makes it a closed loop, as fast as answers
come. A hop's time runs from the first byte sent to the last byte received.
"""

import asyncio
import random
import secrets
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from juapesa.errors import Unavailable

PIN_SHARE = 0.2
PIN = "2580"
AMOUNT = "1000"
DESTINATION = "+2348031234567"
ANSWER_SECONDS_MAX = 30.0


@dataclass
class Measured:
    """What a crowd saw: milliseconds of every hop, and what went wrong."""

    milliseconds: list[float] = field(default_factory=list)
    pin_hops: int = 0
    quotes: int = 0
    surprises: int = 0  # answers that the walk did not expect
    seconds: float = 0.0

    def report(self) -> dict[str, float | int]:
        """Figures, percentiles by nearest rank."""
        hops = sorted(self.milliseconds)
        return {
            "p50_ms": _rank(hops, 0.50),
            "p95_ms": _rank(hops, 0.95),
            "p99_ms": _rank(hops, 0.99),
            "max_ms": round(hops[-1], 2) if hops else 0.0,
            "hops_per_second": round(len(hops) / self.seconds, 1) if self.seconds else 0.0,
            "hops": len(hops),
            "pin_hops": self.pin_hops,
            "quotes": self.quotes,
            "surprises": self.surprises,
        }


class Handset:
    """One number, one connection, the accumulating form contract by hand."""

    def __init__(self, url: str, path: str, number: str, service_code: str) -> None:
        parts = urlsplit(url)
        self.number = number
        self._writer: asyncio.StreamWriter | None = None
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._head = f"POST {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        self._head += "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: "
        self._caller = (
            f"&networkCode=99999&phoneNumber={quote(number)}&serviceCode={quote(service_code)}&text="
        )
        self._session, self._path = "", ""

    async def connect(self) -> None:
        """Open the connection. Raises Unavailable."""
        try:
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        except OSError:
            raise Unavailable(f"Nobody listens on {self._host}:{self._port}; start `jua up`.") from None

    async def close(self) -> None:
        """Close the connection, if it was opened."""
        if self._writer is None:
            return
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except ConnectionError:
            return  # it was closed from the other side

    async def dial(self) -> str:
        """A new session's first hop."""
        self._session, self._path = f"bench-{secrets.token_hex(8)}", ""
        return await self._hop()

    async def answer(self, text: str) -> str:
        """The next hop."""
        self._path = f"{self._path}*{text}" if self._path else text
        return await self._hop()

    async def _hop(self) -> str:
        assert self._writer is not None, "connect first"
        body = f"sessionId={self._session}{self._caller}{quote(self._path)}"
        self._writer.write(f"{self._head}{len(body)}\r\n\r\n{body}".encode())
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            head = await self._reader.readuntil(b"\r\n\r\n")
            at = head.lower().index(b"content-length:") + 15
            text = await self._reader.readexactly(int(head[at : head.index(b"\r\n", at)]))
        if not head.startswith(b"HTTP/1.1 200"):
            raise Unavailable("The gateway refuses our hops: its secret is another one, or it is not ours.")
        return text.decode()


async def measure(
    url: str, path: str, service_code: str, *, sessions: int, seconds: float, think_seconds: float
) -> Measured:
    """Let the crowd walk for that long. Raises Unavailable when the gateway cannot be reached."""
    crowd = [Handset(url, path, f"+2547990{each:05d}", service_code) for each in range(sessions)]
    try:
        for phone in crowd:
            await phone.connect()
            await _settle_in(phone)
        found = Measured()
        began = time.perf_counter()
        await asyncio.gather(*(_live(phone, found, began + seconds, think_seconds) for phone in crowd))
        found.seconds = time.perf_counter() - began
    except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError) as problem:
        raise Unavailable(f"The gateway does not answer as it should: {type(problem).__name__}.") from problem
    finally:
        for phone in crowd:
            await phone.close()
    return found


async def _settle_in(phone: Handset) -> None:
    """First use, not measured: choose a language and a PIN."""
    shown = await phone.dial()
    for answer in ("1", PIN, PIN):
        if "1. English" in shown or "PIN" in shown:
            shown = await phone.answer(answer)


async def _live(phone: Handset, found: Measured, until: float, think_seconds: float) -> None:
    dice = random.Random(phone.number)  # noqa: S311 - a load, not a secret
    await asyncio.sleep(dice.uniform(0, think_seconds))  # people do not dial in step
    while time.perf_counter() < until:
        await _walk(_Timed(phone, found, dice, until, think_seconds), dice)


@dataclass
class _Timed:
    """Hops with their times taken, and pauses between them."""

    phone: Handset
    found: Measured
    dice: random.Random
    until: float
    think_seconds: float

    async def dial(self) -> str:
        return await self._time(self.phone.dial())

    async def type(self, *answers: str, expect: str) -> str:
        shown = ""
        for each in answers:
            if self.think_seconds:
                await asyncio.sleep(self.think_seconds * self.dice.uniform(0.5, 1.5))
            if time.perf_counter() >= self.until:
                raise _TimeIsUp
            shown = await self._time(self.phone.answer(each))
            self.found.pin_hops += each == PIN
        self.found.surprises += expect not in shown
        return shown

    async def _time(self, hop: Coroutine[Any, Any, str]) -> str:
        began = time.perf_counter()
        shown = await hop
        self.found.milliseconds.append((time.perf_counter() - began) * 1000)
        return shown


class _TimeIsUp(Exception):
    """The walk stops where it is."""


async def _walk(phone: _Timed, dice: random.Random) -> None:
    try:
        shown = await phone.dial()
        if "1. Resume" in shown:
            await phone.type("2", expect="1. Send money")
        shown = await phone.type("1", AMOUNT, DESTINATION, expect="1. ")
        if "Pay from" in shown:
            shown = await phone.type("1", expect="Total")
        phone.found.quotes += "Total" in shown
        await phone.type("0", expect="0. Back")
        await phone.type("00", expect="1. Send money")
        if dice.random() < PIN_SHARE:
            await phone.type("4", "1", PIN, expect="You have")
            await phone.type("00", expect="1. Send money")
        await phone.type("0", expect="END ")
    except _TimeIsUp:
        return


def _rank(values: Sequence[float], share: float) -> float:
    if not values:
        return 0.0
    return round(values[max(0, -int(-share * len(values) // 1) - 1)], 2)
