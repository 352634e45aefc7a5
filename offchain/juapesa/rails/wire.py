"""Reading what operators send: tolerant of shapes, strict about amounts.

Operators send the same field as a number today and as a string tomorrow, leave values out and
add fields. Every number is therefore kept as the text it was written with: nothing passes
through a binary float, and no exponent is ever expanded.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from juapesa.errors import InvalidInput
from juapesa.money import Currency, Money, NotMoney

BODY_BYTES_MAX = 65_536

_LEADING_ZEROS = re.compile(r"^0+(?=[0-9])", re.ASCII)


class NotTheirFormat(InvalidInput):
    """The body is not what this operator documents."""

    slug = "not-the-operators-format"


def read_json(body: bytes) -> Any:
    """Decode JSON with every number left as text.

    Raises NotTheirFormat when it is no JSON, nested beyond reason or over ``BODY_BYTES_MAX``.
    """
    if len(body) > BODY_BYTES_MAX:
        raise NotTheirFormat("The body is too large.")
    try:
        return json.loads(body, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        raise NotTheirFormat("The body is not JSON.") from None


def read_object(body: bytes) -> dict[str, Any]:
    """As ``read_json``; anything but an object reads as an empty one."""
    return as_object(read_json(body))


def as_object(value: Any) -> dict[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """A list as it is, a lone object as a list of one, anything else as nothing."""
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, dict) else []


def pick(value: Any, *path: str) -> Any:
    """Follow ``path`` through objects, ignoring the case of keys; None where it ends."""
    for name in path:
        value = _member(as_object(value), name)
    return value


def _member(thing: dict[str, Any], name: str) -> Any:
    if name in thing:
        return thing[name]
    folded = name.casefold()
    return next((value for key, value in thing.items() if key.casefold() == folded), None)


def text(value: Any) -> str:
    """A scalar as trimmed text; "" for what is missing or not a scalar.

    Characters that cannot be shown are left out: no database takes a NUL or half a surrogate pair.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int):
        return ""
    written = str(value)
    return (written if written.isprintable() else "".join(filter(str.isprintable, written))).strip()


def text_at(value: Any, *path: str) -> str:
    """``text`` of what ``pick`` finds."""
    return text(pick(value, *path))


def pairs(items: Any, name: str, value: str) -> Iterator[tuple[str, str]]:
    """The (name, value) pairs of a list such as ``[{"Key": …, "Value": …}]``; a missing value is ""."""
    for item in as_list(items):
        key = text_at(item, name)
        if key:
            yield key, text_at(item, value)


def amount(value: Any, currency: Currency) -> Money | None:
    """An amount in whole units with decimals (``1000``, ``"1000.00"``, ``01.5``); None if it is none."""
    written = _LEADING_ZEROS.sub("", text(value))
    try:
        return Money.parse(written, currency)
    except NotMoney:
        return None
