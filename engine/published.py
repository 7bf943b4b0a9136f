"""The tensors that phases have published, by name."""

from collections.abc import Mapping

from engine.arrays import Array
from engine.errors import NotComputedError
from engine.traces import Phase


class PublishedTensors:
    """What each phase computed last; a name without an array is one whose phase has yet to run."""

    def __init__(self, phases: Mapping[str, Phase]) -> None:
        self.phases = dict(phases)
        self._arrays: dict[str, Array] = {}

    def publish(self, arrays: Mapping[str, Array]) -> None:
        """Take over arrays that were just computed."""
        self._arrays.update(arrays)

    def names(self) -> list[str]:
        """The names of the arrays there are."""
        return list(self._arrays)

    def withdraw(self) -> None:
        """Forget all arrays: their batch failed, or belongs to another past."""
        self._arrays.clear()

    def get(self, name: str) -> Array:
        """The array of that name; a NotComputedError says which phase has to run first."""
        try:
            return self._arrays[name]
        except KeyError:
            raise NotComputedError(
                f"expected {name} to be computed, got a batch in which it is not",
                f"run the phase {self.phases[name].value} first",
            ) from None
