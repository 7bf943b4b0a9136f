"""The arrays in which batches are computed: made once, cut to each batch's size."""

import numpy as np

from engine.arrays import Array
from engine.chain import gradient_name
from engine.compilation import LOSS, PER_SAMPLE, CompiledNetwork, X, Y, value_widths
from engine.named_tensors import NamedTensors
from engine.shared_memory import Zeros

# With fewer columns, a row is too short for a fast sum along it: softmax takes twice as long.
NARROW = 64


class Workspace:
    """Buffers for batches of up to `capacity` samples; a smaller batch uses as much as it needs.

    The results (n, units) of a layer of few units lie in memory unit by unit, all others sample by
    sample, which makes products faster. The chain reads and writes `values(n)`, the gradient
    function `gradients(n)`. Both return the same dictionaries of views until n changes.
    """

    def __init__(
        self,
        compiled: CompiledNetwork,
        parameters: NamedTensors,
        targets: Array,
        capacity: int,
        gradients: NamedTensors | None = None,
        zeros: Zeros = np.zeros,
    ) -> None:
        dtype = parameters.flat.dtype
        features = next(iter(parameters.shapes.values()))[1]
        self._fixed_values: dict[str, Array] = {**parameters, LOSS: zeros((), dtype)}
        start = zeros((), dtype)
        start[...] = 1
        self._fixed_gradients: dict[str, Array] = {gradient_name(LOSS): start}
        self._rows: dict[str, Array] = {
            X: zeros((capacity, features), dtype),
            Y: zeros((capacity, *targets.shape[1:]), targets.dtype),
            PER_SAMPLE: zeros(capacity, dtype),
        }
        self._widths = value_widths(compiled.layers)
        self._columns = {
            name: zeros(capacity * width, dtype) for name, width in self._widths.items()
        }
        self._gradient_rows: dict[str, Array] = {}
        self._gradient_columns: dict[str, Array] = {}
        if gradients is not None:
            self._fixed_gradients.update(gradients)
            for factor in compiled.gradient_function.factors:
                name = factor.target
                if name in self._rows:
                    like = self._rows[name]
                    self._gradient_rows[gradient_name(name)] = zeros(like.shape, like.dtype)
                elif name in self._columns:
                    like = self._columns[name]
                    self._gradient_columns[gradient_name(name)] = zeros(like.size, like.dtype)
                    self._widths[gradient_name(name)] = self._widths[name]
        # d(loss)/d(loss) = 1, where the chain rule starts, is not a result.
        self.gradient_names = (*self._gradient_rows, *self._gradient_columns, *(gradients or ()))
        self._n = -1
        self._values: dict[str, Array] = {}
        self._gradients: dict[str, Array] = {}

    def values(self, n: int) -> dict[str, Array]:
        """Samples, targets, parameters and results for a batch of n."""
        self._cut(n)
        return self._values

    def gradients(self, n: int) -> dict[str, Array]:
        """Gradients of parameters and of intermediate values, for a batch of n."""
        self._cut(n)
        return self._gradients

    def _cut(self, n: int) -> None:
        if n == self._n:
            return
        self._n = n
        self._values = self._views(self._rows, self._columns, n, NARROW) | self._fixed_values
        results = self._views(self._gradient_rows, self._gradient_columns, n, 0)
        self._gradients = results | self._fixed_gradients

    def _views(
        self, rows: dict[str, Array], columns: dict[str, Array], n: int, narrow: int
    ) -> dict[str, Array]:
        views = {name: array[:n] for name, array in rows.items()}
        for name, array in columns.items():
            width = self._widths[name]
            views[name] = array[: n * width].reshape(n, width, order="F" if width < narrow else "C")
        return views
