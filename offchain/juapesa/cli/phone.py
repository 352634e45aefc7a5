"""A phone in the terminal: dial *789# and answer the screens."""

import asyncio
import contextlib
import re
import sys
import threading
from dataclasses import dataclass, field, replace
from typing import Annotated

import httpx
import typer

from juapesa import config
from juapesa.config import Settings
from juapesa.errors import InvalidInput, Unavailable
from juapesa.ussd.phone.handset import Handset, Network, is_number
from juapesa.ussd.phone.inbox import Inbox, Message

WIDTH = 36
LOOK_SECONDS = 1.0

_LANGUAGES = {"en": "English", "sw": "Kiswahili"}


def phone(
    number: Annotated[str, typer.Option(help="Whose phone: +254… or +234….")] = "+254712345678",
    lang: Annotated[str, typer.Option(help="Language to choose at first use: en or sw.")] = "",
    url: Annotated[str, typer.Option(help="The bridge; default: the one of `jua up`.")] = "",
    wait: Annotated[
        float, typer.Option(min=0, help="Piped: seconds to wait for an SMS after the last answer.")
    ] = 15.0,
) -> None:
    """Dial, and type one answer a line; works piped too.

    An empty line dials again after a session, `x` hangs up, `q` or Ctrl-D leaves. Text messages
    show as they arrive.
    """
    if not is_number(number):
        raise InvalidInput("Give a phone number such as +254712345678.")
    if lang and lang not in _LANGUAGES:
        raise InvalidInput("We speak en and sw.")
    settings = config.load()
    target = url or f"http://127.0.0.1:{settings.ports.ussd}"
    asyncio.run(_use(settings, target, number, lang, wait))


async def _use(settings: Settings, url: str, number: str, lang: str, wait: float) -> None:
    path = f"/ussd/africastalking/{settings.ussd.gateway_secret.get_secret_value()}"
    async with (
        httpx.AsyncClient(base_url=url, timeout=10, trust_env=False) as gateway,
        httpx.AsyncClient(base_url=settings.africastalking.base_url, timeout=2, trust_env=False) as messages,
    ):
        await _check(gateway, url)
        user = _User(
            Network(gateway, path, settings.ussd.service_code),
            Inbox(messages, settings.public_url),
            settings.ussd.service_code,
            Handset(number),
            lang,
        )
        await user.read_old_messages()
        looking = asyncio.create_task(user.look_forever())
        try:
            await user.talk(_lines(), wait if not sys.stdin.isatty() else 0.0)
        finally:
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking


async def _check(gateway: httpx.AsyncClient, url: str) -> None:
    try:
        answer = await gateway.get("/health")
        answer.raise_for_status()
    except httpx.HTTPError:
        raise Unavailable(f"Nobody answers at {url}; start everything with `jua up`.") from None


@dataclass
class _User:
    """Somebody with a phone in the hand."""

    network: Network
    inbox: Inbox
    service_code: str
    phone: Handset
    lang: str
    seen: set[tuple[str, str]] = field(default_factory=set)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def talk(self, lines: "asyncio.Queue[str | None]", wait: float) -> None:
        """Until the lines end."""
        await self.send(self.service_code)
        while True:
            _prompt(talking=self.phone.talking)
            line = await lines.get()
            if line is None or line.strip() == "q":
                break
            await self.obey(line.strip())
        if wait and not self.phone.talking:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.arrived.wait(), wait)
        await self.network.hang_up(self.phone)

    async def obey(self, line: str) -> None:
        """One line."""
        if line == "x":
            self.phone = await self.network.hang_up(self.phone)
            _box(["(hung up)"], self.phone.number)
        else:
            await self.send(line)

    async def send(self, typed: str) -> None:
        """Dial or answer, and show the screen; the language question is answered by --lang."""
        self.arrived.clear()
        self.phone = await self.network.send(replace(self.phone, typed=typed))
        _box(self.phone.screen.splitlines(), self.phone.number)
        wanted = re.search(rf"^(\d)\. {_LANGUAGES.get(self.lang, '-')}$", self.phone.screen, re.M)
        if wanted and "/" in self.phone.screen:
            await self.send(wanted[1])

    async def read_old_messages(self) -> None:
        """What is there already is not news."""
        self.seen = {(each.at, each.text) for each in await self.inbox.read(self.phone.number) or []}

    async def look_forever(self) -> None:
        """Show messages as they arrive."""
        while True:
            for each in reversed(await self.inbox.read(self.phone.number) or []):
                if (each.at, each.text) not in self.seen:
                    self.seen.add((each.at, each.text))
                    _show_message(each)
                    self.arrived.set()
            await asyncio.sleep(LOOK_SECONDS)


def _lines() -> "asyncio.Queue[str | None]":
    """Lines of standard input, None at its end, read by a thread that nobody has to wait for."""
    queue: asyncio.Queue[str | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is gone: so is the phone
            for line in sys.stdin:
                loop.call_soon_threadsafe(queue.put_nowait, line)
            loop.call_soon_threadsafe(queue.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()
    return queue


def _prompt(*, talking: bool) -> None:
    if sys.stdin.isatty():
        print("> " if talking else "Enter to dial again, q to leave > ", end="", flush=True)


def _box(lines: list[str], title: str) -> None:
    """A screen in a frame; long lines are folded at words, as a handset does."""
    top, side, bottom = _frame()
    inner = WIDTH - 4
    print(f"\n{top[0]}{top[1]} {title} {top[1] * (inner - len(title) - 1)}{top[2]}")
    for line in lines:
        for part in _folded(line, inner):
            print(f"{side} {part:<{inner}} {side}")
    print(f"{bottom[0]}{bottom[1] * (inner + 2)}{bottom[2]}", flush=True)


def _show_message(message: Message) -> None:
    print("\n* SMS from JUAPESA")
    for part in _folded(message.text, 2 * WIDTH):
        print(f"  {part}")
    sys.stdout.flush()


def _folded(line: str, width: int) -> list[str]:
    import textwrap  # noqa: PLC0415

    return textwrap.wrap(line, width, break_on_hyphens=False) or [""]


def _frame() -> tuple[str, str, str]:
    """Drawn lines where the terminal can show them."""
    if "utf" in (sys.stdout.encoding or "").lower():
        return "╭─╮", "│", "╰─╯"
    return "+-+", "|", "+-+"
