"""softmax and categorical cross-entropy in one."""

import math

import numpy as np

from engine.functions import softmax, softmax_cross_entropy

LOGITS = np.log(np.array([[1.0, 2.0, 5.0], [3.0, 3.0, 2.0]]))
LABELS = np.array([2, 0])
PROBABILITIES = softmax.forward(LOGITS)
ONE_HOT = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])


def test_forward_by_hand() -> None:
    loss = softmax_cross_entropy.forward(LOGITS, LABELS, PROBABILITIES)
    np.testing.assert_allclose(loss, [math.log(8 / 5), math.log(8 / 3)], rtol=1e-14)


def test_derivative_by_hand_is_p_minus_y() -> None:
    loss = softmax_cross_entropy.forward(LOGITS, LABELS, PROBABILITIES)
    gradient = softmax_cross_entropy.vjp_logits(
        np.array([1.0, 2.0]), loss, LOGITS, LABELS, PROBABILITIES
    )
    expected = [[1 / 8, 2 / 8, -3 / 8], [-10 / 8, 6 / 8, 4 / 8]]
    np.testing.assert_allclose(gradient, expected, rtol=1e-14)


def test_one_hot_rows_mean_the_same_as_labels() -> None:
    cotangent = np.array([1.0, 2.0])
    loss = softmax_cross_entropy.forward(LOGITS, LABELS, PROBABILITIES)
    np.testing.assert_allclose(
        softmax_cross_entropy.forward(LOGITS, ONE_HOT, PROBABILITIES), loss, rtol=1e-14
    )
    np.testing.assert_allclose(
        softmax_cross_entropy.vjp_logits(cotangent, loss, LOGITS, ONE_HOT, PROBABILITIES),
        softmax_cross_entropy.vjp_logits(cotangent, loss, LOGITS, LABELS, PROBABILITIES),
        rtol=1e-14,
    )


def test_it_stays_exact_where_the_probability_underflows() -> None:
    logits = np.array([[0.0, 1000.0]], np.float32)
    loss = softmax_cross_entropy.forward(logits, np.array([0]), softmax.forward(logits))
    np.testing.assert_array_equal(loss, [1000])
