"""sigmoid(x) = 1 / (1 + exp(−x))."""

import math

import numpy as np

from engine.functions import sigmoid

X = np.array([[0.0, math.log(3)]])  # sigmoid(log 3) = 1 / (1 + 1/3) = 3/4


def test_forward_by_hand() -> None:
    np.testing.assert_allclose(sigmoid.forward(X), [[0.5, 0.75]], rtol=1e-15)


def test_derivative_by_hand() -> None:
    gradient = sigmoid.vjp(np.array([[4.0, 16.0]]), sigmoid.forward(X), X)
    np.testing.assert_allclose(gradient, [[1, 3]], rtol=1e-14)


def test_far_from_zero_it_saturates_without_a_warning() -> None:
    far = np.array([-1000.0, 1000.0], np.float32)
    np.testing.assert_array_equal(sigmoid.forward(far), [0, 1])
