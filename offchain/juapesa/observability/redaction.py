"""Masking in log events: the last defence, never the first.

Nobody should log a phone number, a PIN or a token. When somebody does, this hides it: by the
name of the field, by words before a value inside a text, and by shape. It prefers to hide a
harmless number over showing a person's.
"""

import re
from collections.abc import Mapping, MutableMapping
from typing import Any

MASK = "***"
DEPTH_MAX = 8
TEXT_CHARACTERS_MAX = 4000

# A field is hidden when one of these is a word of its name: quote_token, newPin, X-Api-Key.
SENSITIVE_WORDS = frozenset(
    {
        *("pin", "otp", "token", "secret", "password", "passphrase", "passkey", "authorization", "apikey"),
        *("credential", "credentials", "cookie", "mnemonic", "signature", "phone", "msisdn"),
        *("text", "ussd", "body"),  # what somebody else wrote, unread
    }
)
# … or when it contains one of these, however it is spelt.
SENSITIVE_PARTS = (
    "phone",
    "msisdn",
    "apikey",
    "privatekey",
    "password",
    "secret",
    "authorization",
    "passphrase",
)

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SHAPES = re.compile(
    r"""
      (?P<keep>                                   # long but harmless: kept as they are
          \b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b
        | \b0x(?:[0-9a-f]{64}|[0-9a-f]{40})\b
        | \b[12][0-9]{3}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?
      )
    | (?P<scheme> \b(?:bearer|basic)\s+ ) \S+
    | (?P<name>                                   # pin=2580, "token": "…", Authorization: …
          [\w-]*(?:\bpin|_pin|-pin|otp|token|secret|pass(?:word|phrase|key)|authorization|api[_-]?key|cookie
                  |phone(?:_?number)?|msisdn|private[_-]?key)
          ["']? \s* [=:] \s* ["']? (?:(?:bearer|basic)\s+)?
      ) [^\s"',;&}\])]+
    | (?P<userinfo> :// [^\s/:@]* : ) [^\s/@]+ (?=@)
    | (?P<callback> /callbacks/[\w-]+/[\w-]+/ ) [^\s/"'?]+
    | (?P<dialled> \d+ (?:\*\d+)+ \#? )           # what was typed on a keypad may end in a PIN
    | (?P<phone> \+? \d (?: [\s()./-]{0,2} \d ){8,} )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_OUR_NUMBERS = re.compile(r"(?:254|234)?0?[17-9][0-9]{8,9}")  # Kenya, Nigeria; national or international


def redact(value: Any, depth: int = 0) -> Any:
    """A copy in which nothing private is left; texts are cut at 4,000 characters."""
    if value is None or isinstance(value, bool | float | int):
        return _number(value)
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return _container(value, depth)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    return redact_text(str(value))


def redact_text(text: str) -> str:
    """The text with whatever looks private masked."""
    # Cut first with room to spare: a number across the cut is masked or dropped, not halved.
    shown = _SHAPES.sub(_replacement, text[: TEXT_CHARACTERS_MAX + 100])
    return shown if len(text) <= TEXT_CHARACTERS_MAX else shown[:TEXT_CHARACTERS_MAX] + "…"


def redact_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """``redact`` as a processor of structlog."""
    return {key: value if key in OURS else _field(key, value, 0) for key, value in event.items()}


OURS = frozenset({"timestamp", "level", "logger", "service"})  # fields that the set-up itself fills


def is_sensitive(name: str) -> bool:
    """Whether a field of that name is hidden whatever it holds."""
    words = {each.lower() for each in _WORDS.findall(name)}
    plain = re.sub(r"[^a-z]", "", name.lower())
    return not words.isdisjoint(SENSITIVE_WORDS) or any(part in plain for part in SENSITIVE_PARTS)


def _field(name: str, value: Any, depth: int) -> Any:
    if is_sensitive(name) and not isinstance(value, bool) and value is not None:
        return MASK
    return redact(value, depth + 1)


def _container(value: Any, depth: int) -> Any:
    if depth >= DEPTH_MAX:
        return MASK
    if isinstance(value, Mapping):
        return {redact_text(str(key)): _field(str(key), each, depth) for key, each in value.items()}
    return [redact(each, depth + 1) for each in value]


def _number(value: float | None) -> float | str | None:
    """Operators send phone numbers as integers too; amounts that look like one are hidden with them."""
    if type(value) is int and _OUR_NUMBERS.fullmatch(str(abs(value))):
        return MASK
    return value


def _replacement(match: re.Match[str]) -> str:
    if match["keep"]:
        return match["keep"]
    for part in ("scheme", "name", "userinfo", "callback"):
        if match[part]:
            return match[part] + MASK
    return MASK
