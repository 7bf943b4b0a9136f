"""softmax(x)_i = exp(x_i) / Σ exp(x_j)."""

import math

import numpy as np

from engine.functions import softmax

X = np.log(np.array([[1.0, 2.0, 5.0]]))


def test_forward_by_hand() -> None:
    np.testing.assert_allclose(softmax.forward(X), [[1 / 8, 2 / 8, 5 / 8]], rtol=1e-15)


def test_derivative_by_hand() -> None:
    # Σ g p = 8/8 = 1, so p_i (g_i − 1) with g = (8, 0, 0).
    gradient = softmax.vjp(np.array([[8.0, 0.0, 0.0]]), softmax.forward(X), X)
    np.testing.assert_allclose(gradient, [[7 / 8, -2 / 8, -5 / 8]], rtol=1e-14)


def test_large_numbers_do_not_overflow() -> None:
    y = softmax.forward(np.array([[1e4, 1e4 + math.log(3)]]))
    np.testing.assert_allclose(y, [[0.25, 0.75]], rtol=1e-11)
