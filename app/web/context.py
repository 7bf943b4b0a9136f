"""What the endpoints share, and how each of them gets it."""

import secrets
from dataclasses import dataclass, field
from typing import Annotated, cast

from anyio import CapacityLimiter
from fastapi import Cookie, Depends, Header, Path, Response
from fastapi.requests import HTTPConnection

from app.default_network import DefaultNetwork
from app.errors import AppError
from app.registry import DAY_S, Record, Registry
from app.settings import Settings
from app.workers.pool import WorkerPool

VISITOR_COOKIE = "visitor"
# Browsers keep none for longer: https://httpwg.org/http-extensions/draft-ietf-httpbis-rfc6265bis.html
LONGEST_COOKIE_DAYS = 400
PICTURES = 2


@dataclass(frozen=True, slots=True)
class Server:
    """The parts of one running server."""

    settings: Settings
    pool: WorkerPool
    registry: Registry
    default_network: DefaultNetwork
    # At most so many are decoded at once: a picture of a few kilobytes may take 100 MB.
    pictures: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(PICTURES))


def _server(connection: HTTPConnection) -> Server:
    return cast("Server", connection.app.state.server)


ServerDep = Annotated[Server, Depends(_server)]


def bearer_key(authorization: str | None) -> str | None:
    """The key of an `Authorization: Bearer KEY` header."""
    scheme, _, key = (authorization or "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" and key.strip() else None


def _returning_visitor(
    server: ServerDep,
    response: Response,
    connection: HTTPConnection,
    visitor: Annotated[str | None, Cookie(include_in_schema=False)] = None,
) -> str | None:
    """The secret of a visitor who has been here before; None for a new one."""
    if visitor:
        _give_cookie(server, response, connection, visitor)
    return visitor or None


ReturningVisitorDep = Annotated[str | None, Depends(_returning_visitor)]


def _visitor(
    server: ServerDep,
    response: Response,
    connection: HTTPConnection,
    visitor: ReturningVisitorDep,
) -> str:
    """The visitor's secret; a new visitor gets one."""
    if visitor is None:
        visitor = secrets.token_urlsafe(24)
        _give_cookie(server, response, connection, visitor)
    return visitor


VisitorDep = Annotated[str, Depends(_visitor)]


def _give_cookie(
    server: Server, response: Response, connection: HTTPConnection, visitor: str
) -> None:
    """Give the visitor's secret in a cookie that scripts cannot read.

    Also to visitors who have it: as far as browsers allow, it shall last as long after the last
    visit as the runs do.
    """
    days = min(server.settings.keep_days, LONGEST_COOKIE_DAYS)
    response.set_cookie(
        VISITOR_COOKIE,
        visitor,
        max_age=int(days * DAY_S),
        httponly=True,
        samesite="strict",
        secure=connection.url.scheme == "https",
    )


async def _run(
    server: ServerDep, run_id: Annotated[str, Path(max_length=64)], _: ReturningVisitorDep
) -> Record:
    return await server.registry.find(run_id)


RunDep = Annotated[Record, Depends(_run)]


def _writable_run(
    server: ServerDep,
    record: RunDep,
    visitor: ReturningVisitorDep,
    authorization: Annotated[str | None, Header()] = None,
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
