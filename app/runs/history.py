"""What a run has been: its recipe, its series, and saved states to go back to."""

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

# Of how many timelines it is known where they begin. Whoever knows an earlier one begins anew.
KNOWN_TIMELINES = 256


@dataclass(frozen=True, slots=True)
class Discarded:
    """What a reset has discarded: all it takes to train it again."""

    batches: int
    actions: list[Action]
    follows_to: int | None

    @property
    def is_work(self) -> bool:
        """Whether there is more to bring back than settings, which a reset leaves as they are."""
        edited = any(action.is_edit for action in self.actions)
        return self.batches > 0 or self.follows_to is not None or edited

    def to_json(self) -> dict[str, int | None]:
        """How much it was, as the state tells it."""
        ahead = self.follows_to if (self.follows_to or 0) > self.batches else None
        return {"batches": self.batches, "changes": len(self.actions), "pending": ahead}


class History:
    """The past of a run, and the future it had before it went back.

    `timeline_starts` has the batch at which each timeline from `first_timeline` on begins: a new
    one does when a future is discarded. `follows_to` is how far the recipe goes that this run was
    made from. `changes` grows with every change of the log.
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
        # By the last reset, until something else is trained or changed.
        self.discarded: Discarded | None = None
        self.checkpoints = checkpoints(recipe)
        self._data = data

    @property
    def furthest(self) -> int:
        """The last batch the run has been trained to."""
        return self.series.length

    @property
    def pending(self) -> int | None:
        """How far the recipe goes that lies ahead; None where the run has been through it."""
        ahead = self.follows_to is not None and self.follows_to > self.furthest
        return self.follows_to if ahead else None

    @property
    def timeline(self) -> int:
        """How often a future has been discarded."""
        return self.first_timeline + len(self.timeline_starts) - 1

    def changed_from(self, batch: int, timeline: int) -> int:
        """The first batch that is new to whoever knows those before `batch` of a timeline.

        With each future discarded since then, all after its cut is new.
        """
        since = timeline + 1 - self.first_timeline
        if since < 0:  # it is not known any more where that one was left
            return 1
        return min([batch, *(cut + 1 for cut in self.timeline_starts[since:])])

    def require_room(self) -> None:
        """Raise `AppError` where the log can take no further change, which may be two actions."""
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
        """Forget everything, as a reset does; what stays of the run's settings is noted anew."""
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
        """Follow from batch 0 what was discarded, and what lay ahead of it as a recipe."""
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
        """The same, or unless the recipe it follows goes that far."""
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
        """A loop on its way to `batch`, from the nearest state before it, `loop`'s own included.

        `phase` is the last phase to run in the batch after it, None to stay between the batches.
        Without `changes_too` what the recipe changes at `batch` is left out.
        """
        start = self.checkpoints.before(batch - 1)
        nearest = start.batch if start is not None else 0
        changed = False
        if loop is not None and loop.next_phase is Phase.DRAW and nearest < loop.batch < batch:
            start, changed = loop.state(), True
        # Where nothing lies ahead, what the log has there was set in the midst of the batch.
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
