"""Mean squared error."""

import numpy as np

from engine.functions import mean_squared_error

P = np.array([[1.0, 2.0], [0.0, 4.0]])
TARGETS = np.array([[0.0, 2.0], [1.0, 1.0]])


def test_forward_by_hand() -> None:
    np.testing.assert_array_equal(mean_squared_error.forward(P, TARGETS), [0.5, 5.0])


def test_derivative_by_hand() -> None:
    gradient = mean_squared_error.vjp_predictions(np.array([1.0, 2.0]), np.zeros(2), P, TARGETS)
    np.testing.assert_array_equal(gradient, [[1, 0], [-2, 6]])


def test_labels_stand_for_their_one_hot_rows() -> None:
    labels, rows = np.array([0, 1]), np.eye(2)
    cotangent = np.array([1.0, 2.0])
    np.testing.assert_array_equal(
        mean_squared_error.forward(P, labels), mean_squared_error.forward(P, rows)
    )
    np.testing.assert_array_equal(
        mean_squared_error.vjp_predictions(cotangent, np.zeros(2), P, labels),
        mean_squared_error.vjp_predictions(cotangent, np.zeros(2), P, rows),
    )
