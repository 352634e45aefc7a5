"""A feature phone that speaks to our gateway exactly as Africa's Talking does for it."""

import asyncio
import re
import uuid
from dataclasses import dataclass, field

import httpx

from juapesa.errors import JuaError

_OPTION = re.compile(r"^\s*(\d+)[.:)]\s*(.+)$")
HOPS_MAX = 12


class UnexpectedScreen(JuaError):
    """The phone shows something else than the story expects."""

    slug = "unexpected-screen"


@dataclass
class Handset:
    """One person's phone. ``screen`` is what it shows; ``open`` whether the session is alive."""

    http: httpx.AsyncClient
    gateway_url: str
    number: str
    network: str
    service_code: str = "*789#"
    pin: str = "2580"
    screen: str = ""
    open: bool = False
    _session: str = ""
    _inputs: list[str] = field(default_factory=list)

    async def dial(self) -> str:
        """Start a new session."""
        self._session, self._inputs = f"ATUid_{uuid.uuid4().hex}", []
        return await self._hop()

    async def answer(self, text: str) -> str:
        """Type something."""
        self._inputs.append(text)
        return await self._hop()

    async def repeat(self) -> str:
        """The gateway sends the last hop again, as gateways do."""
        return await self._hop()

    def hang_up(self) -> None:
        """The network drops the session; the server is not told."""
        self.open = False

    async def choose(self, *labels: str) -> str:
        """Pick the first menu line that contains one of these words."""
        for line in self.screen.splitlines():
            option = _OPTION.match(line)
            if option and any(label.lower() in option[2].lower() for label in labels):
                return await self.answer(option[1])
        raise UnexpectedScreen(f"No line of the screen says {' or '.join(labels)}: {self.screen!r}")

    def expect(self, *words: str) -> None:
        """The screen says one of these."""
        if not any(word.lower() in self.screen.lower() for word in words):
            raise UnexpectedScreen(f"Expected {' or '.join(words)} on the screen: {self.screen!r}")

    async def home(self) -> None:
        """Dial until the home menu shows: first use asks for a language and a PIN; old drafts are left."""
        await self.dial()
        for _ in range(HOPS_MAX):
            shown = self.screen.lower()
            if "send" in shown and "convert" in shown:
                return
            if "english" in shown:
                await self.choose("English")
            elif "resume" in shown:
                await self.choose("new", "home", "menu", "discard")
            elif "pin" in shown:
                await self.answer(self.pin)
            else:
                raise UnexpectedScreen(f"No way to the home menu from: {self.screen!r}")
        raise UnexpectedScreen("The home menu did not come.")

    async def _hop(self) -> str:
        form = {
            "sessionId": self._session,
            "phoneNumber": self.number,
            "networkCode": self.network,
            "serviceCode": self.service_code,
            "text": "*".join(self._inputs),
        }
        reply = await self._post(form)
        kind, _, self.screen = reply.partition(" ")
        if kind not in {"CON", "END"}:
            raise UnexpectedScreen(f"The gateway needs CON or END: {reply[:80]!r}")
        self.open = kind == "CON"
        return self.screen

    async def _post(self, form: dict[str, str]) -> str:
        """Gateways send a hop again when the server does not answer."""
        for attempt in range(20):
            try:
                response = await self.http.post(self.gateway_url, data=form)
                response.raise_for_status()
            except httpx.TransportError:
                await asyncio.sleep(0.25 * (attempt + 1))
                continue
            return response.text
        raise UnexpectedScreen("The USSD server does not answer.")
