"""The inputs that are on anywhere in a batch, and the first layer cut down to them.

A third of MNIST's pixels are 0 in every image of a batch: their weights change no sum, and their
gradient is exactly 0. A large first layer computes its products without them.
"""

from collections.abc import Callable

import numpy as np

from engine.arrays import Array, FloatType
from engine.shared_memory import Zeros

# If more than this share of a block's inputs are on in most batches, leaving out the others costs
# more than it saves.
DENSE = 7 / 8
# An input that is on in more than this share of batches is always used.
FREQUENT = 9 / 10


class ActiveInputs:
    """Picks out the inputs of a `block` that a batch uses: their data and their weights.

    There is room for `capacity` samples. The `frequent` inputs, which are on in most batches of the
    size given to `expect`, are always used and need not be looked up; `find` adds the rare ones
    that are on. `used` is the number k of both, or None if all inputs of the block are used.
    `gather_x` and `gather_weights` pick them out: `x_used` (n, k), `weights_used` (units, k). The
    backward pass does not need these weights, so the gradient with respect to them may be computed
    in the same memory, `rows` (inputs + 1, units). `spread` copies it to its places in the whole
    gradient, with zeros between. All state is in the arrays, so a copy of this object in another
    process can find and count inputs for this one.
    """

    def __init__(
        self,
        capacity: int,
        block: slice,
        units: int,
        dtype: FloatType,
        zeros: Zeros,
    ) -> None:
        self.block = block
        inputs = block.stop - block.start
        self._counts = zeros(2, np.intp)  # of frequent and of used inputs; −1: all are used
        self._order = zeros(inputs, np.intp)  # numbers within the block, frequent inputs first
        self._indices = zeros(inputs, np.intp)  # of the used inputs, among all inputs
        self._rare_on = zeros(inputs, np.intp)  # numbers among the rare
        self._places = zeros(inputs, np.intp)
        self._counted = zeros(inputs, np.intp)
        self._counted[:] = np.arange(inputs)
        self._x = zeros(capacity * inputs, dtype)
        self.rows = zeros((inputs + 1, units), dtype)  # k rows, and one of zeros

    def expect(self, n: int, shares: Array) -> None:
        """Choose the frequent inputs for batches of n samples.

        `shares` (inputs,) is the share of all samples in which each input of the block is on.
        """
        is_frequent = shares > 1 - (1 - FREQUENT) ** (1 / n)
        m = int(np.count_nonzero(is_frequent))
        self._counts[:] = m, -1
        if m <= DENSE * len(self._order):
            self._order[:m], self._order[m:] = is_frequent.nonzero()[0], (~is_frequent).nonzero()[0]
            np.add(self._order[:m], self.block.start, out=self._indices[:m])
            self._counts[1] = m

    @property
    def frequent(self) -> int:
        """How many inputs are always used (unless all of the block are); they come first."""
        m: int = self._counts.item(0)
        return m

    @property
    def used(self) -> int | None:
        """The number k of inputs that are used, or None if all of the block are."""
        k: int = self._counts.item(1)
        return None if k < 0 else k

    @property
    def rare_on(self) -> Array:
        """The rare inputs that are used, by their numbers among the rare (k − frequent,)."""
        return self._rare_on[: self._counts.item(1) - self.frequent]

    def frequent_and_rare(self) -> tuple[Array, Array]:
        """The numbers of the frequent inputs, and those of the rare ones, within the block."""
        return self._order[: self.frequent], self._order[self.frequent :]

    def find(self, words: Array, kind: "np.dtype[np.unsignedinteger]") -> None:
        """Find the block's rare inputs that are on, from the `bits` of its columns of x.

        An input of −0 counts as on, which does no harm.
        """
        if self.used is None:
            return
        m = self.frequent
        rare = self._order[m:]
        joined = np.bitwise_or.reduce(words, axis=0).view(kind)
        found = joined.take(rare).nonzero()[0]
        k = m + len(found)
        self._counts[1] = k
        self._rare_on[: k - m] = found
        np.add(rare.take(found), self.block.start, out=self._indices[m:k])

    def gather_x(self, x: Array) -> None:
        """Pick the columns that are used out of the batch x (n, inputs)."""
        k = self.used
        if k is not None:
            # With mode="clip" take() writes straight into `out`; the default mode buffers.
            x.take(self._indices[:k], axis=1, out=self.x_used(x), mode="clip")

    def gather_weights(self, weights: Array, start: int = 0) -> None:
        """Pick the used inputs out of the weights (units, inputs), from the `start`-th one on."""
        k = self.used
        if k is not None:
            indices, rows = self._indices[start:k], self.rows[start:k]
            weights.T.take(indices, axis=0, out=rows, mode="clip")

    def put_weights(self, weights: Array, start: int, stop: int) -> None:
        """Write the weights of the used inputs `start` to `stop` back to their places."""
        weights.T[self._indices[start:stop]] = self.rows[start:stop]

    def x_used(self, x: Array) -> Array:
        """The columns of the batch x (n, inputs) for the block's used inputs (n, k)."""
        k = self.used
        return x[:, self.block] if k is None else self._x[: len(x) * k].reshape(len(x), k)

    def weights_used(self, weights: Array) -> Array:
        """The weights of the inputs that are used, or the gradient with respect to them."""
        k = self.used
        return weights[:, self.block] if k is None else self.rows[:k].T

    def spread(self, gradient: Array) -> None:
        """Copy the gradient in `weights_used` to its block of the whole (units, inputs)."""
        k = self.used
        if k is None:
            return
        self._places.fill(k)
        self._places[self._indices[:k] - self.block.start] = self._counted[:k]
        self.rows[k] = 0  # unused inputs point here
        block = gradient.T[self.block]
        self.rows[: k + 1].take(self._places, axis=0, out=block, mode="clip")


def square(gradient_used: Callable[[], Array], out: Array) -> None:
    """Write to `out` the sum of squares of the gradient with respect to the used weights."""
    flat = gradient_used().reshape(-1, order="F")
    np.dot(flat, flat, out=out)


def bits(x: Array) -> tuple[Array, "np.dtype[np.unsignedinteger]"]:
    """x (n, inputs) as words (n, k) of up to eight bytes, and the type of word of one number.

    A number is 0 if all its bits are. Looking at eight bytes at a time is fast.
    """
    kind = np.dtype(f"u{x.itemsize}")
    word = np.dtype(np.uint64) if x.shape[1] * x.itemsize % 8 == 0 else kind
    return x.view(word), kind
