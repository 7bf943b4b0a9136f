"""A worker's inside: hosts runs, shares its time among them, and answers requests in turn.

No sockets here: requests come in through `receive`, answers go out through the `reply` callback.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

from app.errors import AppError, unknown_run
from app.runs.frames import Want, encode_frame, last_batch, moment_of
from app.runs.keeping import Keeper, bring_back
from app.runs.measuring import EVERY_S
from app.runs.motion import Failure, RunState
from app.runs.network import DataSet, check_actions, load_data_set
from app.runs.recipe import Recipe
from app.runs.series import RECENT
from app.runs.studies.schedule import has_study
from app.runs.tensors import read_tensor, to_npy
from app.runs.views import encode_view
from app.storage.checkpoints import Checkpoints
from app.storage.database import connect
from app.storage.index import folder_of
from app.storage.journal import Journal
from app.workers.answers import QUESTIONS, refusal, state_of
from app.workers.freed_memory import give_back
from app.workers.hosted import Hosted
from app.workers.lookups import Lookups
from app.workers.message import UNASKED, Blob, Message, Request
from engine import HelperLostError

# Requests are read between slices: this bounds how long one waits behind other runs.
SLICE_S = 0.010
# With many runs slices are longer: at each change, the next run's weights have left the caches.
LONG_SLICE_S = 0.040
MANY = 4
# A step or seek that takes longer is answered with the state "stepping".
ANSWER_WITHIN_S = 1.0
AWAITED = {"step", "seek", "undo"}
# Requests that change what is kept of a run.
CHANGES = {"command", "rename"}
# A run is saved this often while it trains, and before each command is answered. If many play, each
# trains more slowly, and is saved less often to the same degree.
SAVE_EVERY_S = 0.5
# Opening a run is answered when the run is back where it was, or after this time.
OPEN_WITHIN_S = 5.0


class Host:
    """Hosts runs on one thread, and keeps them in `data_dir`.

    `reply(message)` is called once for every request; the message's header repeats its `id`.
    A run's checkpoints may take `history_bytes` of disk.
    """

    def __init__(
        self,
        reply: Callable[[Message], None],
        *,
        data_dir: Path,
        history_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reply = reply
        self._data_dir = data_dir
        self._history_bytes = history_bytes
        self._database = connect(data_dir)
        self._writer = ThreadPoolExecutor(max_workers=1)
        self._clock = clock
        self._runs: dict[str, Hosted] = {}
        self._order: deque[str] = deque()
        self._advanced: Hosted | None = None  # the run that had the last slice
        self._lookups = Lookups(lambda run_id: self._find(run_id).run, clock)
        self._has_closed = False  # whether a run was closed since the last turn
        self._slices = 0  # given to runs since the lookups had one
        self._lookups_owe_s = 0.0  # like a run's `owes_s`
        self._threads = 1
        self._busy = 0
        self._playing = 0

    @cached_property
    def _data(self) -> DataSet:
        return load_data_set()

    # Requests

    def receive(self, request: Request) -> None:
        """Take one request, {"id", "op", "run", …}; errors are answered, not raised."""
        try:
            if request["op"] == "health":
                self._answer(request, {"runs": len(self._runs), "threads": self._threads})
            elif request["op"] == "threads":
                self._threads = request["threads"]
                self._answer(request, {})
            elif request["op"] == "open":
                self._open(request)
            elif request["op"] == "check":
                check_actions(request["config"], request["actions"], self._data)
                self._answer(request, {})
            else:
                hosted = self._find(request["run"])
                hosted.inbox.append(request)
                self._empty_inbox(hosted)
        except Exception as error:  # noqa: BLE001 - answered; the other runs go on
            self._refuse(request, error)

    def _open(self, request: Request) -> None:
        run_id = request["run"]
        journal = Journal(self._database, run_id)
        kept = journal.load(RECENT)
        if kept is None:
            raise unknown_run()

        def checkpoints(recipe: Recipe) -> Checkpoints:
            folder = folder_of(self._data_dir, run_id)
            return Checkpoints(folder, self._history_bytes, self._writer, recipe.name_at)

        run = bring_back(kept, self._data, checkpoints, self._clock, lost=request["lost"])
        self._runs[run_id] = Hosted(run_id, Keeper(journal, run))
        self._order.append(run_id)
        self._runs[run_id].opening = (request, self._clock() + OPEN_WITHIN_S)
        self._answer_opening(self._runs[run_id])

    def _answer_opening(self, hosted: Hosted) -> None:
        """Answer the request that opened a run, once the run is where it was."""
        if hosted.opening is not None:
            request, due = hosted.opening
            if not hosted.run.seeking or due <= self._clock():
                hosted.opening = None
                self._answer(request, *state_of(request, hosted.run))

    def _find(self, run_id: str) -> Hosted:
        hosted = self._runs.get(run_id)
        if hosted is None:
            raise unknown_run()
        return hosted

    def _empty_inbox(self, hosted: Hosted) -> None:
        """Handle the requests that have arrived for a run; changes wait for the end of a seek."""
        while hosted.inbox:
            request = hosted.inbox[0]
            if request["op"] in CHANGES and not hosted.run.is_settled:
                break
            hosted.inbox.popleft()
            if _needs_whole_state(request) and not hosted.run.is_settled:
                hosted.aside.append(request)
            else:
                self._handle(request, hosted)
        self._send_frame(hosted)  # a run at rest may have been changed

    def _handle(self, request: Request, hosted: Hosted) -> None:
        try:
            if request["op"] in QUESTIONS:
                self._answer(request, *QUESTIONS[request["op"]](request, hosted.run))
            else:
                self._handlers[request["op"]](request, hosted)
        except Exception as error:  # noqa: BLE001 - answered; the other runs go on
            self._refuse(request, error)

    @cached_property
    def _handlers(self) -> dict[str, Callable[[Request, Hosted], None]]:
        return {
            "command": self._on_command,
            "rename": self._on_rename,
            "save": self._on_save,
            "frames": self._on_frames,
            "tensor": self._on_tensor,
            "view": self._on_view,
            "close": self._on_close,
        }

    def _on_command(self, request: Request, hosted: Hosted) -> None:
        command = request["command"]
        hosted.run.command(command)
        self._save(hosted)
        if command["type"] not in ("step", "set"):
            self._answer_steps(hosted)
        if hosted.run.state is RunState.STEPPING and command["type"] in AWAITED:
            hosted.steps.append((request, self._clock() + ANSWER_WITHIN_S))
        else:
            self._answer(request, *state_of(request, hosted.run))

    def _on_frames(self, request: Request, hosted: Hosted) -> None:
        self._drop_want(hosted)
        want = Want(request["want"])
        hosted.want = (request, want)
        hosted.run.studies.want(want.looked_at, hosted.run.loop)
        self._send_frame(hosted)

    def _on_tensor(self, request: Request, hosted: Hosted) -> None:
        if request["batch"] is None:
            self._answer(request, {}, [to_npy(read_tensor(hosted.run.loop, request["name"]))])
        else:
            hosted.run.require_reached(request["batch"])
            self._lookups.add(request)

    def _on_view(self, request: Request, hosted: Hosted) -> None:
        name = request["name"]
        run = hosted.run
        if has_study(run.loop, name) and not run.studies.knows(name, run.moment):
            run.studies.ask(name)
            hosted.asked.append((request, run.version))
            return
        data = encode_view(run, name, moment_of(hosted.run_id, run))
        if data is None:
            raise AppError(
                "unknown_view",
                f"expected the name of a view that can be made now, got {name!r}",
                "See docs/protocol.md for the views; some need a batch to be trained first.",
                status=404,
            )
        self._answer(request, {}, [data])

    def _on_rename(self, request: Request, hosted: Hosted) -> None:
        hosted.run.name = request["name"]
        hosted.run.changed()
        self._save_surely(hosted)
        self._answer(request, {})

    def _on_save(self, request: Request, hosted: Hosted) -> None:
        hosted.run.require_reached(request["batch"])
        self._save_surely(hosted)
        hosted.run.history.checkpoints.finish()
        self._answer(request, {})

    def _on_close(self, request: Request, hosted: Hosted) -> None:
        self._drop_want(hosted)
        self._save(hosted)
        hosted.run.history.checkpoints.finish()
        self._answer_steps(hosted)
        for asked in (*hosted.aside, *(request for request, _ in hosted.asked)):
            self._refuse(asked, unknown_run())
        self._lookups.forget(hosted.run_id)
        del self._runs[hosted.run_id]
        self._order.remove(hosted.run_id)
        if self._advanced is hosted:
            self._advanced = None
        self._has_closed = True
        self._answer(request, {})

    # Work

    def turn(self) -> float | None:
        """Give one run a slice; lookups get one after every run's, or after every fourth of many.

        Returns the seconds until there is more to do: 0 for now, None if not before a request.
        """
        if self._has_closed:
            # Half a gigabyte for thirty runs. Not in `_on_close`, where it was still referred to.
            self._has_closed = False
            give_back()
        slice_s = LONG_SLICE_S if self._busy > MANY else SLICE_S
        # Runs of a lost worker come back before the other runs here go on.
        bringing_back = any(hosted.is_brought_back for hosted in self._runs.values())
        for _ in range(len(self._order)):
            self._order.rotate(-1)
            hosted = self._runs[self._order[-1]]
            if hosted.want is not None:
                hosted.run.studies.still_wanted()
            if hosted.owes_s >= slice_s:
                hosted.owes_s -= slice_s
            elif hosted.run.wait() == 0 and hosted.is_brought_back == bringing_back:
                self._advance(hosted, slice_s)
                break
        due = self._save_due()
        self._tell_busy()
        if self._lookups:
            self._slices += 1
            if self._slices >= min(self._busy, MANY):
                self._advance_lookups(slice_s)
            return 0.0
        waits = [due, self._lookups.rest(), *(hosted.run.wait() for hosted in self._runs.values())]
        return min((wait for wait in waits if wait is not None), default=None)

    def _tell_busy(self) -> None:
        """Report, unasked, how many runs compute without a rest, if that has changed."""
        runs = [hosted.run for hosted in self._runs.values()]
        self._playing = sum(run.state is RunState.PLAYING for run in runs)
        busy = sum(run.is_busy for run in runs)
        if busy != self._busy:
            self._busy = busy
            self._reply(Message({"id": UNASKED, "busy": busy}))

    def _save_due(self) -> float | None:
        """Save the runs that are due; returns the seconds until the next one is, None if none."""
        now = self._clock()
        every = SAVE_EVERY_S * max(1.0, self._playing / MANY)
        due = None
        for hosted in self._runs.values():
            if not hosted.keeper.is_behind or hosted.saved_at == math.inf:
                continue
            wait = hosted.saved_at + every - now
            if wait <= 0:
                self._save(hosted)
            else:
                due = wait if due is None else min(due, wait)
        return due

    def _save(self, hosted: Hosted) -> None:
        hosted.saved_at = self._clock()
        if not hosted.keeper.is_behind:
            return
        try:
            hosted.keeper.save()
        except Exception as error:  # noqa: BLE001 - a defect stops this run, not its neighbours
            hosted.run.fail(Failure(refusal(error)))
            hosted.saved_at = math.inf  # until the next command

    def _save_surely(self, hosted: Hosted) -> None:
        """The same, but raises `AppError` if the run cannot be saved."""
        self._save(hosted)
        trouble = hosted.run.unsaved or hosted.run.error
        if trouble is not None and not hosted.keeper.is_kept:
            raise trouble

    def close(self) -> None:
        """Save everything as it is now."""
        for hosted in self._runs.values():
            self._save(hosted)
            hosted.run.history.checkpoints.finish()
        self._writer.shutdown()
        self._database.close()

    def _advance(self, hosted: Hosted, slice_s: float) -> None:
        if self._advanced is not hosted:
            if self._advanced is not None:
                # Of many runs, only one holds the memory of its measurement, a few megabytes. A run
                # that is alone keeps it from slice to slice.
                self._advanced.run.measuring.rest()
            self._advanced = hosted
        end = self._clock() + slice_s
        hosted.run.use_threads(self._threads)
        # Measuring takes the same share of the time, however many runs play here.
        hosted.run.measuring.every_s = EVERY_S * max(1, self._playing)
        try:
            hosted.run.advance(end)
        except HelperLostError:
            raise  # its weights may be half updated: the worker's runs are brought back
        except Exception as error:  # noqa: BLE001 - a defect stops this run, not its neighbours
            hosted.run.fail(Failure(refusal(error)))
        hosted.owes_s += max(0.0, self._clock() - end)
        self._look_after(hosted)

    def _look_after(self, hosted: Hosted) -> None:
        """Answer the requests that can be answered after the last slice."""
        done = hosted.run.state is not RunState.STEPPING and hosted.run.is_settled
        if done and hosted.steps:
            self._save(hosted)  # save before answering
        self._answer_steps(hosted, due_by=math.inf if done else self._clock())
        self._answer_opening(hosted)
        self._answer_asked(hosted)
        if hosted.run.is_settled:
            waiting, hosted.aside = hosted.aside, []
            for request in waiting:
                self._handle(request, hosted)
        self._empty_inbox(hosted)

    def _answer_asked(self, hosted: Hosted) -> None:
        """Answer those who asked for a study that has become known since."""
        waiting, hosted.asked = hosted.asked, []
        for request, version in waiting:
            run, name = hosted.run, request["name"]
            # If the run has gone back to the moment of the last result, no newer one will come.
            seen = 0 if run.studies.knows(name, run.moment) else version
            data = encode_view(run, name, moment_of(hosted.run_id, run), seen)
            if data is None:
                hosted.asked.append((request, version))
            else:
                self._answer(request, {}, [data])

    def _send_frame(self, hosted: Hosted) -> None:
        if hosted.want is None or not hosted.want[1].is_due(hosted.run):
            return
        request, want = hosted.want
        hosted.want = None
        hosted.frames = max(hosted.frames, want.after) + 1
        try:
            messages = encode_frame(hosted.run_id, hosted.run, want, hosted.frames)
        except Exception as error:  # noqa: BLE001 - answered; the other runs go on
            self._refuse(request, error)
            return
        self._answer(
            request,
            {
                "frame": hosted.frames,
                "version": hosted.run.version,
                "timeline": hosted.run.timeline,
                "untrained": hosted.run.loop.phase is None,
                "to_batch": last_batch(hosted.run, want),
                "views": [view for view, _ in messages],
            },
            [data for _, data in messages],
        )

    def _drop_want(self, hosted: Hosted) -> None:
        """A newer want replaces one that is still open."""
        if hosted.want is not None:
            request, _ = hosted.want
            hosted.want = None
            self._answer(request, {"frame": None})

    def _advance_lookups(self, slice_s: float) -> None:
        self._slices = 0
        if self._lookups_owe_s >= slice_s:
            self._lookups_owe_s -= slice_s
            return
        end = self._clock() + slice_s
        for request, found in self._lookups.advance(end):
            if isinstance(found, Exception):
                self._refuse(request, found)
            else:
                self._answer(request, {}, [found])
        self._lookups_owe_s += max(0.0, self._clock() - end)

    # Answers

    def _answer_steps(self, hosted: Hosted, due_by: float = math.inf) -> None:
        while hosted.steps and hosted.steps[0][1] <= due_by:
            request, _ = hosted.steps.popleft()
            self._answer(request, *state_of(request, hosted.run))

    def _answer(self, request: Request, fields: dict[str, Any], blobs: Sequence[Blob] = ()) -> None:
        self._reply(Message({"id": request["id"], **fields}, blobs))

    def _refuse(self, request: Request, error: Exception) -> None:
        told = refusal(error)
        self._answer(request, {"error": told.body(), "status": told.status})


def _needs_whole_state(request: Request) -> bool:
    """Whether the answer would be wrong during a seek, or between the changes at a batch."""
    now = request["op"] == "tensor" and request["batch"] is None
    return now or request["op"] in ("save", "weights")
