"""Weights and biases that are set by hand, and what they were before."""

import operator

from engine.arrays import Array
from engine.checks import real_number
from engine.errors import ConfigurationError
from engine.named_tensors import NamedTensors

# The largest value that may be set: far below the end of float32, so that no sum overflows.
LARGEST_PARAMETER = 1e6


class ByHand:
    """Sets parameters one at a time, and remembers the value of each before it was first set."""

    def __init__(self, parameters: NamedTensors) -> None:
        self._parameters = parameters
        self._before: dict[tuple[str, tuple[int, ...]], float] = {}

    def set(self, name: str, index: tuple[int, ...], value: float) -> None:
        """Set one weight or bias. Raises ConfigurationError, with nothing changed."""
        if name not in self._parameters:
            raise ConfigurationError(
                f"expected the name of a parameter, got {name!r:.60}",
                f"choose among {', '.join(self._parameters)}",
            )
        tensor = self._parameters[name]
        place = _place(index, tensor.shape)
        if place is None:
            raise ConfigurationError(
                f"expected an index into {name} of shape {tensor.shape}, got {index!r:.60}",
                "count from 0",
            )
        if not abs(real_number(value, f"the value of {name}")) <= LARGEST_PARAMETER:
            raise ConfigurationError(
                f"expected a value from {-LARGEST_PARAMETER:,.0f} to {LARGEST_PARAMETER:,.0f}, "
                f"got {value}",
                "most weights lie between -1 and 1",
            )
        self._before.setdefault((name, place), float(tensor[place]))
        tensor[place] = value

    def undo_in(self, tensors: NamedTensors) -> None:
        """Restore the values from before in `tensors`, a copy of the parameters."""
        for (name, index), before in self._before.items():
            tensors[name][index] = before

    def undo_in_row(self, name: str, row: int, values: Array) -> None:
        """Restore the values from before in `values` (1, …), a copy of one row of a parameter."""
        for (other, (first, *rest)), before in self._before.items():
            if (other, first) == (name, row):
                values[(0, *rest)] = before

    def forget(self) -> None:
        """Take the present values as those from before."""
        self._before.clear()


def _place(index: object, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """The index as a tuple of ints, or None if it does not name one element."""
    if not isinstance(index, tuple) or len(index) != len(shape):
        return None
    try:
        place = tuple(map(operator.index, index))
    except TypeError:
        return None
    return place if all(0 <= i < size for i, size in zip(place, shape, strict=True)) else None
