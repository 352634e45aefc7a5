"""One exchange with a gateway, whatever the gateway: what came in, what goes out, and its fingerprint."""

import hmac
from dataclasses import dataclass, field

ANSWERS_WORTH_READING_MAX = 64  # characters; longer input is refused as unreadable


@dataclass(frozen=True, slots=True)
class Accumulated:
    """All inputs of the session joined by ``*``, as Africa's Talking sends them; "" at the start."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Latest:
    """Only the newest input, with the place that the gateway believes the session to be at.

    ``menu_state`` is what we last handed out ("" at the start); its number orders the hops.
    """

    text: str = field(repr=False)
    menu_state: str

    @property
    def after(self) -> int:
        """How many hops the gateway has seen answered; 0 when it does not say."""
        number = self.menu_state.rpartition(":")[2]
        return int(number) if number.isascii() and number.isdigit() and len(number) < 9 else 0


@dataclass(frozen=True, slots=True)
class Hop:
    """A request of a gateway. ``phone`` is as the gateway wrote it."""

    gateway: str
    session: str = field(repr=False)
    phone: str = field(repr=False)
    said: Accumulated | Latest


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateway shall show. ``menu_state`` names the place for gateways that hand it back."""

    text: str
    end: bool
    options: tuple[tuple[str, str], ...] = ()
    menu_state: str = ""


class Fingerprints:
    """Keyed marks (32 bytes): equal for equal hops, telling nothing without the key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def session(self, hop: Hop) -> bytes:
        """Of the gateway's session id."""
        return self._mark("session", hop.gateway, hop.session)

    def caller(self, hop: Hop) -> bytes:
        """Of the number that dials."""
        return self._mark("caller", hop.phone)

    def hop(self, hop: Hop) -> bytes:
        """Of this very hop."""
        match hop.said:
            case Accumulated(text):
                return self.path(hop, text)
            case Latest(text=text) as latest:
                return self._mark("latest", hop.gateway, hop.session, str(latest.after), text)

    def path(self, hop: Hop, text: str) -> bytes:
        """Of an accumulated text of this session."""
        return self._mark("path", hop.gateway, hop.session, text)

    def pin(self, person_id: int, session: bytes, pin: str) -> str:
        """Of a PIN entered for the first of two times, worth nothing outside its session."""
        return self._mark("pin", str(person_id), session.hex(), pin).hex()

    def _mark(self, *parts: str) -> bytes:
        # Each part with its length before it: two different lists never read the same.
        encoded = [each.encode("utf-8", "replace") for each in parts]
        joined = b"".join([len(part).to_bytes(4) + part for part in encoded])
        return hmac.digest(self._key, joined, "sha256")


def new_input(marks: Fingerprints, hop: Hop, hops: int, path_length: int, path_mark: bytes) -> str | None:
    """What the person typed since the last hop; None when this hop does not follow the last one.

    An accumulated text is cut where the last one ended, never at its last ``*``: a person may
    type ``*`` too.
    """
    match hop.said:
        case Latest(text=text) as latest:
            return text if latest.after == hops else None
        case Accumulated(text):
            if len(text) <= path_length or marks.path(hop, text[:path_length]) != path_mark:
                return None
            if path_length == 0:
                return text
            return text[path_length + 1 :] if text[path_length] == "*" else None


def readable(typed: str) -> str:
    """The input, or something no menu takes when it is longer than any answer can be."""
    return typed if len(typed) <= ANSWERS_WORTH_READING_MAX else "?"
