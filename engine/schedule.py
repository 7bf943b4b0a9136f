"""Which samples come next: the order of each epoch, and how far it has been used."""

import math
from typing import NamedTuple

import numpy as np

from engine.arrays import Array
from engine.random import sample_order


class Cursor(NamedTuple):
    """Completed batches and epochs, and batches and samples used of the present epoch."""

    batch: int = 0
    epoch: int = 0
    batch_in_epoch: int = 0
    position: int = 0


class Schedule:
    """Deals out the samples of one epoch after another, each once an epoch.

    Epoch e uses the seed's order number `first_epoch` + e, or 0..samples−1 without `shuffle`. A
    batch never reaches into the next epoch: the last batch of an epoch may be shorter.
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
        """The numbers of the next `size` samples, or of those left in the epoch; counts nothing.

        With `after`, so many samples are skipped first.
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
        """All batches of this epoch, if `drawn` samples are at hand and the rest come in `size`."""
        rest = self.samples - self.cursor.position - drawn
        return self.cursor.batch_in_epoch + bool(drawn) + math.ceil(rest / size)

    def _epoch_order(self) -> Array:
        epoch = self.cursor.epoch
        if self._order_epoch != epoch:
            if self._shuffle:
                order = sample_order(self._seed, self._first_epoch + epoch, self.samples)
            else:
                order = np.arange(self.samples)
            self._order = order.astype(np.uint32)  # half the memory: each of many runs has one
            self._order_epoch = epoch
        return self._order
