"""Named tensors that are views into one flat array."""

import math
from collections.abc import Iterator, Mapping

import numpy as np

from engine.arrays import Array
from engine.shared_memory import zeros_for


class NamedTensors(Mapping[str, Array]):
    """A mapping from names to views of `flat`, in order, each with its shape.

    Optimizers, copies and norms work on the whole of `flat`, everything else by name. A matrix
    (units, inputs) lies in `flat` input by input: all weights of one input are side by side, so
    that the inputs that are on can be picked out as whole rows.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], flat: Array) -> None:
        self.shapes = dict(shapes)
        self.flat = flat
        self._views: dict[str, Array] = {}
        start = 0
        for name, shape in self.shapes.items():
            stop = start + math.prod(shape)
            self._views[name] = flat[start:stop].reshape(shape, order="F")
            start = stop

    @classmethod
    def zeros(
        cls, shapes: Mapping[str, tuple[int, ...]], dtype: "np.dtype[np.floating]"
    ) -> "NamedTensors":
        """Tensors of zeros in a new flat array."""
        size = sum(map(math.prod, shapes.values()))
        return cls(shapes, zeros_for(size)(size, dtype))

    def beside(self, flat: Array, suffix: str = "") -> "NamedTensors":
        """Tensors of these shapes that view another flat array; `suffix` is added to each name."""
        return NamedTensors({name + suffix: s for name, s in self.shapes.items()}, flat)

    def grouped(self) -> dict[str, Array]:
        """A flat view of each layer's tensors, by the part of their names before the dot."""
        groups: dict[str, Array] = {}
        start = stop = 0
        names = list(self.shapes)
        for name, following in zip(names, [*names[1:], ""], strict=True):
            stop += self._views[name].size
            group = name.partition(".")[0]
            if following.partition(".")[0] != group:
                groups[group] = self.flat[start:stop]
                start = stop
        return groups

    def __reduce__(self) -> tuple[object, ...]:
        # A copy's views have to be views of the copy's flat array.
        return NamedTensors, (self.shapes, self.flat)

    def __getitem__(self, name: str) -> Array:
        return self._views[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)

    def __repr__(self) -> str:
        return (
            f"NamedTensors({', '.join(f'{name} {shape}' for name, shape in self.shapes.items())})"
        )
