"""The arrays that batches are computed in: made once, cut to each batch's size."""

import numpy as np

from engine.arrays import Array
from engine.chain import gradient_name
from engine.compilation import LOSS, PER_SAMPLE, CompiledNetwork, X, Y, value_widths
from engine.named_tensors import NamedTensors


class Workspace:
    """Buffers for batches of up to `capacity` samples; a smaller batch uses their leading rows.

    `values(n)` are what the chain reads and writes, `gradients(n)` what the gradient function
    does. Both are the same dictionaries of views until another n is asked for.
    """

    def __init__(
        self,
        compiled: CompiledNetwork,
        parameters: NamedTensors,
        targets: Array,
        capacity: int,
        gradients: NamedTensors | None = None,
    ) -> None:
        dtype = parameters.flat.dtype
        features = next(iter(parameters.shapes.values()))[1]
        self.capacity = capacity
        self._fixed_values: dict[str, Array] = {**parameters, LOSS: np.zeros((), dtype)}
        self._fixed_gradients: dict[str, Array] = {gradient_name(LOSS): np.ones((), dtype)}
        self._rows: dict[str, Array] = {
            X: np.empty((capacity, features), dtype),
            Y: np.empty((capacity, *targets.shape[1:]), targets.dtype),
            PER_SAMPLE: np.empty(capacity, dtype),
        }
        for name, width in value_widths(compiled.layers).items():
            self._rows[name] = np.empty((capacity, width), dtype)
        self._gradient_rows: dict[str, Array] = {}
        if gradients is not None:
            self._fixed_gradients.update(gradients)
            for factor in compiled.gradient_function.factors:
                if factor.target in self._rows:
                    like = self._rows[factor.target]
                    self._gradient_rows[gradient_name(factor.target)] = np.empty_like(like)
        # The starting point of the chain rule, d(loss)/d(loss) = 1, is no result.
        self.gradient_names = (*self._gradient_rows, *(gradients or ()))
        self._n = -1
        self._values: dict[str, Array] = {}
        self._gradients: dict[str, Array] = {}

    def values(self, n: int) -> dict[str, Array]:
        """Samples, targets, parameters and results for a batch of n."""
        self._cut(n)
        return self._values

    def gradients(self, n: int) -> dict[str, Array]:
        """Gradients of parameters and of the values between, for a batch of n."""
        self._cut(n)
        return self._gradients

    def _cut(self, n: int) -> None:
        if n == self._n:
            return
        self._n = n
        self._values = {name: rows[:n] for name, rows in self._rows.items()} | self._fixed_values
        cut = {name: rows[:n] for name, rows in self._gradient_rows.items()}
        self._gradients = cut | self._fixed_gradients
