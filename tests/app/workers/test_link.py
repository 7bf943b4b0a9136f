"""The web process's end of a worker: messages as they arrive, in whatever pieces."""

import asyncio
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.workers.link import WorkerLink, _MessageReader
from app.workers.message import Message, Received


@given(
    st.lists(st.lists(st.binary(max_size=300), max_size=3), min_size=1, max_size=4),
    st.lists(st.integers(1, 200), min_size=1),
)
def test_messages_arrive_whole_in_whatever_pieces(
    blobs: list[list[bytes]], sizes: list[int]
) -> None:
    received: list[Received] = []
    reader = _MessageReader(received.append, lambda: None)
    data = b"".join(Message({"id": i}, own).encode() for i, own in enumerate(blobs))
    pieces = 0
    while data:
        room = reader.get_buffer(-1)
        n = min(len(room), len(data), sizes[pieces % len(sizes)])
        room[:n], data = data[:n], data[n:]
        reader.buffer_updated(n)
        pieces += 1
    assert [message.header for message in received] == [{"id": i} for i in range(len(blobs))]
    assert [list(map(bytes, message.blobs)) for message in received] == blobs


def test_a_link_whose_start_was_cut_short_can_be_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def start_and_stop() -> None:
        async def refuse(_protocol: object, sock: socket.socket) -> None:
            sock.close()
            raise ConnectionError

        link = WorkerLink(0, tmp_path, 0, lambda _: None, lambda: None)
        monkeypatch.setattr(asyncio.get_running_loop(), "create_unix_connection", refuse)
        with pytest.raises(ConnectionError):
            await link.start()
        await asyncio.wait_for(link.stop(grace_s=0.1), 5)

    asyncio.run(start_and_stop())
