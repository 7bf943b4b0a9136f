"""The values that weights and biases start from."""

import math

import numpy as np

from engine.arrays import Array


def glorot_uniform(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Weights uniform in ±sqrt(6 / (inputs + units)); float64, shape (units, inputs).

    Glorot and Bengio, 2010, equation 16; Keras's default for dense layers. Always drawn in float64,
    so that float32 and float64 networks start alike.
    """
    limit = math.sqrt(6 / sum(shape))
    return generator.uniform(-limit, limit, shape)


def zeros(shape: tuple[int, ...]) -> Array:
    """Zeros, float64: where biases start."""
    return np.zeros(shape)
