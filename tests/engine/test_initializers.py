"""Where weights start."""

import math

import numpy as np

from engine.initializers import glorot_uniform, zeros


def test_glorot_uniform_fills_its_interval() -> None:
    limit = math.sqrt(6 / (784 + 512))
    weights = glorot_uniform(np.random.default_rng(0), (512, 784))
    assert weights.shape == (512, 784)
    assert -limit <= weights.min() < -0.999 * limit
    assert 0.999 * limit < weights.max() <= limit
    # The mean of 401,408 draws lies within four of its standard errors of 0.
    assert abs(weights.mean()) < 4 * limit / math.sqrt(3 * weights.size)
    assert math.isclose(weights.std(), limit / math.sqrt(3), rel_tol=0.01)


def test_biases_start_at_zero() -> None:
    np.testing.assert_array_equal(zeros((3,)), [0, 0, 0])
