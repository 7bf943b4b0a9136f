"""Which samples come next: the order of each epoch, and how far it has been used."""

import math
from typing import NamedTuple

import numpy as np

from engine.arrays import Array
from engine.random import sample_order


class Cursor(NamedTuple):
    """Completed batches in all, completed epochs, and batches and samples used of the next one."""

    batch: int = 0
    epoch: int = 0
    batch_in_epoch: int = 0
    position: int = 0


class Schedule:
    """Deals out the samples of one epoch after another, each once an epoch.

    Epoch e has the order number `first_epoch` + e of the seed, or 0..samples−1 without `shuffle`.
    A batch never reaches into the next epoch: the last one of an epoch may be shorter.
    """

    def __init__(self, seed: int, samples: int, *, shuffle: bool, first_epoch: int) -> None:
        self.samples = samples
        self.cursor = Cursor()
        self._seed = seed
        self._shuffle = shuffle
        self._first_epoch = first_epoch
        self._order_epoch = -1
        self._order: Array = np.empty(0, np.intp)

    def next(self, size: int, after: int = 0) -> Array:
        """The numbers of the next `size` samples, or of what the epoch has left; counts nothing.

        With `after`, those that follow on the next so many.
        """
        start = self.cursor.position + after
        return self._epoch_order()[start : start + size].astype(np.intp)

    def complete(self, used: int) -> None:
        """Count a batch of `used` samples."""
        now = self.cursor
        if now.position + used == self.samples:
            self.cursor = Cursor(now.batch + 1, now.epoch + 1)
        else:
            self.cursor = Cursor(
                now.batch + 1, now.epoch, now.batch_in_epoch + 1, now.position + used
            )

    def batches_per_epoch(self, size: int, drawn: int) -> int:
        """Batches this epoch will have had, `drawn` samples of one at hand, the rest in `size`."""
        rest = self.samples - self.cursor.position - drawn
        return self.cursor.batch_in_epoch + bool(drawn) + math.ceil(rest / size)

    def _epoch_order(self) -> Array:
        epoch = self.cursor.epoch
        if self._order_epoch != epoch:
            if self._shuffle:
                order = sample_order(self._seed, self._first_epoch + epoch, self.samples)
            else:
                order = np.arange(self.samples)
            self._order = order.astype(np.uint32)  # many runs have one each: half the memory
            self._order_epoch = epoch
        return self._order
