"""A run: a training loop, the recipe it follows, and what it has been told to do.

Plain logic on one thread: `command` says what to do, `advance` does a slice of it.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from app.commands import Unit
from app.config import MAX_BATCHES
from app.errors import AppError, from_engine
from app.runs.due import DueChanges
from app.runs.edits import Edit, make_edit
from app.runs.history import Discarded, History
from app.runs.measuring import Measuring
from app.runs.motion import Failure, Motion, Playing, RunState, Seeking, Stepping, Then
from app.runs.network import DataSet, apply, make_loop, optimizer_settings, resolve
from app.runs.pace import BatchRate, Pace
from app.runs.recipe import Recipe
from app.runs.replay import Replay
from app.runs.restored import Restored
from app.runs.series import Series
from app.runs.shown import Shown
from app.runs.studies.schedule import Moment, Studies
from app.storage.checkpoints import Checkpoints
from engine import EngineError, NonFiniteError, Phase

# The share of a training run's slice that measuring it may take; one piece at least.
MEASURING_SHARE = 1 / 8
# A loss has risen if it is so many times the first one held.
RISEN = 2


class Run:
    """One run, hosted in a worker beside others.

    `checkpoints` makes the checkpoints of a recipe. `version` grows whenever something a viewer
    could see has changed. It begins at the clock's time, so that it is above every version that
    another worker has sent to viewers.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: DataSet,
        *,
        checkpoints: Callable[[Recipe], Checkpoints],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.data = data
        self.loop = make_loop(recipe.config, data)
        self.history = History(recipe, data, checkpoints)
        self.name = ""
        self.branched_from: dict[str, Any] | None = None
        self.restored: Restored | None = None
        self.unsaved: AppError | None = None  # why it cannot be saved at the moment
        self.measuring = Measuring(self.history.series, data.test, clock)
        self.studies = Studies(data, clock)
        self.shown = Shown()
        self.pace = Pace()
        self.failure: Failure | None = None
        self.edit: Edit | None = None
        self.version = int(clock() * 1e6)
        self._clock = clock
        self._motion: Motion | None = None
        self._due = DueChanges()
        self._rate = BatchRate()

    # What it is doing

    @property
    def state(self) -> RunState:
        """The `state` of the protocol."""
        if self.error is not None:
            return RunState.FAILED
        if isinstance(self._motion, Playing):
            return RunState.PLAYING
        if self._motion is not None:
            return RunState.STEPPING
        return RunState.PAUSED

    @property
    def error(self) -> AppError | None:
        """Why it has failed, if it has."""
        return self.failure.error if self.failure is not None else None

    @property
    def recipe(self) -> Recipe:
        """The configuration and the log of changes."""
        return self.history.recipe

    @property
    def series(self) -> Series:
        """Loss and the other values of every batch."""
        return self.history.series

    @property
    def furthest(self) -> int:
        """The last batch this run has been trained to."""
        return self.history.furthest

    @property
    def timeline(self) -> int:
        """How often a future has been discarded."""
        return self.history.timeline

    @property
    def seeking(self) -> bool:
        """Whether it is on its way to another batch. (A failed run counts as arrived.)"""
        return isinstance(self._motion, Seeking) and self.error is None

    @property
    def is_settled(self) -> bool:
        """Whether it has the state of a moment; if it is on its way to one, commands wait."""
        return not isinstance(self._motion, Seeking) and not self._due

    @property
    def is_busy(self) -> bool:
        """Whether it computes without pauses: at full speed, in a step or in a seek."""
        if isinstance(self._motion, Playing):
            return self.pace.speed is None
        return self._motion is not None

    @property
    def batches_per_second(self) -> float:
        """Measured over the last second, or the last batch; 0 at rest."""
        return self._rate.value(self._clock())

    @property
    def at_boundary(self) -> bool:
        """Whether the loop rests between two batches."""
        return self.loop.next_phase is Phase.DRAW

    @property
    def can_undo(self) -> bool:
        """Whether the last thing that happened is a change by hand."""
        last = self.recipe.actions[-1] if self.recipe.actions else None
        at_rest = self.at_boundary and self.loop.batch == self.furthest
        return last is not None and last.is_edit and last.batch == self.loop.batch and at_rest

    def require_reached(self, batch: int) -> None:
        """Raise `AppError` unless this run has been trained to `batch` at some time."""
        self.history.require_reached(batch)

    def replay_to(self, batch: int, phase: Phase | None = None) -> Replay:
        """A loop on its way to any batch it was trained to, then on to a phase."""
        return self.history.replay_to(batch, self.loop if self.is_settled else None, phase)

    @property
    def motion(self) -> Motion | None:
        """What it is doing."""
        return self._motion

    def bring_back(self, batch: int, phase: Phase | None, speed: float | None, then: Then) -> None:
        """Go to where it was when it was last saved, and then do `then`."""
        self.pace.change(speed, self._clock())
        if batch == 0 and phase is None and not self.recipe.at(0):
            self._go_on(then)
        else:
            self._move(Seeking(self.replay_to(batch, phase), then))

    # Commands

    def command(self, command: dict[str, Any]) -> None:
        """Carry out a checked command, or raise `AppError` with nothing changed.

        Call it only when the run is settled.
        """
        told, self.restored = self.restored, None
        self.history.checkpoints.set_aside.clear()
        try:
            self._carry_out(command)
        except AppError:
            self.restored = told
            raise
        self.changed()

    def _carry_out(self, command: dict[str, Any]) -> None:
        match command["type"]:
            case "play":
                self._play()
            case "pause":
                self._move(None)
            case "step":
                self._step(command["unit"], command["count"])
            case "set":
                self._set(command)
            case "seek":
                self._seek(command["batch"])
            case "reset":
                self._reset()
            case "set_weight":
                self._edit({"weight": {k: command[k] for k in ("tensor", "index", "value")}})
            case "train_on":
                pixels = [pixel for row in command["pixels"] for pixel in row]
                self._edit({"drawing": {"label": command["label"], "pixels": pixels}})
            case "undo":
                self._undo()

    def _play(self) -> None:
        self._require_trainable()
        if not isinstance(self._motion, Playing):
            self._move(Playing())
            self.pace.start(self._clock())

    def _step(self, unit: Unit, count: int) -> None:
        self._require_trainable()
        if isinstance(self._motion, Stepping) and self._motion.unit == unit:
            count += self._motion.remaining
        self._move(Stepping(unit, count))

    def _set(self, command: dict[str, Any]) -> None:
        try:
            changes = resolve(command, self.loop)
        except EngineError as error:
            raise from_engine(error) from error
        if changes:
            self.history.require_room()
            self.history.record(changes, self.loop)
            apply(changes, self.loop)
        if "speed" in command:
            self.pace.change(command["speed"], self._clock())

    def _seek(self, batch: int) -> None:
        self.history.require_known(batch)
        has_failed = self.error is not None
        self._recover()
        if batch == self.loop.batch and self.at_boundary and not has_failed:
            self._move(None)
        elif batch > self.furthest:
            # Beyond all it has been trained to, as far as its recipe goes.
            ahead = Stepping("batch", batch - self.loop.batch)
            # A change made at this batch may have caused the failure: try it again.
            self._move(Seeking(self.replay_to(self.loop.batch), ahead) if has_failed else ahead)
        else:
            self._move(Seeking(self.replay_to(batch)))
            self.tell_damage(batch)

    def tell_damage(self, batch: int) -> None:
        """Report it if a damaged checkpoint was found on the way to `batch`."""
        set_aside = self.history.checkpoints.set_aside
        if set_aside:
            self.restored = Restored(batch, "checkpoint_damaged", list(set_aside))

    def _reset(self) -> None:
        optimizer, batch_size = optimizer_settings(self.loop.optimizer), self.loop.batch_size
        self._move(None)
        self._recover()
        self.edit = None
        self.measuring = Measuring(self.series, self.data.test, self._clock)
        self.loop = make_loop(self.recipe.config, self.data)
        changes = resolve({"optimizer": optimizer, "batch_size": batch_size}, self.loop)
        self.history.start_again(changes, self.loop)
        apply(changes, self.loop)

    def _edit(self, settings: dict[str, Any]) -> None:
        """Change weights by hand, completely or not at all; it is an action of the recipe."""
        self._require_sound()
        if not self.at_boundary:
            raise AppError(
                "batch_under_way",
                "expected a run between two batches, got one in the middle of a batch",
                "Pause, step to the end of the batch, then try again.",
                status=409,
            )
        self.history.require_room()
        try:
            self.edit = make_edit(settings, self.loop, self.recipe.config, self.data)
        except EngineError as error:
            raise from_engine(error) from error
        self._move(None)
        self.history.record(settings, self.loop)
        self.measuring.forget(self.loop.batch)

    def _undo(self) -> None:
        discarded = self.history.discarded
        if discarded is not None:
            self._undo_reset(discarded)
            return
        if not self.can_undo:
            raise AppError(
                "nothing_to_undo",
                "expected a change by hand at this batch, or a reset just before, got neither",
                "Training is taken back by going back to an earlier batch.",
                status=409,
            )
        self._recover()
        self.history.take_back()
        self.measuring.forget(self.loop.batch)
        self._move(Seeking(self.replay_to(self.loop.batch)))

    def _undo_reset(self, discarded: Discarded) -> None:
        """Train again what the reset has discarded, to the same bits, up to its last batch."""
        self._recover()
        self.edit = None
        self.history.take_up(discarded)
        self.measuring.forget(0)
        self._move(Seeking(self.replay_to(0), Stepping("batch", discarded.batches)))

    def _require_sound(self) -> None:
        if self.error is not None:
            raise AppError(
                "run_failed",
                self.error.message,
                self.error.hint,
                status=409,
            )

    def _require_trainable(self) -> None:
        self._require_sound()
        if self.furthest >= MAX_BATCHES and self.loop.batch >= MAX_BATCHES:
            raise AppError(
                "run_too_long",
                f"expected at most {MAX_BATCHES:,} batches in a run, and they are done",
                "Reset the run, or make a new one.",
                status=409,
            )

    def _move(self, motion: Motion | None) -> None:
        self._motion = motion
        self._rate.clear()
        self.changed()

    def changed(self) -> None:
        """Note that there is something new to see."""
        self.version += 1

    # Work

    def use_threads(self, threads: int) -> None:
        """Let so many cores share the work; no bit of what is computed depends on it."""
        self.loop.threads = threads
        if isinstance(self._motion, Seeking):
            self._motion.replay.loop.threads = threads

    def wait(self) -> float | None:
        """Seconds until there is something to do: 0 for now, None if not before a command."""
        if self.measuring.under_way or self._due or self._has_study():
            return 0.0
        if self._motion is None:
            return None if self.measuring.knows(self.loop) or self.error is not None else 0.0
        if isinstance(self._motion, Playing):
            return self.pace.wait(self._clock())
        return 0.0

    def advance(self, until: float) -> None:
        """Work until the clock reaches `until` or there is nothing to do for now.

        The smallest piece of work is a phase at a given speed, otherwise a batch; the last one may
        end after `until`.
        """
        if isinstance(self._motion, Playing | Stepping):
            # A part of the slice is for measurements and studies beside the training.
            if self.measuring.is_due and not self._due:
                self.measuring.begin(self.loop)
            now = self._clock()
            enough = now + MEASURING_SHARE * (until - now)
            while self._measure() and self._clock() < enough:
                pass
            if self._study():
                self._work()  # a study's piece may outlast the slice: train all the same
        while self._clock() < until and self._work():
            pass

    def _work(self) -> bool:
        """Do the smallest piece of what is next; False if that has to wait."""
        if self._due:
            self._make_change()
            return True
        if self._motion is None:
            # Studies that somebody looks at come first, then the measurement of the present state.
            if self._study():
                return True
            if not self.measuring.under_way and self.error is None:
                self.measuring.begin(self.loop)
            return self._measure()
        if isinstance(self._motion, Seeking):
            self._replay(self._motion)
            return True
        if self.measuring.blocks(self.loop):
            return self._measure()
        if isinstance(self._motion, Stepping):
            self._take_step(self._motion)
            return True
        if self.pace.wait(self._clock()) > 0:
            return self._study() or self._measure()
        self._run(by_phase=self.pace.speed is not None)
        self.pace.ran(self._clock())
        return True

    def _take_step(self, step: Stepping) -> None:
        if step.remaining == 0:
            self._move(None)
            return
        self._run(by_phase=step.unit == "phase")
        if self._motion is step:
            self._count(step)

    def _count(self, step: Stepping) -> None:
        reached = {
            "phase": True,
            "batch": self.at_boundary,
            "epoch": self.at_boundary and self.loop.batch_in_epoch == 0,
        }
        if reached[step.unit]:
            step.remaining -= 1
        # Counted at once, so that a saved run goes on from here. But the step ends only when the
        # changes and the measurement due here are done.
        if step.remaining == 0 and not self._due and not self.measuring.blocks(self.loop):
            self._move(None)

    def _run(self, *, by_phase: bool) -> None:
        """Run the next phase, or the rest of the batch; stop the run if the numbers explode."""
        self.edit = None
        try:
            if by_phase:
                self.loop.run_phase()
            else:
                self.loop.run_batch()
        except NonFiniteError as error:
            self._stop(self._explosion(error))
            return
        self.changed()
        if self.at_boundary:
            self._finish_batch()

    def _finish_batch(self) -> None:
        loop = self.loop
        self._rate.mark(self._clock(), loop.batch)
        self.history.add_batch(loop)
        self._due.add(self.recipe.at(loop.batch), loop)
        if not self._due:
            self._end_batch()

    def _make_change(self) -> None:
        """Make one of the changes that the recipe makes at this batch."""
        try:
            self._due.make_one(self.loop)
        except NonFiniteError:
            self._stop(Failure(_exploded_by_change(self.loop.batch)), changes_too=False)
            return
        self.changed()
        if not self._due:
            self._end_batch()

    def _end_batch(self) -> None:
        if self.loop.batch_in_epoch == 0:
            self.measuring.begin(self.loop)
        if self.loop.batch >= MAX_BATCHES:
            self._move(None)

    def fail(self, failure: Failure) -> None:
        """Stop until a seek back or a reset."""
        self.measuring.abandon()
        self._due.clear()
        self._move(None)
        self.failure = failure

    def _recover(self) -> None:
        """Forget a failure: the run goes to a sound state."""
        self.failure = None

    def _stop(self, failure: Failure, *, changes_too: bool = True) -> None:
        """Fail between batches, and replay the last batch, whose tensors have been overwritten.

        With `changes_too` the replay also makes the recipe's changes at that batch.
        """
        self.fail(failure)
        batch = self.loop.batch
        self._move(Seeking(self.history.replay_to(batch, None, changes_too=changes_too)))
        self.tell_damage(batch)

    def _explosion(self, error: NonFiniteError) -> Failure:
        """What made the numbers of the batch at hand explode, and what to do about it.

        They are found before that batch's own step, so only earlier steps can be to blame.
        """
        batch, last_sound, sound = self.loop.batch, self._last_sound_batch(), None
        had_risen = last_sound < batch - 1
        if not had_risen and any(action.is_edit for action in self.recipe.at(batch)):
            way = "undo that, or reset" if self.can_undo else "reset"
            hint = (
                f"Weights changed by hand at batch {batch:,} have become too large, and no batch "
                f"has been trained since: {way}."
            )
        elif batch == 0:
            hint = (
                "No step has been made yet: its initial weights are too large. Make a run with "
                "other layers or another seed."
            )
        else:
            sound = last_sound
            hint = (
                f"Its steps have become too large: go back to batch {sound:,}, before the loss "
                "rose, or reset; then lower the learning rate."
            )
        message = (
            f"training has stopped in batch {error.batch:,}: "
            f"its {error.what} is {error.value}, not a finite number"
        )
        return Failure(AppError("not_finite", message, hint, status=409), sound)

    def _last_sound_batch(self) -> int:
        """The last batch, of those held in memory, after which the loss had not risen much."""
        first = self.series.first_held
        losses = self.series.columns(first)[0]
        sound = np.flatnonzero(losses <= RISEN * losses[:1])
        # A batch's loss is measured with the weights before its update.
        return first + int(sound[-1]) - 1 if sound.size else 0

    def _replay(self, seeking: Seeking) -> None:
        replay = seeking.replay
        try:
            if not replay.done:
                replay.advance()
        except NonFiniteError:  # in a change: the batches themselves did not fail before
            self.loop = replay.loop
            self._stop(Failure(_exploded_by_change(self.loop.batch)), changes_too=False)
            return
        if replay.done:
            self.loop = replay.loop
            self.edit = None
            self.measuring.abandon()
            self._go_on(seeking.then)

    def _go_on(self, then: Then) -> None:
        if isinstance(then, Failure):
            self.fail(then)
        else:
            self._move(then)
            self.pace.start(self._clock())

    def _measure(self) -> bool:
        """Do a piece of the measurement under way; False if there is none."""
        if not self.measuring.under_way:
            return False
        if self.measuring.advance(self.loop.threads, self.version + 1):
            self.changed()
        return True

    # Studies

    @property
    def moment(self) -> Moment:
        """The moment that a study made now would show."""
        loop = self.loop
        changes, rate = self.history.changes, loop.learning_rate
        return Moment(self.timeline, loop.batch, loop.phase, changes, rate)

    def _has_study(self) -> bool:
        if self._due or isinstance(self._motion, Seeking):
            return False
        return self.studies.has_work(self.moment, training=self.is_busy)

    def _study(self) -> bool:
        """Do a piece of a study that somebody looks at; False if there is none."""
        if not self._has_study():
            return False
        version = self.version + 1
        if self.studies.advance(self.loop, self.moment, version, training=self.is_busy):
            self.changed()
        return True


def _exploded_by_change(batch: int) -> AppError:
    return AppError(
        "not_finite",
        f"training has stopped at batch {batch}: a step on a drawing, which the recipe makes "
        "there, has a loss or a gradient that is not finite",
        "Go back before that batch, or reset. None of its changes at that batch has been made.",
        status=409,
    )
