"""The inputs that are on anywhere in a batch, and the first layer cut down to them.

A third of MNIST's pixels are 0 in every image of a batch: their weights change no sum, and their
gradient is exactly 0. The first layer's products are made without them.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from engine.arrays import Array, FloatType
from engine.plan import Task
from engine.shared_memory import Zeros

# The number of inputs used is rounded up to a multiple of this (with one that is off, whose zeros
# change no sum), so that few sizes occur and the calls for each can be kept.
STEP = 16
# Above this share of inputs, picking them out costs more than it saves.
DENSE = 7 / 8


class ActiveInputs:
    """Picks the active inputs out of a `block` of them: their data and weights; spreads gradients.

    Room for `capacity` samples. `find` counts the inputs that are used: `used` is k, or None where
    all are. `gather` fills `x(n, k)` and `weights(k)`. The gradient with respect to these weights
    is computed into the same memory, since the backward pass does not need them; `spread` writes
    it where it belongs in the block's, with zeros between. A copy in another process finds and
    counts for this one, since all is kept in the arrays.
    """

    def __init__(
        self, capacity: int, block: slice, units: int, dtype: FloatType, zeros: Zeros
    ) -> None:
        self.block = block
        inputs = block.stop - block.start
        self._most = int(inputs * DENSE) // STEP * STEP
        self._indices = zeros(self._most, np.intp)
        self._places = zeros(inputs, np.intp)
        self._counted = zeros(self._most, np.intp)
        self._counted[:] = np.arange(self._most)
        self._used = zeros(1, np.intp)
        self._x = zeros(capacity * self._most, dtype)
        self._rows = zeros((self._most + 1, units), dtype)  # one more, which stays zero

    @property
    def used(self) -> int | None:
        """How many inputs are used, k, or None for all of the block."""
        return int(self._used[0]) or None

    def find(self, x: Array) -> None:
        """Find which of the block's inputs are on, from its columns x of the batch."""
        on = inputs_on(x)
        active = on.nonzero()[0]
        k = -(-max(len(active), 1) // STEP) * STEP
        if k > self._most:
            self._used[0] = 0
            return
        self._used[0] = k
        first = self.block.start
        np.add(active, first, out=self._indices[: len(active)])
        self._indices[len(active) : k] = first + on.argmin()  # one that is off, if need be often
        self._places.fill(k)
        self._places[active] = self._counted[: len(active)]
        self._rows[k] = 0  # where the places of those that are off point

    def x(self, n: int, k: int) -> Array:
        """The block's columns of the batch without those that are off."""
        return self._x[: n * k].reshape(n, k)

    def weights(self, k: int) -> Array:
        """The weights of the active inputs (units, k), or the gradient with respect to them."""
        return self._rows[:k].T

    def gather(self, k: int, x: Array, weights: Array) -> Task:
        """The calls that copy the active columns of `x` and of `weights` (units, inputs)."""
        indices = self._indices[:k]
        return (
            _take(x, indices, 1, self.x(len(x), k)),
            _take(weights.T, indices, 0, self._rows[:k]),
        )

    def spread(self, k: int, gradient: Array) -> Task:
        """The call that writes `weights(k)`, now a gradient, into the whole (units, inputs)."""
        return (_take(self._rows[: k + 1], self._places, 0, gradient.T[self.block]),)


def inputs_on(x: Array) -> Array:
    """Which columns of x (n, inputs) hold anything but zeros."""
    # A number is 0 if all its bits are. −0 counts as on, which does no harm. Looking at eight
    # bytes at a time is what makes it fast.
    number = np.dtype(f"u{x.itemsize}")
    word = np.dtype(np.uint64) if x.shape[1] * x.itemsize % 8 == 0 else number
    bits: Array = np.bitwise_or.reduce(x.view(word), axis=0)
    on: Array = bits.view(number) != 0
    return on


def _take(source: Array, indices: Array, axis: int, out: Array) -> Callable[[], object]:
    # With mode="clip" take() writes straight into `out`; the default mode buffers.
    return partial(source.take, indices, axis=axis, out=out, mode="clip")
