"""Failures as problem+json (RFC 9457). What the caller sent is never repeated."""

import logging
from collections.abc import Mapping
from typing import Any

import psycopg
import psycopg_pool
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from juapesa.api import shapes
from juapesa.api.errors import NotAdmitted
from juapesa.errors import PROBLEM_TYPE, JuaError, Unavailable, as_problem, of_status

log = logging.getLogger(__name__)

FAULTS_MAX = 5

_WORDS = {"json_invalid": "is not JSON", "model_attributes_type": "a JSON object is needed"}
# pydantic's own words where they name what is allowed, never what was sent.
_TELL_NO_VALUE = frozenset(
    {
        *("missing", "enum", "literal_error", "int_parsing", "int_type", "string_type", "bool_parsing"),
        *("greater_than", "greater_than_equal", "less_than", "less_than_equal"),
        *("string_too_short", "string_too_long", "too_short", "too_long"),
    }
)


def problem(slug: str, status: int, detail: str) -> JSONResponse:
    """One failure."""
    return JSONResponse(as_problem(slug, status, detail), status, media_type=PROBLEM_TYPE)


def of_error(error: JuaError) -> JSONResponse:
    """An expected failure."""
    answer = problem(error.slug, error.http_status, error.detail)
    if isinstance(error, NotAdmitted):
        answer.headers.update(error.headers)
    return answer


def install(app: FastAPI) -> None:
    """Let every failure of ``app`` leave as a problem."""

    @app.exception_handler(JuaError)
    async def expected(_: Request, error: JuaError) -> JSONResponse:
        return of_error(error)

    @app.exception_handler(RequestValidationError)
    async def unreadable(request: Request, error: RequestValidationError) -> JSONResponse:
        if _is_in_another_form(request, error):
            return problem("unsupported-media-type", 415, "Send the body as application/json.")
        return problem("invalid-input", 422, _faults(error))

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> JSONResponse:
        body = of_status(error.status_code)
        return JSONResponse(body, error.status_code, error.headers, media_type=PROBLEM_TYPE)

    @app.exception_handler(psycopg.OperationalError)
    @app.exception_handler(psycopg_pool.PoolTimeout)
    async def no_database(_: Request, error: Exception) -> JSONResponse:
        log.error("the database does not answer: %s", type(error).__name__)
        return of_error(Unavailable("The database does not answer. Try again in a moment."))

    @app.exception_handler(Exception)
    async def bug(_: Request, error: Exception) -> JSONResponse:
        log.error("a bug: %s", type(error).__name__)  # the traceback follows from the server
        return problem("internal-error", 500, "This is our fault. Nothing is known to have changed.")


def _is_in_another_form(request: Request, error: RequestValidationError) -> bool:
    """Whether a body was not looked into, for it says that it is something else than JSON."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = not kind or kind == "application/json" or kind.endswith("+json")
    return not is_json and any(fault["loc"] == ("body",) for fault in error.errors())


def _faults(error: RequestValidationError) -> str:
    """Which fields are wrong and how; neither their values nor names that we do not know."""
    faults = [
        f"{_where(fault)}: {_words(fault)}" for fault in error.errors() if fault["type"] != "extra_forbidden"
    ]
    if len(faults) < len(error.errors()):
        faults.append("unknown fields")
    return "The request cannot be read: " + "; ".join(faults[:FAULTS_MAX]) + "."


def _where(fault: Mapping[str, Any]) -> str:
    """The field's name, two levels deep; a fault in the JSON itself has only a place in the text."""
    names = [str(part) for part in fault["loc"][1:3] if isinstance(part, str)]
    return ".".join(names) or str(fault["loc"][0])


def _words(fault: Mapping[str, Any]) -> str:
    kind = str(fault["type"])
    if kind in _WORDS:
        return _WORDS[kind]
    if kind == "string_pattern_mismatch":
        return shapes.IN_WORDS[fault["ctx"]["pattern"]]
    return str(fault["msg"]) if kind in _TELL_NO_VALUE else kind.replace("_", " ")
