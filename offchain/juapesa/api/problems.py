"""Failures as problem+json (RFC 9457). What the caller sent is never repeated."""

import logging
from http import HTTPStatus

import psycopg
import psycopg_pool
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from juapesa.api.errors import NotAdmitted
from juapesa.errors import JuaError, Unavailable

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
FAULTS_MAX = 5


def problem(slug: str, status: int, detail: str) -> JSONResponse:
    """One failure. ``type`` is a name that never changes: ``urn:juapesa:problem:<slug>``."""
    body = {
        "type": f"urn:juapesa:problem:{slug}",
        "title": slug.replace("-", " ").capitalize(),
        "status": status,
        "detail": detail,
    }
    return JSONResponse(body, status, media_type=MEDIA_TYPE)


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
    async def unreadable(_: Request, error: RequestValidationError) -> JSONResponse:
        return problem("invalid-input", 422, _faults(error))

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> JSONResponse:
        name = HTTPStatus(error.status_code).phrase
        answer = problem(name.lower().replace(" ", "-"), error.status_code, f"{name}.")
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(psycopg.OperationalError)
    @app.exception_handler(psycopg_pool.PoolTimeout)
    async def no_database(_: Request, error: Exception) -> JSONResponse:
        log.error("the database does not answer: %s", type(error).__name__)
        return of_error(Unavailable("The database does not answer. Try again in a moment."))

    @app.exception_handler(Exception)
    async def bug(_: Request, error: Exception) -> JSONResponse:
        log.error("a bug: %s", type(error).__name__)  # the traceback follows from the server
        return problem("internal-error", 500, "This is our fault. Nothing is known to have changed.")


def _faults(error: RequestValidationError) -> str:
    """Which fields are wrong and how; neither their values nor names that we do not know."""
    faults = [
        f"{'.'.join(str(part) for part in fault['loc'][1:3]) or 'body'}: {fault['type'].replace('_', ' ')}"
        for fault in error.errors()
        if fault["type"] != "extra_forbidden"
    ]
    if len(faults) < len(error.errors()):
        faults.append("unknown fields")
    return "The request cannot be read: " + "; ".join(faults[:FAULTS_MAX]) + "."
