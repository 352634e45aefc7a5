"""The handset's side of a session: what an operator's network does between keypad and gateway."""

import re
import secrets
from dataclasses import dataclass, field, replace

import httpx

PATH_CHARACTERS_MAX = 16_000
TYPED_CHARACTERS_MAX = 12_000

_NUMBER = re.compile(r"\+?[0-9]{7,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Handset:
    """``path`` is all that was typed since dialling, joined by ``*``; it lives in the page, not with us."""

    number: str
    session: str = ""
    path: str = field(default="", repr=False)
    screen: str = ""
    typed: str = field(default="", repr=False)

    @property
    def talking(self) -> bool:
        """Whether a session is open."""
        return bool(self.session)


def is_number(text: str) -> bool:
    """Whether a handset could have this number."""
    return _NUMBER.fullmatch(text) is not None


class Network:
    """Carries hops to the gateway's URL and texts back."""

    def __init__(self, client: httpx.AsyncClient, gateway_path: str, service_code: str) -> None:
        self._client = client
        self._path = gateway_path
        self._service_code = service_code

    async def send(self, phone: Handset) -> Handset:
        """What the green key does: dial, or answer the screen."""
        typed = phone.typed.strip()[:TYPED_CHARACTERS_MAX]
        if not phone.talking:
            if typed not in {self._service_code, ""}:  # the green key alone dials again
                return replace(phone, typed="", screen=f"Unknown code. Dial {self._service_code}")
            return await self._hop(replace(phone, session=f"phone-{secrets.token_hex(12)}", path=""))
        path = f"{phone.path}*{typed}" if phone.path else typed
        return await self._hop(replace(phone, path=path[:PATH_CHARACTERS_MAX]))

    async def hang_up(self, phone: Handset) -> Handset:
        """What the red key does; the gateway is told, as an operator tells it."""
        if phone.talking:
            await self._post("/ended", self._form(phone) | {"status": "Incomplete"})
        return Handset(phone.number)

    async def _hop(self, phone: Handset) -> Handset:
        answer = await self._post("", self._form(phone) | {"text": phone.path})
        kind, _, text = (answer or "END Connection problem or invalid MMI code.").partition(" ")
        if kind == "CON":
            return replace(phone, screen=text, typed="")
        return Handset(
            phone.number, screen=text if kind == "END" else "Connection problem or invalid MMI code."
        )

    async def _post(self, suffix: str, form: dict[str, str]) -> str | None:
        """The gateway's text; None when it gave none."""
        try:
            answer = await self._client.post(self._path + suffix, data=form)
        except httpx.HTTPError:
            return None
        return answer.text

    def _form(self, phone: Handset) -> dict[str, str]:
        return {
            "sessionId": phone.session,
            "phoneNumber": phone.number,
            "networkCode": "99999",  # Africa's Talking's sandbox
            "serviceCode": self._service_code,
        }
