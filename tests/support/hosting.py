"""A worker's host without its process: requests in, answers kept."""

import io
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.storage.database import prepare
from app.storage.index import RunIndex
from app.workers.host import Host
from app.workers.message import PREFIX, Message, Received
from tests.support.runs import HISTORY_BYTES, Clock, config_of


class Hosting:
    """A host and everything it has answered, in order."""

    def __init__(self, clock: Clock, data_dir: Path) -> None:
        prepare(data_dir)
        self.index = RunIndex(data_dir)
        self.clock = clock
        self.answers: list[Received] = []
        self.host = Host(self._reply, data_dir=data_dir, history_bytes=HISTORY_BYTES, clock=clock)
        self._numbers = itertools.count(1)

    def _reply(self, message: Message) -> None:
        # Through its bytes, as between two processes: what JSON cannot hold is found here.
        data = message.encode()
        header, _ = PREFIX.unpack_from(data)
        start = PREFIX.size
        self.answers.append(Received.decode(data[start : start + header], data[start + header :]))

    def close(self) -> None:
        """End it, with everything kept."""
        self.host.close()
        self.index.close()

    def send(self, op: str, run: str = "run", **fields: Any) -> int:
        """Send a request; its number."""
        number = next(self._numbers)
        request = {"id": number, "op": op, "run": run, **fields}
        self.host.receive(json.loads(json.dumps(request, allow_nan=False)))
        return number

    def answers_to(self, number: int) -> list[Received]:
        """The answers to that request: one, or none yet."""
        return [answer for answer in self.answers if answer.header["id"] == number]

    def answer(self, number: int, turns: int = 20_000) -> Received:
        """The answer to that request, after as many turns as it takes."""
        for _ in range(turns):
            if self.answers_to(number):
                (found,) = self.answers_to(number)
                return found
            self.turn()
        raise AssertionError(f"request {number} has not been answered in {turns} turns")

    def turn(self) -> None:
        """Let the host work, and time pass while it waits."""
        wait = self.host.turn()
        self.clock.now += 0.001 if wait is None else wait

    def ask(self, op: str, run: str = "run", **fields: Any) -> Received:
        """Send a request and wait for its answer."""
        return self.answer(self.send(op, run, **fields))

    def create(self, run: str = "run", **config: Any) -> dict[str, Any]:
        """Make a small run; its state."""
        self.index.add(run, key=b"key", owner=b"owner", config=config_of(**config))
        return state_of(self.ask("open", run, lost=False))

    def command(self, kind: str, run: str = "run", **fields: Any) -> dict[str, Any]:
        """Carry out a command; the state of its answer."""
        return state_of(self.ask("command", run, command={"type": kind, **fields}))

    def step(self, count: int = 1, unit: str = "batch", run: str = "run") -> dict[str, Any]:
        """Step to the end of it."""
        state = self.command("step", run, unit=unit, count=count)
        while state["state"] == "stepping":
            state = state_of(self.ask("state", run))
            self.turn()
        return state

    def series(self, run: str = "run") -> dict[str, Any]:
        """The whole series."""
        series: dict[str, Any] = json.loads(bytes(self.ask("series", run, from_batch=1).blobs[0]))
        return series

    def tensor(self, name: str, batch: int | None = None, run: str = "run") -> NDArray[Any]:
        """A tensor, now or at a batch."""
        return array_of(self.ask("tensor", run, name=name, batch=batch))


def state_of(message: Received) -> dict[str, Any]:
    """The state of an answer that must have one."""
    assert "error" not in message.header, message.header
    state: dict[str, Any] = message.header["state"]
    return state


def error_code(message: Received) -> str:
    """The code of an answer that must be an error."""
    code: str = message.header["error"]["code"]
    return code


def array_of(message: Received) -> NDArray[Any]:
    """The array of an answer that must have one."""
    assert "error" not in message.header, message.header
    array: NDArray[Any] = np.load(io.BytesIO(message.blobs[0]), allow_pickle=False)
    return array
