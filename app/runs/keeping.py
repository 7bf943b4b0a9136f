"""Keeping a run: saves what has changed to its journal, and brings a run back from there."""

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.errors import AppError
from app.runs.motion import Failure, Playing, Stepping
from app.runs.network import DataSet
from app.runs.recipe import Action, Recipe
from app.runs.report import summary
from app.runs.restored import Reason, Restored
from app.runs.run import Run
from app.storage.checkpoints import Checkpoints
from app.storage.journal import Changes, Journal, Kept
from engine import Phase


class Keeper:
    """One run and its journal. `save` writes what is new since the last save, or since opening."""

    def __init__(self, journal: Journal, run: Run) -> None:
        self._journal = journal
        self.run = run
        run.series.earlier = partial(_earlier, journal)  # no method, which would keep the run alive
        self._mark()

    def _mark(self) -> None:
        """Note that the journal now has all of the run."""
        run = self.run
        self.is_kept = True  # False if the last save failed
        self._version = run.version
        self._timeline = run.timeline
        self._length = run.series.length
        self._actions = list(run.recipe.actions)
        self._tests = run.series.tests_by_batch()

    @property
    def is_behind(self) -> bool:
        """Whether something has changed that can be saved; a seek only once it has arrived."""
        return self.run.version != self._version and not self.run.seeking

    def save(self) -> None:
        """Write what is new. If that fails, the run says so, and the next save tries again."""
        self.is_kept = False
        try:
            self._journal.save(self._changes())
            self._mark()
            self.run.series.let_go()
        except sqlite3.Error as error:
            self._tell(error)
        else:
            self._tell(None)

    def _tell(self, trouble: sqlite3.Error | None) -> None:
        before = self.run.unsaved
        if trouble is None:
            self.run.unsaved = None
        elif before is None or str(trouble) not in before.message:
            self.run.unsaved = AppError(
                "not_saved",
                f"this run goes on, but it cannot be saved at the moment: {trouble}",
                "Check that the server's disk has room. If the server stops, what is not saved "
                "is lost; you can download the recipe.",
                status=507,
            )
        if self.run.unsaved is not before:
            self.run.changed()

    def _changes(self) -> Changes:
        run = self.run
        actions = run.recipe.actions
        same = 0
        while same < min(len(actions), len(self._actions)) and actions[same] == self._actions[same]:
            same += 1
        first = run.history.changed_from(self._length + 1, self._timeline)
        tests = run.series.tests_by_batch()
        return Changes(
            name=run.name,
            follows_to=run.history.follows_to,
            progress=_progress(run),
            first_action=same,
            actions=[(action.batch, action.settings) for action in actions[same:]],
            first_batch=first,
            series=run.series.columns(first),
            tests={at: test for at, test in tests.items() if self._tests.get(at) != test},
            gone_tests=[at for at in self._tests if at not in tests],
        )


def _earlier(journal: Journal, first: int, last: int) -> NDArray[np.float64]:
    try:
        return journal.series(first, last)
    except (sqlite3.Error, LookupError) as error:
        raise AppError(
            "not_readable",
            f"expected batches {first:,} to {last:,} in the database, but: {error}",
            "See that the server's disk and its runs.sqlite are in order, then try again.",
            status=500,
        ) from error


def _motion(progress: dict[str, Any]) -> Playing | Stepping | None:
    """What a run was doing when it was saved."""
    if progress.get("state") == "playing":
        return Playing()
    return Stepping(*progress["step"]) if progress.get("step") else None


def bring_back(
    kept: Kept,
    data: DataSet,
    checkpoints: Callable[[Recipe], Checkpoints],
    clock: Callable[[], float],
    *,
    lost: bool,
) -> Run:
    """The run that is kept, on its way back to where it was.

    After the loss of its worker (`lost`) it goes on with what it did; after a stop of the server
    it rests. In both cases `restored` says so.
    """
    recipe = Recipe(kept.config, [Action(batch, settings) for batch, settings in kept.actions])
    run = Run(recipe, data, checkpoints=checkpoints, clock=clock)
    run.name, run.branched_from = kept.name, kept.branched_from
    run.history.follows_to = kept.follows_to
    run.series.bring_back(kept.series, kept.length)
    for batch, (loss, accuracy) in kept.tests.items():
        run.series.add_test(batch, loss, accuracy, run.version)
    progress = kept.progress
    if not progress:  # it has never been open
        run.bring_back(0, None, None, None)
        return run
    run.history.timeline_starts = progress.get("timeline_starts", [0])
    run.history.first_timeline = progress.get("first_timeline", 0)
    batch, phase = progress["batch"], progress["phase"]
    motion, error = _motion(progress), progress.get("error")
    failure = Failure(AppError(**error), progress.get("sound")) if error else None
    then = failure or (motion if lost else None)
    run.bring_back(batch, Phase(phase) if phase else None, progress["speed"], then)
    if lost or motion is not None:
        reason: Reason = "worker_lost" if lost else "server_restarted"
        run.restored = Restored(batch, reason, list(run.history.checkpoints.set_aside))
    else:
        run.tell_damage(batch)
    return run


def _progress(run: Run) -> dict[str, Any]:
    """Where a run is and what it does, in the form of its journal."""
    loop = run.loop
    motion, failure = run.motion, run.failure
    step = [motion.unit, motion.remaining] if isinstance(motion, Stepping) else None
    return {
        "step": step,
        **summary(run),
        "phase": None if run.at_boundary else loop.phase,
        "speed": run.pace.speed,
        "error": failure and {**failure.error.body(), "status": failure.error.status},
        "sound": failure and failure.sound,
        "timeline_starts": run.history.timeline_starts,
        "first_timeline": run.history.first_timeline,
    }
