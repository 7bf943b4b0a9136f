"""Bringing a training loop to an earlier batch by repeating what the recipe says."""

from collections.abc import Sequence

from app.runs.due import DueChanges
from app.runs.network import DataSet, make_loop
from app.runs.recipe import Action, Recipe
from engine import LoopState, Phase, TrainingLoop


class Replay:
    """A fresh loop on its way to `target`; the run's own loop is not touched.

    It begins at `start`, a saved state before `target` (None: the untrained network), so that the
    batch that leads to `target` really runs and its gradients and activations are there. `changed`
    says that `start` already has the changes made at its batch. `phase` is the last phase to run in
    the batch after `target`, None to stay between batches; `meanwhile` are the changes made in the
    middle of that batch. Without `changes_too` the changes at `target` itself are not made.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: DataSet,
        target: int,
        start: LoopState | None,
        *,
        changed: bool = False,
        phase: Phase | None = None,
        meanwhile: Sequence[Action] = (),
        changes_too: bool = True,
    ) -> None:
        self._recipe = recipe
        self._target = target
        self._phase = phase
        self._meanwhile = meanwhile
        self._changes_too = changes_too
        self.loop: TrainingLoop = make_loop(recipe.config, data)
        if start is not None:
            self.loop.restore(start)
        self._due = DueChanges()
        if not changed:
            self._take_changes()

    @property
    def done(self) -> bool:
        """Whether the loop has arrived."""
        at_phase = self._phase is None or self.loop.phase is self._phase
        return self.loop.batch >= self._target and not self._due and at_phase

    def advance(self) -> None:
        """Make one more change, or run one more batch, or one more phase of the last one."""
        if self._due:
            self._due.make_one(self.loop)
        elif self.loop.batch < self._target:
            self.loop.run_batch()
            self._take_changes()
        else:
            self.loop.run_phase()
            if self.loop.phase is self._phase:
                self._due.add(self._meanwhile, self.loop)

    def _take_changes(self) -> None:
        if self._changes_too or self.loop.batch < self._target:
            self._due.add(self._recipe.at(self.loop.batch), self.loop)
