"""Saved states of a run, from which any earlier batch is reached by replaying a little."""

from engine import LoopState

FIRST_INTERVAL = 32


class Checkpoints:
    """States at multiples of an interval, within a budget of bytes.

    When the budget is full, every second state goes and the interval doubles, so that any batch
    of a run of n batches is at most n * nbytes / budget (and at least 32) batches of replay away.
    Batch 0 needs no state: it is made again from the seed.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._interval = FIRST_INTERVAL
        self._states: dict[int, LoopState] = {}

    def due(self, batch: int) -> bool:
        """Whether a state at `batch` is wanted and not there yet."""
        return batch % self._interval == 0 and batch not in self._states

    def add(self, state: LoopState) -> None:
        """Keep `state`, and thin out the others until all fit the budget."""
        self._states[state.batch] = state
        while self._states and self.nbytes > self._budget:
            self._interval *= 2
            self._states = {
                batch: kept for batch, kept in self._states.items() if batch % self._interval == 0
            }

    def before(self, batch: int) -> LoopState | None:
        """The newest state at or before `batch`, None where that is the untrained network."""
        earlier = [saved for saved in self._states if saved <= batch]
        return self._states[max(earlier)] if earlier else None

    def cut(self, batch: int) -> None:
        """Forget the states after `batch`: their past is no longer this run's."""
        self._states = {saved: state for saved, state in self._states.items() if saved <= batch}

    @property
    def nbytes(self) -> int:
        """The bytes held."""
        return sum(state.nbytes for state in self._states.values())
