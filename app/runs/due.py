"""The changes of a recipe at the batch where a loop stands, made one at a time."""

from collections import deque
from collections.abc import Sequence

from app.runs.network import apply
from app.runs.recipe import Action
from engine import LoopState, NonFiniteError, TrainingLoop


class DueChanges:
    """Changes still to be made. A batch may have thousands, and other runs wait meanwhile."""

    def __init__(self) -> None:
        self._actions: deque[Action] = deque()
        self._before: LoopState | None = None

    def __len__(self) -> int:
        return len(self._actions)

    def add(self, actions: Sequence[Action], loop: TrainingLoop) -> None:
        """Add all changes that are due where `loop` stands."""
        self._actions.extend(actions)
        if any("drawing" in action.settings for action in actions):
            self._before = loop.state()

    def make_one(self, loop: TrainingLoop) -> None:
        """Make the next change.

        Raises NonFiniteError if it is a step on a drawing whose numbers explode (only a recipe
        written by hand can ask for one); then all changes of the batch are undone.
        """
        try:
            apply(self._actions.popleft().settings, loop)
        except NonFiniteError:
            if self._before is not None:
                loop.restore(self._before)
            self.clear()
            raise
        if not self._actions:
            self.clear()

    def clear(self) -> None:
        """Drop the changes that have not been made."""
        self._actions.clear()
        self._before = None
