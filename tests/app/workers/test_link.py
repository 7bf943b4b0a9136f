"""The web process's end of a worker: how it is started and stopped."""

import asyncio
import socket
from pathlib import Path

import pytest

from app.workers.link import WorkerLink


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
