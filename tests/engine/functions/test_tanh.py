"""tanh(x)."""

import math

import numpy as np

from engine.functions import tanh

X = np.array([[0.0, math.log(2)]])  # tanh(log 2) = (2 − 1/2) / (2 + 1/2) = 3/5


def test_forward_by_hand() -> None:
    np.testing.assert_allclose(tanh.forward(X), [[0, 0.6]], rtol=1e-15)


def test_derivative_by_hand() -> None:
    gradient = tanh.vjp(np.array([[2.0, 10.0]]), tanh.forward(X), X)
    np.testing.assert_allclose(gradient, [[2, 6.4]], rtol=1e-14)
