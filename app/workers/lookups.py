"""Looks into the past: tensors as they were at earlier batches of a run."""

from collections import deque
from collections.abc import Callable
from typing import Any

from app.runs.replay import Replay
from app.runs.run import Run
from app.runs.tensors import read_tensor, to_npy

# Who looks at a moment usually asks for several of its tensors.
KEPT_S = 10.0

Request = dict[str, Any]


class Lookups:
    """Requests for tensors at a batch, {"run", "name", "batch", …}, answered one after the other.

    `run_of(id)` is the run in question; where there is none it raises.
    """

    def __init__(self, run_of: Callable[[str], Run], clock: Callable[[], float]) -> None:
        self._run_of = run_of
        self._clock = clock
        self._waiting: deque[Request] = deque()
        # The moment looked at last, the loop on its way there, and when it was last of use.
        self._last: tuple[tuple[str, int, int, int], Replay, float] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, request: Request) -> None:
        """Take one more."""
        self._waiting.append(request)

    def advance(self, until: float) -> tuple[Request, bytes | Exception] | None:
        """Work on the first until the clock reads `until`.

        Returns it with its tensor as a .npy file, or with what went wrong; None while it waits.
        """
        request = self._waiting[0]
        try:
            outcome: bytes | Exception | None = self._look(request, until)
        except Exception as error:  # noqa: BLE001 - for who has asked
            outcome, self._last = error, None
        if outcome is None:
            return None
        self._waiting.popleft()
        return request, outcome

    def rest(self) -> float | None:
        """Let go of the last moment's loop if it has not been of use for a while.

        Returns the seconds until it is to be looked at again; None if there is nothing to let go.
        """
        if self._last is None:
            return None
        wait = self._last[2] + KEPT_S - self._clock()
        if wait <= 0:
            self._last = None
            return None
        return wait

    def forget(self, run_id: str) -> None:
        """Let go of it if it is that run's, which is closed."""
        if self._last is not None and self._last[0][0] == run_id:
            self._last = None

    def _look(self, request: Request, until: float) -> bytes | None:
        run, batch = self._run_of(request["run"]), request["batch"]
        run.require_reached(batch)
        moment = (request["run"], run.timeline, run.history.changes, batch)
        if self._last is not None and self._last[0] == moment:
            replay = self._last[1]
        else:
            replay = run.replay_to(batch)
        self._last = (moment, replay, self._clock())
        while not replay.done and self._clock() < until:
            replay.advance()
        return to_npy(read_tensor(replay.loop, request["name"])) if replay.done else None
