"""affine(x, W, b) = x Wᵀ + b."""

import numpy as np

from engine.functions import affine

X = np.array([[1.0, 2.0], [3.0, 4.0]])
W = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, -1.0]])  # three units, two inputs
B = np.array([0.5, 0.0, -1.0])
COTANGENT = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, -1.0]])


def test_forward_by_hand() -> None:
    y = affine.forward(X, W, B)
    np.testing.assert_array_equal(y, [[1.5, 2.0, -2.0], [3.5, 4.0, -2.0]])


def test_derivatives_by_hand() -> None:
    y = affine.forward(X, W, B)
    # Row 1: 1·(1, 0) + 0·(0, 1) + 2·(1, −1); row 2: (0, 1) − (1, −1).
    np.testing.assert_array_equal(affine.vjp_x(COTANGENT, y, X, W, B), [[3, -2], [-1, 2]])
    # Unit 3: 2·(1, 2) − 1·(3, 4).
    np.testing.assert_array_equal(
        affine.vjp_weights(COTANGENT, y, X, W, B), [[1, 2], [3, 4], [-1, 0]]
    )
    np.testing.assert_array_equal(affine.vjp_bias(COTANGENT, y, X, W, B), [1, 1, 1])
