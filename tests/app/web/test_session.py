"""One open socket, without a network: who is cut off, how many commands may wait, who leaves."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import WebSocket

from app.default_network import DefaultNetwork
from app.registry import Record
from app.viewers.viewer import Viewer
from app.web import socket as socket_module
from app.web.context import Server
from app.web.socket import MAX_OPEN_COMMANDS, SILENT_S, _Session
from app.workers.pool import Frame
from tests.support.house import House, open_house, until


class Line:
    """The far end of a socket: what comes out of it, and what is put into it."""

    def __init__(self, house: House, record: Record) -> None:
        self.viewer = Viewer(writable=True)
        self.is_cut = asyncio.Event()
        self.messages: list[dict[str, Any]] = []  # text alone
        self._into: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._put("websocket.connect")
        abort = {"descent.abort": {"call": self.is_cut.set}}
        scope = {"type": "websocket", "headers": [], "extensions": abort}
        self._websocket = WebSocket(scope, self._into.get, self._take)
        server = Server(
            house.settings,
            house.pool,
            house.registry,
            DefaultNetwork(house.settings.data_dir, house.pool, house.index),
        )
        self._session = _Session(server, record, self.viewer, self._websocket)

    async def serve(self) -> None:
        """Serve it to its end."""
        await self._websocket.accept()
        await self._session.serve()

    def send(self, **message: Any) -> None:
        """Send a message."""
        self._put("websocket.receive", text=json.dumps(message))

    def leave(self) -> None:
        """Go away."""
        self._put("websocket.disconnect", code=1001)

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        """The messages of a type that have come so far."""
        return [message for message in self.messages if message["type"] == kind]

    def _put(self, kind: str, **fields: Any) -> None:
        self._into.put_nowait({"type": kind, **fields})

    async def _take(self, message: Any) -> None:
        if message.get("text") is not None:
            self.messages.append(json.loads(message["text"]))


class Open:
    """A house in which a socket is open to a run."""

    def __init__(self, house: House, record: Record) -> None:
        self.house = house
        self.record = record
        self.line = Line(house, record)
        self.served = asyncio.create_task(self.line.serve())


@contextlib.asynccontextmanager
async def opened(data_dir: Path) -> AsyncIterator[Open]:
    async with open_house(data_dir, left_pause_s=30) as house:
        socket = Open(house, await house.make())
        try:
            yield socket
        finally:
            socket.served.cancel()
            await asyncio.gather(socket.served, return_exceptions=True)


def on_a_socket(test: Callable[[Open], Awaitable[None]]) -> Callable[[Path], None]:
    """Run an asynchronous test with an open socket."""

    async def run(data_dir: Path) -> None:
        async with opened(data_dir) as socket:
            await test(socket)

    def started(tmp_path: Path) -> None:
        asyncio.run(run(tmp_path))

    started.__name__ = test.__name__
    return started


@pytest.fixture(autouse=True)
def watchful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is looked for all the time."""
    monkeypatch.setattr(socket_module, "WATCH_EVERY_S", 0.001)


def frame(number: int) -> Frame:
    return Frame(number, number, 0, False, 0, [("series", memoryview(b""))])


# Silence


@on_a_socket
async def test_a_viewer_that_acknowledges_no_more_is_cut_off(socket: Open) -> None:
    line, viewer = socket.line, socket.line.viewer
    viewer.send_frame(frame(1), viewer.need(0.0), time.monotonic() - SILENT_S / 2)
    line.send(type="ack", frame=1)
    await until(lambda: viewer.silent_for(time.monotonic()) == 0)
    viewer.send_frame(frame(2), viewer.need(0.0), time.monotonic() - SILENT_S / 2)
    for _ in range(20):
        await asyncio.sleep(0.002)
    assert not line.is_cut.is_set()  # there is time left
    line.send(type="ack", frame=2)
    await until(lambda: viewer.silent_for(time.monotonic()) == 0)
    viewer.send_frame(frame(3), viewer.need(0.0), time.monotonic() - SILENT_S)
    await socket.served
    assert line.is_cut.is_set()


@on_a_socket
async def test_who_sends_without_end_leaves_others_their_turn(socket: Open) -> None:
    for frame_number in range(200):
        socket.line.send(type="ack", frame=frame_number)
    waiting = socket.line._into.qsize
    most = 0
    while waiting():
        before = waiting()
        await asyncio.sleep(0)
        most = max(most, before - waiting())
    assert most <= 2


# Commands


@on_a_socket
async def test_commands_beyond_the_limit_are_refused_until_there_is_an_answer(
    socket: Open,
) -> None:
    line, works = socket.line, socket.house.worker.works
    works.clear()
    for number in range(MAX_OPEN_COMMANDS + 2):
        line.send(type="set", learning_rate=0.001 * (number + 1), id=number)
    await until(lambda: len(line.of_type("error")) == 2)
    refused = [(error["id"], error["error"]["code"]) for error in line.of_type("error")]
    assert refused == [(MAX_OPEN_COMMANDS + n, "too_many_commands") for n in range(2)]
    assert line.of_type("reply") == []
    works.set()
    await until(lambda: len(line.of_type("reply")) == MAX_OPEN_COMMANDS)
    assert [reply["id"] for reply in line.of_type("reply")] == list(range(MAX_OPEN_COMMANDS))
    line.send(type="set", learning_rate=0.5, id="one more")
    await until(lambda: line.messages[-1]["id"] == "one more")
    assert line.messages[-1]["state"]["learning_rate"] == 0.5


# Leaving


@on_a_socket
async def test_who_leaves_before_play_is_answered_leaves_a_run_that_plays_and_is_paused(
    socket: Open,
) -> None:
    house, record = socket.house, socket.record
    house.registry.join(record, socket.line.viewer)
    house.worker.works.clear()
    socket.line.send(type="play", id=1)
    await until(lambda: "command" in house.worker.unread)
    socket.line.leave()
    await socket.served
    house.registry.leave(record, socket.line.viewer)
    house.worker.works.set()
    await until(lambda: house.is_in(record, "playing"))
    await house.pass_time(31)
    assert await house.is_in(record, "paused")
