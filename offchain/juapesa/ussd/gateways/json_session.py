"""Our own JSON contract: ``POST /api/ussd/session``.

In: ``{sessionId, phone, input, menuState}``; ``input`` is the newest input only, and
``menuState`` what the last answer handed out as ``nextMenuState`` ("" or absent at the start):
it tells a repeated hop from a new one. Out: ``{prompt, nextMenuState, actions}``; a session that
is over has ``nextMenuState`` null and no actions, else ``actions`` lists what may be answered, as
``{input, label}``. ``Authorization: Bearer <gateway secret>``.
"""

import json
from typing import Any

from juapesa.errors import InvalidInput
from juapesa.ussd.gateways.africastalking import SESSION_ID_CHARACTERS_MAX, tidy_phone
from juapesa.ussd.hops import Answer, Hop, Latest

GATEWAY = "json"


class MalformedRequest(InvalidInput):
    """The body is not the JSON object that this gateway takes."""

    slug = "malformed-request"


def read_hop(body: bytes) -> Hop:
    """A hop. Raises MalformedRequest."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise MalformedRequest("The body is not JSON.") from None
    if not isinstance(found, dict):
        raise MalformedRequest("The body is not a JSON object.")
    session, phone = _text(found, "sessionId"), _text(found, "phone")
    if not session.strip() or not phone.strip():
        raise MalformedRequest("sessionId and phone are needed.")
    if max(len(session), len(phone)) > SESSION_ID_CHARACTERS_MAX:
        raise MalformedRequest("sessionId or phone is too long.")
    return Hop(GATEWAY, session, tidy_phone(phone), Latest(_text(found, "input"), _text(found, "menuState")))


def write(answer: Answer) -> dict[str, Any]:
    """The answer as this gateway wants it."""
    if answer.end:
        return {"prompt": answer.text, "nextMenuState": None, "actions": []}
    actions = [{"input": key, "label": label} for key, label in answer.options]
    return {"prompt": answer.text, "nextMenuState": answer.menu_state, "actions": actions}


def _text(found: dict[str, Any], name: str) -> str:
    """A text field; a number is taken as its digits, null and absence as ""."""
    value = found.get(name)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        return str(value)
    raise MalformedRequest(f"{name} must be a text.")
