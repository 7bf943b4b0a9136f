"""What a page does with a server: one viewer on the socket, which keeps its series by the rule."""

import contextlib
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from app.runs.views import Encoded
from tests.support.client import Run, checked_error

Tensors = dict[str, NDArray[Any]]
COLUMNS = ("loss", "accuracy", "learning_rate", "gradient_norm")


@dataclass(frozen=True, slots=True)
class View:
    """One binary message: a valid safetensors file."""

    metadata: dict[str, str]
    tensors: Tensors

    @classmethod
    def read(cls, message: Encoded) -> "View":
        """Read it with the safetensors library, and its metadata from the header."""
        data = message if isinstance(message, bytes) else b"".join(map(bytes, message.pieces()))
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length])
        return cls(header["__metadata__"], load(data))


@dataclass(slots=True)
class Frame:
    """All messages of one moment of a run."""

    views: dict[str, View] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """The frame's number, which an acknowledgement names."""
        return int(self.views["series"].metadata["frame"])

    @property
    def batch(self) -> int:
        """The batch the run was at."""
        return int(self.views["series"].metadata["batch"])

    @property
    def state(self) -> dict[str, Any]:
        """The state object that came with it."""
        state: dict[str, Any] = json.loads(self.views["series"].metadata["state"])
        return state


class KeptSeries:
    """The series as a receiver keeps it: cut back, then append."""

    def __init__(self) -> None:
        self.columns: dict[str, list[float]] = {name: [] for name in COLUMNS}
        self.tests: list[tuple[int, float, float]] = []
        self.actions: list[dict[str, Any]] = []

    @property
    def length(self) -> int:
        """Batches kept."""
        return len(self.columns["loss"])

    def take(self, view: View) -> None:
        """Follow docs/protocol.md's rule for the receiver."""
        first, tests_from = (int(view.metadata[name]) for name in ("from_batch", "tests_from"))
        assert first <= self.length + 1, "a gap in the series"
        for name, values in self.columns.items():
            values[first - 1 :] = view.tensors[name].tolist()
        self.tests = [test for test in self.tests if test[0] < tests_from]
        self.tests += [(int(at), loss, accuracy) for at, loss, accuracy in view.tensors["test"]]
        self.actions = [action for action in self.actions if action["batch"] < first - 1]
        self.actions += json.loads(view.metadata["actions"])


class Watcher:
    """One viewer. It acknowledges the frames it reads unless told not to."""

    def __init__(
        self,
        address: str,
        run_id: str,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        max_queue: int = 16,
    ) -> None:
        sent = {"authorization": f"Bearer {key}"} if key else {}
        self.socket: ClientConnection = connect(
            f"{address.replace('http', 'ws', 1)}/ws/runs/{run_id}",
            additional_headers=sent | (headers or {}),
            compression=None,
            proxy=None,
            open_timeout=60,
            ping_interval=None,
            max_size=None,
            max_queue=max_queue,
            legacy=True,  # a connection to close by oneself, not a context
        )
        self.series = KeptSeries()
        self.events: list[dict[str, Any]] = []  # those read while looking for something else
        self._ids = itertools.count(1)
        self._frame = Frame()
        self.last: Frame | None = None
        self.hello = self.event("hello")

    @classmethod
    def of(cls, run: Run, **options: Any) -> "Watcher":
        """Watch a run as the one who holds `run`."""
        return cls(str(run.http.base_url).rstrip("/"), run.id, key=run.key, **options)

    def send(self, **message: Any) -> None:
        """Send a JSON message."""
        self.socket.send(json.dumps(message))

    def receive(self, *, acknowledge: bool = True, within: float = 60.0) -> Frame | dict[str, Any]:
        """The next event, or the next whole frame."""
        while True:
            data = self.socket.recv(within)
            if isinstance(data, str):
                event: dict[str, Any] = json.loads(data)
                return event
            view = View.read(data)
            self._frame.views[view.metadata["view"]] = view
            if view.metadata["view"] == "series":
                frame, self._frame = self._frame, Frame()
                self.last = frame
                assert len({one.metadata["frame"] for one in frame.views.values()}) == 1
                self.series.take(view)
                if acknowledge:
                    # The server may have closed by now; what it sent before can still be read.
                    with contextlib.suppress(ConnectionClosed):
                        self.send(type="ack", frame=frame.number)
                return frame

    def frame(self, *, acknowledge: bool = True, within: float = 60.0) -> Frame:
        """The next frame; events on the way are kept in `events`."""
        while True:
            item = self.receive(acknowledge=acknowledge, within=within)
            if isinstance(item, Frame):
                return item
            self.events.append(item)

    def frame_with(self, holds: Callable[[Frame], bool], *, within: int = 2000) -> Frame:
        """The first frame that `holds`, among the last one read and the next `within`."""
        if self.last is not None and holds(self.last):
            return self.last
        for _ in range(within):
            frame = self.frame()
            if holds(frame):
                return frame
        raise AssertionError(f"none of {within} frames was the one waited for")

    def event(self, kind: str, number: int | None = None) -> dict[str, Any]:
        """The next event of that kind (and that id); frames on the way are acknowledged."""
        while True:
            item = self.events.pop(0) if self.events else self.receive()
            if isinstance(item, dict) and item["type"] == kind and item.get("id") == number:
                return item

    def command(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Send a command that must succeed; the state of the reply."""
        number = next(self._ids)
        self.send(type=kind, id=number, **fields)
        state: dict[str, Any] = self.event("reply", number)["state"]
        return state

    def refusal(self, message: dict[str, Any] | str | bytes) -> dict[str, str]:
        """Send something that must be refused; the error, in the one shape."""
        number = None
        if isinstance(message, dict):
            number = next(self._ids)
            message = json.dumps({**message, "id": number})
        self.socket.send(message)
        return checked_error(self.event("error", number))

    def follow(self, batch: int) -> None:
        """Read frames until the kept series reaches `batch`."""
        while self.series.length < batch:
            self.frame()

    def drain(self) -> None:
        """Read until the server closes the connection."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                self.receive(acknowledge=False)

    def close(self) -> None:
        """Leave."""
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def decode(view: View) -> NDArray[np.float64]:
    """The values behind a picture's codes, by docs/protocol.md's rule."""
    scale = float(view.metadata["scale"])
    codes: NDArray[np.float64] = view.tensors["values"].astype(np.float64)
    if view.metadata["coding"] == "signed":
        share = (codes - 128) / 127
        return np.asarray(np.sign(share) * share**2 * scale)
    return np.asarray((codes / 255) ** 2 * scale)
