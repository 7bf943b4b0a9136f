"""The socket's protocol: what comes too early, and what is sent too late."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.server import ServerState

from app.web.protocol import AbortableWebSocketProtocol

HANDSHAKE = (
    b"GET /ws/runs/x HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
FRAMES = {
    "text": b"\x81\x82\0\0\0\0{}",
    "no UTF-8": b"\x81\x81\0\0\0\0\xff",
    "not masked": b"\x81\x02{}",
    "too long": b"\x81\xff" + (2**40).to_bytes(8, "big") + bytes(4),
}


class Wire(asyncio.Transport):
    """A connection that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.end = ""

    def write(self, data: Any) -> None:
        """Keep it."""
        self.written += bytes(data)

    def close(self) -> None:
        """End it politely."""
        self.end = self.end or "closed"

    def abort(self) -> None:
        """End it at once."""
        self.end = self.end or "aborted"

    def is_closing(self) -> bool:
        """Whether it has ended."""
        return bool(self.end)

    def pause_reading(self) -> None:
        """Nothing is read anyway."""


def connected(
    test: Callable[[AbortableWebSocketProtocol, Wire], Awaitable[None]],
) -> None:
    """Run a test of a connection to an application that never answers."""

    async def never(_scope: Any, _receive: Any, _send: Any) -> None:
        await asyncio.Event().wait()

    async def run() -> None:
        config = Config(never, ws_per_message_deflate=False)
        config.load()
        protocol, wire = AbortableWebSocketProtocol(config, ServerState(), {}), Wire()
        protocol.connection_made(wire)
        await test(protocol, wire)
        for task in protocol.tasks:
            task.cancel()
        await asyncio.gather(*protocol.tasks, return_exceptions=True)

    asyncio.run(run())


@pytest.mark.parametrize("name", FRAMES)
def test_who_speaks_before_the_handshake_is_answered_is_cut_off(name: str) -> None:
    async def test(protocol: AbortableWebSocketProtocol, wire: Wire) -> None:
        protocol.data_received(HANDSHAKE)
        assert wire.end == ""
        protocol.data_received(FRAMES[name])
        assert (wire.end, wire.written) == ("aborted", b"")
        with pytest.raises(ClientDisconnected):
            await protocol.send({"type": "websocket.accept"})

    connected(test)


def test_to_nobody_who_is_gone_is_sent() -> None:
    async def test(protocol: AbortableWebSocketProtocol, wire: Wire) -> None:
        protocol.data_received(HANDSHAKE)
        await protocol.send({"type": "websocket.accept"})
        assert wire.written.startswith(b"HTTP/1.1 101 ")
        protocol.data_received(FRAMES["not masked"])
        assert wire.end == "closed"
        with pytest.raises(ClientDisconnected):
            await protocol.send({"type": "websocket.send", "text": "{}"})

    connected(test)
