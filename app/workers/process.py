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
from collections.abc import Iterable, Sequence
from pathlib import Path

from app.workers.host import Host
from app.workers.message import Message, MessageReader, Piece, Received
from engine.blas import one_blas_thread


class Connection:
    """Messages over a blocking socket; reading does not block if none has arrived.

    A thread makes and writes what does not exist yet, or does not fit into the socket at once, so
    that training does not wait for the other end to read.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self._received: list[Received] = []
        self._reader = MessageReader(self._received.append)
        self._left: queue.SimpleQueue[Iterable[Piece]] = queue.SimpleQueue()
        self._queued = 0
        self._counting = threading.Lock()
        threading.Thread(target=self._write_left, name="writer", daemon=True).start()

    def send(self, message: Message) -> None:
        """Send a message, after those before it; does not wait."""
        if self._queued or not message.is_made:  # only this thread adds to the queue
            self._leave(message.pieces())
            return
        rest = memoryview(message.encode())
        with contextlib.suppress(BlockingIOError, ConnectionError):
            rest = rest[self._socket.send(rest, socket.MSG_DONTWAIT) :]
        if rest:
            self._leave([rest])

    def _leave(self, pieces: Iterable[Piece]) -> None:
        self._count(1)
        self._left.put(pieces)

    def _write_left(self) -> None:
        # However this ends, it ends the connection, which `receive` notices: nobody shall wait
        # for answers that are no longer written.
        try:
            while True:
                self._write_all(self._left.get())
                self._count(-1)
        except OSError:
            pass  # the other end has closed it
        finally:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _write_all(self, pieces: Iterable[Piece]) -> None:
        together: list[Piece] = []
        for piece in pieces:
            together.append(piece)
            if isinstance(piece, memoryview):  # the next piece invalidates it
                self._write(together)
                together = []
        if together:
            self._write(together)

    def _write(self, pieces: Sequence[Piece]) -> None:
        written = self._socket.sendmsg(pieces)
        for piece in pieces:
            if written < len(piece):
                self._socket.sendall(piece[written:])
            written = max(0, written - len(piece))

    def _count(self, change: int) -> None:
        with self._counting:
            self._queued += change

    def receive(self, wait: float | None) -> list[Received]:
        """The messages that have arrived; waits up to `wait` seconds for the first.

        Raises `EOFError` when the other end has closed.
        """
        if self._poll.poll(None if wait is None else 1000 * wait):
            with contextlib.suppress(BlockingIOError):
                while size := self._socket.recv_into(self._reader.room, 0, socket.MSG_DONTWAIT):
                    self._reader.filled(size)
                if not self._received:
                    raise EOFError
        messages = self._received.copy()
        self._received.clear()
        return messages


def serve(sock: socket.socket, data_dir: Path, history_bytes: int) -> None:
    """Host runs until the other end of the socket closes."""
    connection = Connection(sock)
    host = Host(connection.send, data_dir=data_dir, history_bytes=history_bytes)
    wait: float | None = None
    # BLAS is held to one thread for good: doing that for every batch would take 60 µs.
    with contextlib.suppress(EOFError, ConnectionError), one_blas_thread:
        while True:
            for message in connection.receive(wait):
                host.receive(message.header)
            wait = host.turn()
    host.close()


if __name__ == "__main__":
    # Ctrl-C, or the end of a session, reaches the whole process group; but the server ends its
    # workers in an orderly way.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    serve(socket.socket(fileno=int(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3]))
