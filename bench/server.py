"""A server to measure, and viewers that watch it as a page does, in processes of their own."""

import json
import multiprocessing
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from engine import Dense, Sequential
from tests.support.client import Run, Visitor
from tests.support.server import KEPT_NETWORK, Server, running_server

# What a page at the top looks at.
VIEWS = ("loop", "layer1.weights", "layer1.weights.gradient")
RATE = 30


@contextmanager
def serving(**env: str) -> Iterator[tuple[Server, Visitor]]:
    """A server on which nothing else goes on, and somebody who asks it.

    Its default network is the example, untrained.
    """
    network = Sequential([Dense(512, activation="relu"), Dense(10, activation="softmax")])
    network.build(784)
    with tempfile.TemporaryDirectory() as folder:
        network.save(Path(folder) / KEPT_NETWORK)
        with running_server(Path(folder), env={"APP_MAX_RUNS": "100", **env}) as server:
            visitor = Visitor(server.address)
            while not visitor.http.get("/api/classify").json()["ready"]:
                time.sleep(0.1)
            yield server, visitor
            visitor.close()


class Viewer:
    """A viewer under way; `frames` is how many it has been sent."""

    def __init__(self, count: Any) -> None:
        self._count = count

    @property
    def frames(self) -> int:
        """Frames so far."""
        return int(self._count.value)


@contextmanager
def watching(run: Run, views: Sequence[str] = VIEWS, rate: float = RATE) -> Iterator[Viewer]:
    """A viewer of these views, so often, who acknowledges at once; from its first frame on."""
    context = multiprocessing.get_context("spawn")
    stop, count = context.Event(), context.Value("i", 0)
    address = str(run.http.base_url).rstrip("/")
    process = context.Process(target=_watch, args=(address, run.id, views, rate, stop, count))
    process.start()
    try:
        while not count.value:
            time.sleep(0.02)
        yield Viewer(count)
    finally:
        stop.set()
        process.join()


@contextmanager
def watching_all(runs: Sequence[Run]) -> Iterator[list[Viewer]]:
    """A viewer for each run."""
    with ExitStack() as stack:
        yield [stack.enter_context(watching(run)) for run in runs]


def open_socket(run: Run) -> ClientConnection:
    """The socket of somebody who holds `run`, after its hello."""
    return _open(str(run.http.base_url).rstrip("/"), run.id, run.key)


def _open(address: str, run_id: str, key: str | None) -> ClientConnection:
    socket = connect(
        f"{address.replace('http', 'ws', 1)}/ws/runs/{run_id}",
        additional_headers={"authorization": f"Bearer {key}"} if key else {},
        compression=None,
        proxy=None,
        max_size=None,
        legacy=True,  # a connection to close by oneself, not a context
    )
    socket.recv()
    return socket


def acknowledge(socket: ClientConnection, message: bytes) -> bool:
    """Acknowledge a frame if this is its last message; nothing else is read of it."""
    length = int.from_bytes(message[:8], "little")
    about = json.loads(message[8 : 8 + length])["__metadata__"]
    if about["view"] != "series":
        return False
    socket.send(json.dumps({"type": "ack", "frame": int(about["frame"])}))
    return True


def _watch(
    address: str, run_id: str, views: Sequence[str], rate: float, stop: Event, count: Any
) -> None:
    socket = _open(address, run_id, None)
    socket.send(json.dumps({"type": "look", "views": list(views), "rate": rate}))
    while not stop.is_set():
        with suppress(TimeoutError):  # a run at rest has nothing to say
            message = socket.recv(timeout=0.5)
            if isinstance(message, bytes) and acknowledge(socket, message):
                count.value += 1
    socket.close()


def batches_a_second(runs: Sequence[Run], seconds: float) -> list[float]:
    """How fast each run trains, over some seconds from now on."""
    before = [(time.perf_counter(), run.state()["batch"]) for run in runs]
    time.sleep(seconds)
    after = [(time.perf_counter(), run.state()["batch"]) for run in runs]
    return [(b - a) / (end - start) for (start, a), (end, b) in zip(before, after, strict=True)]
