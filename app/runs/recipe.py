"""A recipe: the configuration of a run and the log of what was changed at which batch."""

import hashlib
import json
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

# Settings that can be merged: of two changes at one batch only the later counts. All others also
# change the network or the optimizer's state (switching momentum off drops the velocity), so each
# is an action of its own.
MERGED = {"learning_rate", "batch_size"}
# Changes of weights by hand, which can be taken back.
EDITS = {"weight", "drawing"}


@dataclass(frozen=True, slots=True)
class Action:
    """A change that holds from batch `batch` on."""

    batch: int
    settings: dict[str, Any]

    @property
    def is_edit(self) -> bool:
        """Whether it changes weights by hand."""
        return not EDITS.isdisjoint(self.settings)

    def to_json(self) -> dict[str, Any]:
        """The action as the log's JSON has it."""
        return {"batch": self.batch, "set": self.settings}


@dataclass(slots=True)
class Recipe:
    """The configuration and the log, in the order of the batches.

    The state of a run at batch n is a pure function of its recipe and n.
    """

    config: dict[str, Any]
    actions: list[Action] = field(default_factory=list)

    def record(self, batch: int, settings: dict[str, Any]) -> None:
        """Note that `settings` hold from `batch` on.

        Settings at one batch are merged, and the later one wins. A named optimizer or a momentum
        gets an entry of its own: switching away and back starts with fresh state, which merging
        would hide.
        """
        index = bisect_right(self.actions, batch, key=lambda action: action.batch)
        previous = self.actions[index - 1] if index else None
        mergeable = previous is not None and previous.batch == batch and not previous.is_edit
        if previous is not None and mergeable and MERGED.issuperset(settings):
            self.actions[index - 1] = Action(batch, previous.settings | settings)
        else:
            self.actions.insert(index, Action(batch, settings))

    def name_at(self, batch: int) -> str:
        """A hash of all that decides the state at `batch`, before the changes made there."""
        past = [action.to_json() for action in self.actions if action.batch < batch]
        return hashlib.sha256(json.dumps([self.config, past]).encode()).hexdigest()

    def discard_after(self, batch: int) -> None:
        """Drop the changes made at later batches."""
        self.actions = [action for action in self.actions if action.batch <= batch]

    def at(self, batch: int) -> list[Action]:
        """The changes that hold from exactly `batch` on, in the order they were made."""
        return [action for action in self.actions if action.batch == batch]
