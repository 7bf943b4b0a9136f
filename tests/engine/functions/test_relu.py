"""relu(x) = max(x, 0)."""

import numpy as np

from engine.functions import relu

X = np.array([[-2.0, 0.0, 3.0]])


def test_forward_by_hand() -> None:
    np.testing.assert_array_equal(relu.forward(X), [[0, 0, 3]])


def test_derivative_by_hand_is_zero_at_the_kink() -> None:
    cotangent = np.array([[5.0, 6.0, 7.0]])
    np.testing.assert_array_equal(relu.vjp(cotangent, relu.forward(X), X), [[0, 0, 7]])
