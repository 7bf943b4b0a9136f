"""A worker process: one end of a socket, a host, and a loop that serves both.

Started by the supervisor as `python -m app.workers.process FD DATA_DIR HISTORY_BYTES`. It ends
when the other end of the socket closes, so that no worker outlives its server.
"""

import contextlib
import queue
import select
import signal
import socket
import sys
import threading
from pathlib import Path

from app.workers.host import Host, refusal_of
from app.workers.message import PREFIX, Draft, Message
from engine.blas import one_blas_thread

READ_SIZE = 1 << 20


class Connection:
    """Messages over a blocking socket, read without waiting where none has arrived.

    A thread writes: a frame is larger than what the socket holds, and training is not to wait
    until the other end has read it.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._buffer = bytearray()
        self._outbox: queue.SimpleQueue[Draft] = queue.SimpleQueue()
        threading.Thread(target=self._write, name="writer", daemon=True).start()

    def send(self, draft: Draft) -> None:
        """Have a message made and written out, after those before it."""
        self._outbox.put(draft)

    def _write(self) -> None:
        with contextlib.suppress(OSError):  # it has been closed; `receive` finds out as well
            while True:
                for part in _parts(self._outbox.get()):
                    self._socket.sendall(part)

    def receive(self, wait: float | None) -> list[Message]:
        """The messages that have arrived, after waiting up to `wait` seconds for the first.

        Raises `EOFError` when the other end has closed.
        """
        readable, _, _ = select.select([self._socket], [], [], wait)
        if readable:
            data = self._socket.recv(READ_SIZE)
            if not data:
                raise EOFError
            self._buffer += data
        messages = []
        while (message := self._take()) is not None:
            messages.append(message)
        return messages

    def _take(self) -> Message | None:
        if len(self._buffer) < PREFIX.size:
            return None
        header, payload = PREFIX.unpack_from(self._buffer)
        end = PREFIX.size + header + payload
        if len(self._buffer) < end:
            return None
        start = PREFIX.size + header
        message = Message.decode(
            bytes(self._buffer[PREFIX.size : start]), bytes(self._buffer[start:end])
        )
        del self._buffer[:end]
        return message


def _parts(draft: Draft) -> list[bytes]:
    """The bytes of a message; what is wrong with it is told in its place."""
    try:
        return draft.message().parts()
    except Exception as error:  # noqa: BLE001 - answered; the others are written all the same
        refusal = refusal_of(error)
        header = {"id": draft.header["id"], "error": refusal.body(), "status": refusal.status}
        return Message(header).parts()


def serve(sock: socket.socket, data_dir: Path, history_bytes: int) -> None:
    """Host runs until the other end of the socket closes."""
    connection = Connection(sock)
    host = Host(connection.send, data_dir=data_dir, history_bytes=history_bytes)
    wait: float | None = None
    # BLAS is held to one thread for good: to look for every batch would take 60 µs.
    with contextlib.suppress(EOFError, ConnectionError), one_blas_thread:
        while True:
            for message in connection.receive(wait):
                host.receive(message.header)
            wait = host.turn()
    host.close()


if __name__ == "__main__":
    # Ctrl-C, or the end of a session, reaches the whole process group; the server closes its
    # workers in good order.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    serve(socket.socket(fileno=int(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3]))
