"""The HTML of the phone. Everything that comes from outside is escaped here."""

from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.resources import files
from string import Template

from juapesa.ussd.phone.handset import Handset
from juapesa.ussd.phone.inbox import Message

PRESETS = (("Kenya", "+254712345678", "M-Pesa"), ("Nigeria", "+2348031234567", "MTN MoMo"))

_KEYS = (
    ("1", ""),
    ("2", "abc"),
    ("3", "def"),
    ("4", "ghi"),
    ("5", "jkl"),
    ("6", "mno"),
    ("7", "pqrs"),
    ("8", "tuv"),
    ("9", "wxyz"),
    ("*", "+"),
    ("0", "␣"),
    ("#", "⇧"),
)


@cache
def _template() -> Template:
    return Template((files("juapesa.ussd.phone") / "page.html").read_text("utf-8"))


def render(phone: Handset, messages: Sequence[Message] | None, service_code: str) -> str:
    """The page of a handset and its messages (None: the SMS sandbox does not answer)."""
    return _template().substitute(
        number=escape(phone.number),
        operator=escape(_operator(phone.number)),
        session=escape(phone.session),
        path=escape(phone.path),
        screen=escape(phone.screen),
        typed=escape(phone.typed),
        idle="" if phone.screen or phone.talking else "idle",
        state="talking" if phone.talking else "free",
        service_code=escape(service_code),
        send="Send" if phone.talking else "Call",
        presets="".join(_preset(*each, chosen=phone.number) for each in PRESETS),
        keys="".join(_key(*each) for each in _KEYS),
        messages=_inbox(messages),
    )


def _operator(number: str) -> str:
    """The name that stands at the top of the display."""
    if number.lstrip("+").startswith("254"):
        return "Safaricom"
    if number.lstrip("+").startswith("234"):
        return "MTN NG"
    return "Jua net"


def _preset(country: str, number: str, rail: str, *, chosen: str) -> str:
    current = ' aria-current="true"' if number == chosen else ""
    return (
        f'<a class="sim" href="/phone?number={escape(number.replace("+", "%2B"))}"{current}>'
        f"<b>{escape(country)}</b><span>{escape(number)}</span><i>{escape(rail)}</i></a>"
    )


def _key(key: str, letters: str) -> str:
    face = f"<b>{escape(key)}</b><i>{escape(letters)}</i>"
    return f'<button class="key" name="key" value="{escape(key)}">{face}</button>'


def _inbox(messages: Sequence[Message] | None) -> str:
    if messages is None:
        return '<li class="none">The SMS sandbox does not answer.</li>'
    if not messages:
        return '<li class="none">No messages yet. They arrive here when money moves.</li>'
    return "".join(
        f"<li><p>{_linked(each)}</p><time>{escape(each.at[:19].replace('T', ' '))}</time></li>"
        for each in messages
    )


def _linked(message: Message) -> str:
    if message.link is None:
        return escape(message.text)
    before, _, after = message.text.partition(message.link)
    link = f'<a href="{escape(message.link)}" target="_blank" rel="noopener">{escape(message.link)}</a>'
    return f"{escape(before)}{link}{escape(after)}"
