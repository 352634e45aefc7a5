"""The one root of every failure that the system expects.

An expected failure says what happened, what the caller may do, and which HTTP status
it becomes. It turns into problem+json, a USSD text or a line on the command line.
Anything else that is raised is a bug and ends the process.
"""

from http import HTTPStatus
from typing import Any, ClassVar

PROBLEM_TYPE = "application/problem+json"


class JuaError(Exception):
    """An expected failure.

    ``slug`` names the fact and never changes; ``detail`` is for a person and says what
    to do next. Neither may hold a phone number, a PIN, a key or a token.
    """

    slug: ClassVar[str] = "error"
    http_status: ClassVar[int] = 400

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidInput(JuaError):
    """The request cannot be read or breaks a rule; nothing was changed."""

    slug = "invalid-input"
    http_status = 422


class NotFound(JuaError):
    """No such thing."""

    slug = "not-found"
    http_status = 404


class NotAllowed(JuaError):
    """The caller is not who may do this."""

    slug = "not-allowed"
    http_status = 403


class Conflict(JuaError):
    """The request contradicts what is already recorded."""

    slug = "conflict"
    http_status = 409


class Unavailable(JuaError):
    """A part of the system or of the outside world is not there now; try again later."""

    slug = "unavailable"
    http_status = 503


def as_problem(slug: str, status: int, detail: str) -> dict[str, Any]:
    """A failure as RFC 9457 has it. ``type`` is a name that never changes: ``urn:juapesa:problem:SLUG``."""
    return {
        "type": f"urn:juapesa:problem:{slug}",
        "title": slug.replace("-", " ").capitalize(),
        "status": status,
        "detail": detail,
    }


def of_status(status: int) -> dict[str, Any]:
    """What the web's own machinery refuses, such as a path or a method that is not there, as a problem."""
    name = HTTPStatus(status).phrase
    return as_problem(name.lower().replace(" ", "-"), status, f"{name}.")
