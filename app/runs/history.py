"""The past of a run: its recipe, its series, and saved states to go back to."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.config import MAX_ACTIONS
from app.errors import AppError, require_at_most
from app.runs.network import DataSet
from app.runs.recipe import Action, Recipe
from app.runs.replay import Replay
from app.runs.series import Series
from app.storage.checkpoints import Checkpoints
from engine import Phase, TrainingLoop

# The run knows where so many timelines begin. A viewer with an earlier one gets all anew.
KNOWN_TIMELINES = 256


@dataclass(frozen=True, slots=True)
class Discarded:
    """What a reset has discarded: everything that is needed to train it again."""

    batches: int
    actions: list[Action]
    follows_to: int | None

    @property
    def is_work(self) -> bool:
        """Whether there is more to bring back than settings, which a reset does not change."""
        edited = any(action.is_edit for action in self.actions)
        return self.batches > 0 or self.follows_to is not None or edited

    def to_json(self) -> dict[str, int | None]:
        """How much was discarded, as the state reports it."""
        ahead = self.follows_to if (self.follows_to or 0) > self.batches else None
        return {"batches": self.batches, "changes": len(self.actions), "pending": ahead}


class History:
    """The past of a run, and the future it had before it went back.

    A new timeline begins when a future is discarded; `timeline_starts` has the batch at which each
    timeline from `first_timeline` on begins. `follows_to` is how far the recipe goes from which
    this run was made. `changes` grows with every change of the log.
    """

    def __init__(
        self, recipe: Recipe, data: DataSet, checkpoints: Callable[[Recipe], Checkpoints]
    ) -> None:
        self.recipe = recipe
        self.series = Series()
        self.timeline_starts = [0]
        self.first_timeline = 0
        self.follows_to: int | None = None
        self.changes = 0
        # What the last reset discarded, until something else is trained or changed.
        self.discarded: Discarded | None = None
        self.checkpoints = checkpoints(recipe)
        self._data = data

    @property
    def furthest(self) -> int:
        """The last batch the run has been trained to."""
        return self.series.length

    @property
    def pending(self) -> int | None:
        """How far the recipe ahead goes; None if the run has been through it, or follows none."""
        ahead = self.follows_to is not None and self.follows_to > self.furthest
        return self.follows_to if ahead else None

    @property
    def timeline(self) -> int:
        """How often a future has been discarded."""
        return self.first_timeline + len(self.timeline_starts) - 1

    def changed_from(self, batch: int, timeline: int) -> int:
        """The first batch that is new to a viewer that has those before `batch` of `timeline`.

        For each future discarded since then, everything after its cut is new.
        """
        since = timeline + 1 - self.first_timeline
        if since < 0:  # where that timeline was left is forgotten
            return 1
        return min([batch, *(cut + 1 for cut in self.timeline_starts[since:])])

    def require_room(self) -> None:
        """Raise `AppError` if the log has no room for another change, which may be two actions."""
        if len(self.recipe.actions) > MAX_ACTIONS - 2:
            raise AppError(
                "too_many_changes",
                f"expected at most {MAX_ACTIONS:,} changes in a run",
                "Reset the run to start a new log of changes.",
                status=409,
            )

    def record(self, settings: dict[str, Any], loop: TrainingLoop) -> None:
        """Note a change made now. It discards what lay ahead."""
        if self.furthest > loop.batch:
            self.discard_after(loop.batch)
        in_batch = loop.next_phase is not Phase.DRAW
        # A batch size set in this batch stands at the next one; what a recipe has there goes.
        own_ahead = in_batch and self.pending is None
        self.recipe.discard_after(loop.batch + own_ahead)
        self.follows_to = None
        now = dict(settings)
        if in_batch and "batch_size" in now:
            # The batch at hand is drawn already: the new size holds from the next one on.
            self.recipe.record(loop.batch + 1, {"batch_size": now.pop("batch_size")})
        if now:
            self.recipe.record(loop.batch, now)
        self._note_change()

    def _note_change(self) -> None:
        self.changes += 1
        self.discarded = None

    def take_back(self) -> None:
        """Drop the last change from the log."""
        self.recipe.actions.pop()
        self._note_change()

    def discard_after(self, batch: int) -> None:
        """Forget whatever came after `batch`; a new timeline begins there."""
        self.recipe.discard_after(batch)
        self.series.cut(batch)
        self.checkpoints.cut(batch)
        self.timeline_starts.append(batch)
        self.first_timeline += len(self.timeline_starts[:-KNOWN_TIMELINES])
        del self.timeline_starts[:-KNOWN_TIMELINES]

    def start_again(self, settings: dict[str, Any], loop: TrainingLoop) -> None:
        """Forget everything, as a reset does, and log the settings that stay."""
        everything = Discarded(self.furthest, self.recipe.actions.copy(), self.follows_to)
        # A second reset in a row discards nothing more.
        discarded = everything if everything.is_work else self.discarded
        self._forget()
        if settings:
            self.record(settings, loop)
        self.discarded = discarded

    def _forget(self) -> None:
        self.discard_after(0)
        self.recipe.actions.clear()
        self.follows_to = None

    def take_up(self, discarded: Discarded) -> None:
        """Follow again from batch 0 what was discarded, and the recipe that lay ahead of it."""
        self._forget()
        self.recipe.actions.extend(discarded.actions)
        self.follows_to = max(discarded.batches, discarded.follows_to or 0)
        self._note_change()

    def add_batch(self, loop: TrainingLoop) -> None:
        """Note a completed batch, before the changes at it are applied."""
        if loop.batch > self.furthest:
            if loop.last_loss is None or loop.last_accuracy is None:
                raise RuntimeError("a completed batch has a loss and an accuracy")
            if loop.batch > self.furthest + 1:
                raise RuntimeError(f"batch {loop.batch} does not follow {self.furthest}")
            self.discarded = None
            self.series.append(
                loss=loop.last_loss,
                accuracy=loop.last_accuracy,
                learning_rate=loop.learning_rate,
                gradient_norm=math.hypot(*loop.gradient_norms.values()),
            )
        if self.checkpoints.due(loop.batch):
            self.checkpoints.add(loop.state())

    def require_reached(self, batch: int) -> None:
        """Raise `AppError` unless the run has been trained to `batch` at some time."""
        require_at_most(self.furthest, "the furthest this run has been trained to", batch)

    def require_known(self, batch: int) -> None:
        """The same, but also accept batches that the recipe ahead reaches."""
        if self.pending is None:
            self.require_reached(batch)
        else:
            require_at_most(self.pending, "as far as the recipe of this run goes", batch)

    def replay_to(
        self,
        batch: int,
        loop: TrainingLoop | None,
        phase: Phase | None = None,
        *,
        changes_too: bool = True,
    ) -> Replay:
        """A loop on its way to `batch`, from the nearest state before it; that may be `loop`'s own.

        `phase` is the last phase to run in the batch after it, None to stay between batches.
        Without `changes_too` the recipe's changes at `batch` itself are not made.
        """
        start = self.checkpoints.before(batch - 1)
        nearest = start.batch if start is not None else 0
        changed = False
        if loop is not None and loop.next_phase is Phase.DRAW and nearest < loop.batch < batch:
            start, changed = loop.state(), True
        # If nothing lies ahead, changes in the log at the next batch were made in mid-batch.
        is_last = self.pending is None and batch == self.furthest
        meanwhile = self.recipe.at(batch + 1) if is_last else []
        return Replay(
            self.recipe,
            self._data,
            batch,
            start,
            changed=changed,
            phase=phase,
            meanwhile=meanwhile,
            changes_too=changes_too,
        )
