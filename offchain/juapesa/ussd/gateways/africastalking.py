"""Africa's Talking: form posts with the accumulated text, answered ``CON …`` or ``END …``.

Contract as its integrators document it: ``application/x-www-form-urlencoded`` with
``sessionId, phoneNumber, networkCode, serviceCode, text``; ``text`` is "" on the first hop, then
all inputs joined by ``*``. The answer is HTTP 200, ``text/plain``, beginning ``CON `` (more) or
``END `` (over). A second URL is told how a session ended (``status`` Success, Incomplete or
Failed). Nothing is signed: the secret is a segment of the path.
"""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from juapesa.errors import InvalidInput
from juapesa.ussd.hops import Accumulated, Answer, Hop

GATEWAY = "africastalking"
FIELDS_MAX = 40
SESSION_ID_CHARACTERS_MAX = 256

_ENDS = {"success": "success", "incomplete": "incomplete", "failed": "failed"}


class MalformedForm(InvalidInput):
    """Not the gateway's form, or a field that it must have is missing."""

    slug = "malformed-form"
    http_status = 400


def read_form(body: bytes) -> Mapping[str, str]:
    """The fields of a form, the first of each name, names in lower case. Raises MalformedForm."""
    try:
        pairs = parse_qsl(
            body.decode("utf-8", "replace"),
            keep_blank_values=True,
            errors="replace",
            max_num_fields=FIELDS_MAX,
        )
    except ValueError:
        raise MalformedForm("The form has too many fields.") from None
    fields: dict[str, str] = {}
    for name, value in pairs:
        fields.setdefault(name.strip().lower(), value)
    return fields


def read_hop(body: bytes) -> Hop:
    """A hop. Raises MalformedForm."""
    fields = read_form(body)
    return Hop(
        GATEWAY,
        _needed(fields, "sessionId"),
        tidy_phone(_needed(fields, "phoneNumber")),
        Accumulated(fields.get("text", "")),
    )


def read_end(body: bytes) -> tuple[Hop, str]:
    """A notice that a session ended, and how. What was typed, which it repeats, is not read.

    Raises MalformedForm.
    """
    fields = read_form(body)
    hop = Hop(GATEWAY, _needed(fields, "sessionId"), "", Accumulated(""))
    status = _ENDS.get(fields.get("status", "").strip().lower())
    if status is None:
        raise MalformedForm("The notice has no status that we know: Success, Incomplete or Failed.")
    return hop, status


def write(answer: Answer) -> str:
    """The answer as the gateway wants it."""
    return f"{'END' if answer.end else 'CON'} {answer.text}"


def tidy_phone(text: str) -> str:
    """A number as it was meant: a ``+`` that was not escaped arrives as a space."""
    stripped = text.strip()
    unescaped = text.startswith(" ") and stripped.isascii() and stripped.isdigit()
    return f"+{stripped}" if unescaped else stripped


def _needed(fields: Mapping[str, str], name: str) -> str:
    value = fields.get(name.lower(), "")
    if not value.strip():
        raise MalformedForm(f"The form lacks {name}.")
    if len(value) > SESSION_ID_CHARACTERS_MAX:
        raise MalformedForm(f"{name} is too long.")
    return value
