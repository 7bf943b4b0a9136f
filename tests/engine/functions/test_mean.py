"""The mean of a vector."""

import numpy as np

from engine.functions import mean

X = np.array([1.0, 2.0, 6.0])


def test_forward_by_hand() -> None:
    assert mean.forward(X) == 3


def test_derivative_by_hand() -> None:
    np.testing.assert_array_equal(mean.vjp(np.array(6.0), np.array(3.0), X), [2, 2, 2])
