"""What the endpoints share, and how each gets it."""

import secrets
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Cookie, Depends, Header, Path, Response
from fastapi.requests import HTTPConnection

from app.default_network import DefaultNetwork
from app.errors import AppError
from app.registry import Record, Registry
from app.settings import Settings
from app.workers.pool import WorkerPool

VISITOR_COOKIE = "visitor"
VISITOR_MAX_AGE_S = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Server:
    """The parts of one running server."""

    settings: Settings
    pool: WorkerPool
    registry: Registry
    default_network: DefaultNetwork


def _server(connection: HTTPConnection) -> Server:
    return cast("Server", connection.app.state.server)


ServerDep = Annotated[Server, Depends(_server)]


def bearer_key(authorization: str | None) -> str | None:
    """The key of an `Authorization: Bearer KEY` header."""
    scheme, _, key = (authorization or "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" and key.strip() else None


def visitor_of(
    response: Response,
    connection: HTTPConnection,
    visitor: Annotated[str | None, Cookie(include_in_schema=False)] = None,
) -> str:
    """The visitor's secret; a new visitor is given one in a cookie that scripts cannot read."""
    visitor = visitor or secrets.token_urlsafe(24)
    # Each time, so that it lasts as long after the last visit.
    response.set_cookie(
        VISITOR_COOKIE,
        visitor,
        max_age=VISITOR_MAX_AGE_S,
        httponly=True,
        samesite="strict",
        secure=connection.url.scheme == "https",
    )
    return visitor


VisitorDep = Annotated[str, Depends(visitor_of)]


async def _run(server: ServerDep, run_id: Annotated[str, Path(max_length=64)]) -> Record:
    return await server.registry.find(run_id)


RunDep = Annotated[Record, Depends(_run)]


def _writable_run(
    server: ServerDep,
    record: RunDep,
    authorization: Annotated[str | None, Header()] = None,
    visitor: Annotated[str | None, Cookie(include_in_schema=False)] = None,
) -> Record:
    if not server.registry.is_writable(record, bearer_key(authorization), visitor):
        raise not_yours()
    return record


WritableRunDep = Annotated[Record, Depends(_writable_run)]


def not_yours() -> AppError:
    """The refusal of a command without the run's key."""
    return AppError(
        "not_your_run",
        "expected the key of this run, got none or another one",
        "Send the key you got when you made the run: Authorization: Bearer KEY. "
        "Without it a run can be watched.",
        status=403,
    )
