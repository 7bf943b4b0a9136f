"""Looks into the past: tensors as they were at earlier batches of a run."""

from collections.abc import Callable

from app.runs.replay import Replay
from app.runs.run import Run
from app.runs.tensors import read_tensor, to_npy
from app.workers.message import Request

# How long the last moment's loop is kept: usually several tensors of a moment are asked for.
KEPT_S = 10.0


class Lookups:
    """Requests for tensors at a batch, {"run", "name", "batch", …}, answered run by run in turn.

    `run_of(id)` returns the run, or raises if there is none.
    """

    def __init__(self, run_of: Callable[[str], Run], clock: Callable[[], float]) -> None:
        self._run_of = run_of
        self._clock = clock
        self._waiting: dict[str, list[Request]] = {}  # by run, the next one first
        # The last moment asked for, the loop on its way there, and when that was last used.
        self._last: tuple[tuple[str, int, int, int], Replay, float] | None = None

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def add(self, request: Request) -> None:
        """Add a request."""
        self._waiting.setdefault(request["run"], []).append(request)

    def advance(self, until: float) -> list[tuple[Request, bytes | Exception]]:
        """Work on the first request of the run whose turn it is, until the clock reads `until`.

        Returns the requests that can be answered then: all of that run for the same batch, each
        with its tensor as a .npy file or with an error. After that it is another run's turn.
        """
        run_id, requests = next(iter(self._waiting.items()))
        batch = requests[0]["batch"]
        together = [request for request in requests if request["batch"] == batch]
        answers: list[tuple[Request, bytes | Exception]]
        try:
            replay = self._replay(run_id, batch, until)
        except Exception as error:  # noqa: BLE001 - for who has asked
            self._last = None
            answers = [(request, error) for request in together]
        else:
            if not replay.done:
                return []
            answers = [(request, _tensor(replay, request["name"])) for request in together]
        del self._waiting[run_id]
        others = [request for request in requests if request["batch"] != batch]
        if others:
            self._waiting[run_id] = others  # after those of the other runs
        return answers

    def rest(self) -> float | None:
        """Drop the last moment's loop if it has not been used for a while.

        Returns the seconds until it should be checked again; None if there is nothing to drop.
        """
        if self._last is None:
            return None
        wait = self._last[2] + KEPT_S - self._clock()
        if wait <= 0:
            self._last = None
            return None
        return wait

    def forget(self, run_id: str) -> None:
        """Drop the last moment's loop if it is of that run, which is being closed."""
        if self._last is not None and self._last[0][0] == run_id:
            self._last = None

    def _replay(self, run_id: str, batch: int, until: float) -> Replay:
        run = self._run_of(run_id)
        run.require_reached(batch)
        moment = (run_id, run.timeline, run.history.changes, batch)
        if self._last is not None and self._last[0] == moment:
            replay = self._last[1]
        else:
            replay = run.replay_to(batch)
        self._last = (moment, replay, self._clock())
        while not replay.done and self._clock() < until:
            replay.advance()
        return replay


def _tensor(replay: Replay, name: str) -> bytes | Exception:
    try:
        return to_npy(read_tensor(replay.loop, name))
    except Exception as error:  # noqa: BLE001 - for who has asked
        return error
