"""The web process's end of one worker: start it, ask it, notice when it dies."""

import asyncio
import contextlib
import itertools
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from app.errors import AppError
from app.workers.message import UNASKED, Message, MessageReader, Received

# Workers run NumPy on one thread each: many workers share the cores better than many threads,
# and the sums of a matrix product do not depend on how many threads were free.
ONE_THREAD = dict.fromkeys(
    ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)
# Copies of weights come and go. These settings tell the C library (glibc) to give them back at
# once: otherwise those of many runs leave holes, a megabyte or two a run. But it keeps the memory
# in which frames are made, which it would request anew thirty times a second, page by page.
MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(4 * 1024 * 1024),
}

log = structlog.get_logger()


def worker_lost() -> AppError:
    """The answer to requests that are cut short by a worker's death."""
    return AppError(
        "worker_lost",
        "expected an answer from the process that hosts this run, but it has stopped",
        "It is being restored as it was a moment ago. Check which batch it is at, then try again.",
        status=503,
    )


def server_stopping() -> AppError:
    """The answer to requests that are not answered before the server stops."""
    return AppError(
        "server_stopping",
        "expected an answer before the server stops, but it is stopping now",
        "Ask again when it is back; what it has done until then is kept.",
        status=503,
    )


class WorkerLink:
    """One worker process. `lost(link)` is called once, if the process ends unasked.

    `busy` is how many of its runs compute without a rest; `changed()` is called when it changes.
    """

    def __init__(
        self,
        number: int,
        data_dir: Path,
        history_bytes: int,
        lost: Callable[["WorkerLink"], None],
        changed: Callable[[], None],
    ) -> None:
        self.number = number
        self.busy = 0
        self.threads = 1
        self._changed = changed
        self._arguments = (str(data_dir), str(history_bytes))
        self._lost = lost
        self._ids = itertools.count(1)
        self._pending: dict[int, asyncio.Future[Received]] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._transport: asyncio.WriteTransport | None = None
        self._ended = asyncio.Event()
        self._stopping = False
        self._has_given_up = False

    @property
    def alive(self) -> bool:
        """Whether requests can be sent."""
        return self._transport is not None

    @property
    def pid(self) -> int | None:
        """The process's number, for logs and tests."""
        return self._process.pid if self._process is not None else None

    async def start(self) -> None:
        """Start the process."""
        ours, theirs = socket.socketpair()
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "app.workers.process",
                str(theirs.fileno()),
                *self._arguments,
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the server, which stops its workers
                env=os.environ | ONE_THREAD | MEMORY,
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        self._transport, _ = await asyncio.get_running_loop().create_unix_connection(
            lambda: _Protocol(MessageReader(self._receive), self._end), sock=ours
        )
        log.info("worker started", worker=self.number, pid=self.pid)

    async def request(self, op: str, **fields: Any) -> Received:
        """Ask the worker; raises the `AppError` it answers with, or `worker_lost`."""
        if self._has_given_up:
            raise server_stopping()
        if self._transport is None:
            raise worker_lost()
        number = next(self._ids)
        answer: asyncio.Future[Received] = asyncio.get_running_loop().create_future()
        self._pending[number] = answer
        try:
            self._transport.write(Message({"id": number, "op": op, **fields}).encode())
            message = await answer
        finally:
            self._pending.pop(number, None)
        if "error" in message.header:
            raise AppError.from_body(message.header["error"], message.header["status"])
        return message

    def use_threads(self, threads: int) -> None:
        """Let so many cores share the work of a run; does not wait for an answer."""
        if self._transport is not None and threads != self.threads:
            self.threads = threads
            number = next(self._ids)
            self._transport.write(
                Message({"id": number, "op": "threads", "threads": threads}).encode()
            )

    def give_up(self) -> None:
        """Answer all open requests, and those from now on, that the server stops."""
        self._has_given_up = True
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(server_stopping())

    async def stop(self, grace_s: float = 2.0) -> None:
        """End the process: it ends when its socket closes, and is killed if it does not."""
        self._stopping = True
        transport = self._transport
        if transport is not None:
            transport.close()
        if self._process is not None:
            try:
                await asyncio.wait_for(self._process.wait(), grace_s)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
                await self._process.wait()
        if transport is not None:
            await self._ended.wait()

    def _receive(self, message: Received) -> None:
        if message.header["id"] == UNASKED:
            self.busy = message.header["busy"]
            self._changed()
            return
        answer = self._pending.get(message.header["id"])
        if answer is not None and not answer.done():
            answer.set_result(message)

    def _end(self) -> None:
        self._transport = None
        self._ended.set()
        self.busy = 0
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(worker_lost())
        if not self._stopping:
            log.warning("worker lost", worker=self.number, pid=self.pid)
            self._lost(self)


class _Protocol(asyncio.BufferedProtocol):
    """Passes the bytes that arrive to a reader, and reports when the connection has closed."""

    def __init__(self, reader: MessageReader, ended: Callable[[], None]) -> None:
        self._reader = reader
        self._ended = ended

    def get_buffer(self, _sizehint: int) -> memoryview:
        """Where the next bytes go."""
        return self._reader.room

    def buffer_updated(self, nbytes: int) -> None:
        """Take `nbytes` that have arrived there."""
        self._reader.filled(nbytes)

    def connection_lost(self, _error: Exception | None) -> None:
        """Report that one of the two ends has closed the connection."""
        self._ended()
