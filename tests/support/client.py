"""What a script does with a server: runs, commands and numbers over REST."""

import io
from collections.abc import Callable
from typing import Any

import httpx2
import numpy as np
from numpy.typing import NDArray

from tests.support.server import wait_until

State = dict[str, Any]
SMALL = {"layers": [{"units": 16, "activation": "relu"}, {"units": 10, "activation": "softmax"}]}


class Run:
    """A run of the server, owned if `key` is its key."""

    def __init__(self, http: httpx2.Client, made: State) -> None:
        self.http = http
        self.made = made
        self.id: str = made["id"]
        self.key: str | None = made.get("key")
        self.path = f"/api/runs/{self.id}"

    def state(self) -> State:
        """The state now."""
        return answer(self.http.get(self.path))

    def post(self, command: State) -> httpx2.Response:
        """The response to a command, whatever it is."""
        headers = {"authorization": f"Bearer {self.key}"} if self.key else {}
        return self.http.post(f"{self.path}/commands", json=command, headers=headers)

    def command(self, kind: str, **fields: Any) -> State:
        """Carry out a command that must succeed; the state after it."""
        return answer(self.post({"type": kind, **fields}))

    def until(
        self, holds: Callable[[State], bool], *, within: float = 60.0, what: str = "a state"
    ) -> State:
        """The first state seen that `holds`."""
        seen: list[State] = []

        def ask() -> bool:
            seen[:] = [self.state()]
            return holds(seen[0])

        wait_until(ask, within=within, what=what)
        return seen[0]

    def at_rest(self) -> State:
        """The state once no step or seek is under way."""
        return self.until(lambda state: state["state"] != "stepping", what="the run to rest")

    def step(self, count: int = 1, unit: str = "batch") -> State:
        """Step, and wait for the end of it."""
        self.command("step", unit=unit, count=count)
        return self.at_rest()

    def series(self, from_batch: int | None = None) -> dict[str, Any]:
        """The series as REST gives it."""
        query = {} if from_batch is None else {"from_batch": from_batch}
        return answer(self.http.get(f"{self.path}/series", params=query))

    def recipe(self) -> dict[str, Any]:
        """The whole recipe."""
        return answer(self.http.get(f"{self.path}/recipe"))

    def program(self) -> dict[str, Any]:
        """What runs in each phase, line by line."""
        return answer(self.http.get(f"{self.path}/program"))

    def tensor(self, name: str, batch: int | None = None) -> NDArray[Any]:
        """A tensor, now or at a batch."""
        query = {} if batch is None else {"batch": batch}
        response = self.http.get(f"{self.path}/tensors/{name}", params=query)
        assert response.status_code == 200, response.text
        array: NDArray[Any] = np.load(io.BytesIO(response.content), allow_pickle=False)
        return array


class Visitor:
    """One visitor: an HTTP client with cookies of its own."""

    def __init__(self, address: str) -> None:
        self.address = address
        # A long time-out: the machine may be busy, and no test here is about speed.
        self.http = httpx2.Client(base_url=address, timeout=60.0)

    def make_run(self, **config: Any) -> Run:
        """Make a run; a small network unless the configuration says otherwise."""
        return self._made(self.http.post("/api/runs", json={**SMALL, **config}))

    def make_run_of(self, recipe: dict[str, Any]) -> Run:
        """Make a run that follows a recipe."""
        return self._made(self.http.post("/api/runs", json={"recipe": recipe}))

    def open_file(self, data: bytes) -> Run:
        """Make a run of a file."""
        headers = {"content-type": "application/octet-stream"}
        return self._made(self.http.post("/api/runs", content=data, headers=headers))

    def branch(self, run: Run, batch: int, changes: dict[str, Any] | None = None) -> Run:
        """Branch off a run, which may be another's."""
        body = {"batch": batch, "set": changes} if changes else {"batch": batch}
        return self._made(self.http.post(f"{run.path}/branch", json=body))

    def _made(self, response: httpx2.Response) -> Run:
        assert response.status_code == 201, response.text
        return Run(self.http, response.json())

    def watch(self, run: Run) -> Run:
        """The same run in this visitor's eyes: without its key."""
        return Run(self.http, {"id": run.id})

    def close(self) -> None:
        """Close the connections."""
        self.http.close()


def answer(response: httpx2.Response) -> dict[str, Any]:
    """The JSON of a response that must be a success."""
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def error_of(response: httpx2.Response, status: int, code: str | None = None) -> dict[str, str]:
    """The error of a response that must be one, in the one shape."""
    assert response.status_code == status, response.text
    error = checked_error(response.json())
    if code is not None:
        assert error["code"] == code, error
    return error


def checked_error(body: Any) -> dict[str, str]:
    """The `error` member, after a check that it has the one shape."""
    assert set(body) == {"error"} or body.get("type") in ("error", "closing"), body
    error: dict[str, str] = body["error"]
    assert set(error) == {"code", "message", "hint"}, error
    assert all(isinstance(value, str) for value in error.values()), error
    assert error["code"], error
    assert error["code"] == error["code"].lower().replace(" ", "_"), error
    assert error["message"], error
    return error
