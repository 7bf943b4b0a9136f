"""Categorical cross-entropy of predictions that are not softmax's."""

import math

import numpy as np

from engine.functions import categorical_crossentropy as crossentropy

Q = np.array([[1.0, 3.0]])  # divided by its sum: (1/4, 3/4)


def test_forward_by_hand() -> None:
    np.testing.assert_allclose(crossentropy.forward(Q, np.array([0])), [math.log(4)], rtol=1e-14)
    soft = crossentropy.forward(Q, np.array([[0.5, 0.5]]))
    np.testing.assert_allclose(soft, [(math.log(4) + math.log(4 / 3)) / 2], rtol=1e-14)


def test_derivative_by_hand() -> None:
    # loss = log(q1 + q2) − log q1, so (1/4 − 1, 1/4).
    gradient = crossentropy.vjp_predictions(np.array([2.0]), np.zeros(1), Q, np.array([0]))
    np.testing.assert_allclose(gradient, [[-1.5, 0.5]], rtol=1e-14)


def test_clipped_probabilities_have_kerass_loss_and_no_gradient() -> None:
    q = np.array([[0.0, 2.0]])
    np.testing.assert_allclose(crossentropy.forward(q, np.array([0])), [-math.log(1e-7)])
    gradient = crossentropy.vjp_predictions(np.ones(1), np.zeros(1), q, np.array([0]))
    np.testing.assert_array_equal(gradient, [[0, 0]])


def test_rows_of_zeros_stay_finite() -> None:
    q = np.zeros((1, 2))
    np.testing.assert_allclose(crossentropy.forward(q, np.array([1])), [-math.log(1e-7)])
    gradient = crossentropy.vjp_predictions(np.ones(1), np.zeros(1), q, np.array([1]))
    np.testing.assert_array_equal(gradient, [[0, 0]])
