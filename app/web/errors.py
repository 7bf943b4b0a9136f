"""Every error as `{"error": {"code", "message", "hint"}}`, whoever raised it."""

import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from app.errors import AppError, complaint, from_engine, shorten
from engine import EngineError

METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")

log = structlog.get_logger()


class Problem(BaseModel):
    """What went wrong: a stable name, what was expected and what arrived, and what to do."""

    code: str
    message: str
    hint: str


class ErrorAnswer(BaseModel):
    """The body of every answer that is not a success."""

    error: Problem


def error_response(error: AppError, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The response for an error."""
    return JSONResponse({"error": error.body()}, error.status, headers)


def from_validation(errors: Sequence[Mapping[str, Any]]) -> AppError:
    """The first error of a validation, in words: where, what was expected, what arrived."""
    first = errors[0]
    if isinstance(first.get("input"), bytes) and first["type"] != "json_invalid":
        return _unnamed_json()
    place = ".".join(str(part) for part in first["loc"] if part != "body")
    if first["type"] == "json_invalid":
        where = f" at character {place}" if place else ""
        return AppError(
            "malformed_json",
            f"expected JSON, got a body that is none: {first['ctx']['error']}{where}",
            "Send well-formed JSON. Nothing has changed.",
        )
    message = f"{place}: {complaint(first)}" if place else complaint(first)
    # The caller's own words may hold half of a surrogate pair, which UTF-8 cannot encode.
    message = message.encode("utf-8", "backslashreplace").decode()
    code = "invalid_recipe" if "recipe" in first["loc"][:2] else "invalid_request"
    return AppError(
        code, message, "See /docs for the fields and their limits. Nothing has changed.", status=422
    )


def _unnamed_json() -> AppError:
    """The answer to JSON without its media type, which was therefore taken for a file."""
    return AppError(
        "unsupported_media_type",
        "expected a body that is JSON and says so, got one of another media type",
        "Send it with the header Content-Type: application/json. Nothing has changed.",
        status=415,
    )


def _http_error(error: HTTPException, request: Request) -> AppError:
    """The answer to what the framework refuses by itself, in words that say what arrived."""
    status = error.status_code
    code = HTTPStatus(status).phrase.lower().replace(" ", "_")
    message, hint = error.detail, "See /docs for what can be asked, and how."
    match status:
        case HTTPStatus.BAD_REQUEST:  # a body that Python's JSON parser gives up on
            code = "malformed_json"
            message = f"expected JSON, got {_what_cannot_be_read(error.__cause__)}"
            hint = "Send well-formed JSON, in UTF-8. Nothing has changed."
        case HTTPStatus.NOT_FOUND:
            message = f"expected an address of this server, got {shorten(request.scope['path'])}"
            hint = "See /docs for the addresses there are."
        case HTTPStatus.METHOD_NOT_ALLOWED:
            message = f"expected {' or '.join(_methods_at(request))}, got {shorten(request.method)}"
            hint = "See /docs for the methods of this address."
    return AppError(code, message, hint, status=status)


def _what_cannot_be_read(reason: BaseException | None) -> str:
    match reason:
        case RecursionError():
            return "a body that is nested too deeply"
        case UnicodeDecodeError():
            return "a body that is not in UTF-8"
        case ValueError():
            return f"a number of more than {sys.get_int_max_str_digits()} digits"
    return "a body that cannot be read"


def _methods_at(request: Request) -> Iterator[str]:
    """All methods of a request's address; the framework's error names those of one route only."""
    for method in METHODS:
        scope = {**request.scope, "method": "GET" if method == "HEAD" else method}
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes):
            yield method


def storage_failed(error: sqlite3.DatabaseError) -> AppError:
    """The answer if the database cannot be used; the error is written to the log."""
    log.error("storage trouble", reason=str(error))
    hint = "Check that its disk has room, then try again; nothing has changed."
    if not isinstance(error, sqlite3.OperationalError):  # a page of it is damaged
        hint = "Start the server again: it sets a damaged database aside."
    return AppError(
        "storage_failed",
        f"expected to use the server's data directory, but could not: {error}",
        hint,
        status=507,
    )


# Errors that a request may cause, over HTTP or a socket.
REFUSALS = (AppError, EngineError, RequestValidationError, ValidationError, sqlite3.DatabaseError)


def refusal(error: Exception) -> AppError:
    """The error that the caller gets for one of `REFUSALS`."""
    match error:
        case AppError():
            return error
        case EngineError():
            return from_engine(error)
        case RequestValidationError() | ValidationError():
            return from_validation(error.errors())
        case sqlite3.DatabaseError():
            return storage_failed(error)
    raise error


def add_error_handlers(app: FastAPI) -> None:
    """Give every error of `app` the same shape."""

    async def on_refusal(_: Request, error: Exception) -> JSONResponse:
        return error_response(refusal(error))

    for kind in REFUSALS:
        app.add_exception_handler(kind, on_refusal)

    @app.exception_handler(HTTPException)
    async def on_http_error(request: Request, error: HTTPException) -> JSONResponse:
        if isinstance(error.__cause__, AppError):  # raised while FastAPI was reading the body
            return error_response(error.__cause__)
        headers = error.headers
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers = {"allow": ", ".join(_methods_at(request))}
        return error_response(_http_error(error, request), headers)

    @app.exception_handler(Exception)
    async def on_defect(request: Request, error: Exception) -> JSONResponse:
        log.error("defect", path=request.url.path, exc_info=error)
        return error_response(
            AppError(
                "internal_error",
                "the server has made a mistake; it has been written to its log",
                "Try again. If it happens again, tell whoever runs this server.",
                status=500,
            )
        )
