"""The socket: a viewer's messages in, answers and frames out."""

import asyncio
import contextlib
import json
import time
from http import HTTPStatus
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Cookie, Header, WebSocket, WebSocketDisconnect

from app.commands import parse_command
from app.errors import AppError, shorten
from app.registry import Record
from app.viewers.viewer import Viewer, check_fields, closing, is_whole, malformed
from app.web.context import Server, bearer_key, not_yours
from app.web.errors import REFUSALS, error_response, refusal
from app.web.guard import foreign_origin, is_foreign

router = APIRouter()
log = structlog.get_logger()

# A viewer that leaves a frame unacknowledged this long is not drawing any more.
SILENT_S = 30.0
WATCH_EVERY_S = 5.0
# Why a socket is closed: the run is deleted; the server restarts, and the page may come again; or
# there is no room now for the viewer or the run.
GONE, COME_AGAIN, TRY_LATER = 1000, 1012, 1013
# Errors that may be over in a moment.
PASSING = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
# How many commands of one viewer may be under way at once.
MAX_OPEN_COMMANDS = 64
MAX_ID = 64  # characters or digits


@router.websocket("/ws/runs/{run_id}")
async def watch_run(
    websocket: WebSocket,
    run_id: str,
    authorization: Annotated[str | None, Header()] = None,
    visitor: Annotated[str | None, Cookie()] = None,
) -> None:
    """Let a viewer watch a run, and command it if it is the viewer's own."""
    server: Server = websocket.app.state.server
    try:
        if is_foreign(websocket.headers):
            raise foreign_origin()
        record = await server.registry.find(run_id)
        writable = server.registry.is_writable(record, bearer_key(authorization), visitor)
        viewer = Viewer(writable=writable)
        state = await server.pool.state(run_id)
        # Before it joins: frames may be ready sooner than the socket, but hello has to come first.
        viewer.tell({"type": "hello", "writable": writable, "state": state})
        server.registry.join(record, viewer)
    except REFUSALS as error:
        await _turn_away(websocket, refusal(error))
        return
    try:
        await websocket.accept()
        await _Session(server, record, viewer, websocket).serve()
    finally:
        server.registry.leave(record, viewer)


async def _turn_away(websocket: WebSocket, error: AppError) -> None:
    """Say why the viewer cannot watch the run.

    A browser tells its page nothing about a refused handshake. So a page that may try again gets
    the reason on its socket.
    """
    if error.status not in PASSING:
        await websocket.send_denial_response(error_response(error))
        return
    with contextlib.suppress(WebSocketDisconnect):
        await websocket.accept()
        await websocket.send_json(closing(error))
        await websocket.close(TRY_LATER)


@router.websocket("/{path:path}")
async def find_nothing(websocket: WebSocket, path: str) -> None:
    """Answer at any other address that there is nothing."""
    error = AppError(
        "not_found",
        f"expected the address of a socket, /ws/runs/ and a run's id, got {shorten('/' + path)}",
        "See docs/protocol.md.",
        status=404,
    )
    await websocket.send_denial_response(error_response(error))


class _Session:
    """One open socket: three tasks, of which the first to end ends the others."""

    def __init__(
        self, server: Server, record: Record, viewer: Viewer, websocket: WebSocket
    ) -> None:
        self._server = server
        self._record = record
        self._viewer = viewer
        self._websocket = websocket
        self._commands: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Serve until the viewer leaves, or turns out not to be reading."""
        log.info("viewer came", run=self._record.run_id, writable=self._viewer.writable)
        tasks = [asyncio.create_task(work()) for work in (self._receive, self._send, self._watch)]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*tasks, *self._commands):
                task.cancel()
            await asyncio.gather(*tasks, *self._commands, return_exceptions=True)
            log.info("viewer left", run=self._record.run_id)
        for task in tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def _receive(self) -> None:
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                message = await self._websocket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                self._take(message.get("text"))
                # `receive` does not wait while there is more: give other tasks a turn.
                await asyncio.sleep(0)

    def _take(self, text: str | None) -> None:
        number = None
        try:
            fields = _parse(text)
            number = _checked_id(fields.pop("id", None))
            kind = fields.get("type")
            if kind == "ack":
                self._viewer.acknowledge(fields, time.monotonic())
            elif kind == "look":
                self._viewer.look_at(fields)
            elif kind == "resume":
                self._viewer.resume(fields)
            elif kind == "ping":
                check_fields(fields)
                self._viewer.tell({"type": "pong", "id": number})
                return
            else:
                self._command(number, fields)
                return
            self._record.hub.wake()
        except REFUSALS as error:
            self._viewer.tell({"type": "error", "id": number, "error": refusal(error).body()})

    def _command(self, number: str | int | None, fields: dict[str, Any]) -> None:
        if not self._viewer.writable:
            raise not_yours()
        command = parse_command(fields)
        if len(self._commands) >= MAX_OPEN_COMMANDS:
            raise AppError(
                "too_many_commands",
                f"expected at most {MAX_OPEN_COMMANDS} commands without an answer",
                "Wait for the answers before sending more.",
                status=429,
            )
        task = asyncio.create_task(self._answer(number, command))
        self._commands.add(task)
        task.add_done_callback(self._commands.discard)

    async def _answer(self, number: str | int | None, command: dict[str, Any]) -> None:
        try:
            state = await self._server.pool.command(self._record.run_id, command)
        except AppError as error:
            self._viewer.tell({"type": "error", "id": number, "error": error.body()})
        else:
            self._viewer.tell({"type": "reply", "id": number, "state": state})

    async def _send(self) -> None:
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                item = await self._viewer.outbox.get()
                if isinstance(item, memoryview):
                    await self._websocket.send({"type": "websocket.send", "bytes": item})
                else:
                    await self._websocket.send_text(json.dumps(item, allow_nan=False))
                    if item["type"] == "closing":
                        gone = item["error"]["code"] == "run_deleted"
                        await self._websocket.close(GONE if gone else COME_AGAIN)
                        return

    async def _watch(self) -> None:
        # Look every few seconds: silence causes no event to wait for.
        while self._viewer.silent_for(time.monotonic()) < SILENT_S:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._viewer.overrun.wait(), WATCH_EVERY_S)
                self._abort("messages not read")
                return
        self._abort("frames not acknowledged")

    def _abort(self, reason: str) -> None:
        """Cut the connection: a polite close would wait for a reader that does not read."""
        log.info("viewer cut off", run=self._record.run_id, reason=reason)
        abort = self._websocket.scope["extensions"].get("descent.abort")
        if abort is not None:
            abort["call"]()


def _checked_id(value: object) -> str | int | None:
    """The id of a message, which its answer repeats; refuses ids that an answer cannot carry."""
    if value is None or ((isinstance(value, str) or is_whole(value)) and len(str(value)) <= MAX_ID):
        return value
    raise malformed("id", f"a text of at most {MAX_ID} characters or such a whole number", value)


def _parse(text: str | None) -> dict[str, Any]:
    try:
        fields = json.loads(text or "")
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        got = "a binary message" if text is None else shorten(text)
        raise AppError(
            "malformed_message",
            f"expected a JSON object, got {got}",
            "See docs/protocol.md for the messages of the socket.",
            status=400,
        )
    return fields
