"""The inputs that are on anywhere in a batch, and the first layer cut down to them.

A third of MNIST's pixels are 0 in every image of a batch: their weights change no sum, and their
gradient is exactly 0. The products of a first layer that is large are made without them.
"""

import numpy as np

from engine.arrays import Array, FloatType
from engine.shared_memory import Zeros

# Above this share of inputs, picking them out costs more than it saves.
DENSE = 7 / 8


class ActiveInputs:
    """Picks the active inputs out of a `block` of them: their data and weights; spreads gradients.

    Room for `capacity` samples. `find` counts the inputs that are used: `used` is k, or None where
    all are. `gather` picks them out of the batch and the weights: `x_used` (n, k), `weights_used`
    (units, k). The gradient with respect to these weights is computed into the same memory, since
    the backward pass does not need them; `spread` writes it where it belongs in the whole, with
    zeros between. A copy in another process finds and counts for this one, since all is kept in
    the arrays.
    """

    def __init__(
        self, capacity: int, block: slice, units: int, dtype: FloatType, zeros: Zeros
    ) -> None:
        self.block = block
        inputs = block.stop - block.start
        self._most = int(inputs * DENSE)
        self._indices = zeros(self._most, np.intp)
        self._places = zeros(inputs, np.intp)
        self._counted = zeros(self._most, np.intp)
        self._counted[:] = np.arange(self._most)
        self._used = zeros(1, np.intp)  # −1 for all
        self._x = zeros(capacity * self._most, dtype)
        self._rows = zeros((self._most + 1, units), dtype)  # k rows, and one of zeros

    @property
    def used(self) -> int | None:
        """How many inputs are used, k, or None for all of the block."""
        k = int(self._used[0])
        return None if k < 0 else k

    def find(self, x: Array) -> None:
        """Find which of the block's inputs are on, from its columns x of the batch."""
        active = inputs_on(x).nonzero()[0]
        k = len(active)
        if k > self._most:
            self._used[0] = -1
            return
        self._used[0] = k
        np.add(active, self.block.start, out=self._indices[:k])
        self._places.fill(k)
        self._places[active] = self._counted[:k]
        self._rows[k] = 0  # where the places of those that are off point

    def gather(self, x: Array, weights: Array) -> None:
        """Pick the active columns out of the batch x (n, inputs) and weights (units, inputs)."""
        k = self.used
        if k is not None:
            indices = self._indices[:k]
            # With mode="clip" take() writes straight into `out`; the default mode buffers.
            x.take(indices, axis=1, out=self.x_used(x), mode="clip")
            weights.T.take(indices, axis=0, out=self._rows[:k], mode="clip")

    def x_used(self, x: Array) -> Array:
        """The block's columns of the batch (n, inputs) without those that are off."""
        k = self.used
        return x[:, self.block] if k is None else self._x[: len(x) * k].reshape(len(x), k)

    def weights_used(self, weights: Array) -> Array:
        """The weights of the active inputs, or the gradient with respect to them (units, k)."""
        k = self.used
        return weights[:, self.block] if k is None else self._rows[:k].T

    def square(self, gradient: Array, out: Array) -> None:
        """The sum of the squares of the gradient with respect to the weights that are used."""
        flat = self.weights_used(gradient).reshape(-1, order="F")
        np.dot(flat, flat, out=out)

    def spread(self, gradient: Array) -> None:
        """Write what was computed there into the block of the gradient (units, inputs)."""
        k = self.used
        if k is not None:
            block = gradient.T[self.block]
            self._rows[: k + 1].take(self._places, axis=0, out=block, mode="clip")


def inputs_on(x: Array) -> Array:
    """Which columns of x (n, inputs) hold anything but zeros."""
    # A number is 0 if all its bits are. −0 counts as on, which does no harm. Looking at eight
    # bytes at a time is what makes it fast.
    number = np.dtype(f"u{x.itemsize}")
    word = np.dtype(np.uint64) if x.shape[1] * x.itemsize % 8 == 0 else number
    bits: Array = np.bitwise_or.reduce(x.view(word), axis=0)
    on: Array = bits.view(number) != 0
    return on
