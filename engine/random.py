"""Randomness: one generator per purpose, each a pure function of the seed.

No generator is shared and none is global. So the initial weights do not change with the number of
epochs, and the order of epoch 7 is known without drawing epochs 0 to 6 first.
"""

from enum import IntEnum

import numpy as np

from engine.arrays import Array


class Purpose(IntEnum):
    """What a generator is for; the numbers are part of every recipe and never change."""

    WEIGHTS = 0
    ORDER = 1


def generator(seed: int, purpose: Purpose, index: int) -> np.random.Generator:
    """The generator for `purpose` number `index` (a layer, an epoch) under `seed`."""
    sequence = np.random.SeedSequence(seed, spawn_key=(int(purpose), index))
    return np.random.Generator(np.random.PCG64(sequence))


def sample_order(seed: int, epoch: int, samples: int) -> Array:
    """The order of the samples in an epoch: a permutation of 0..samples−1, shape (samples,)."""
    return generator(seed, Purpose.ORDER, epoch).permutation(samples)
