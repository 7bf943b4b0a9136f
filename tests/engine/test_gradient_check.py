"""Measured gradients, angles, and the loss along a direction."""

import math

import numpy as np
import pytest

from engine import ShapeError
from engine.gradient_check import PIECE, angle, numerical_gradient, relative_difference


def test_the_numerical_gradient_by_hand() -> None:
    x = np.array([[1.0, 2.0], [3.0, 0.0]])
    gradient = numerical_gradient(lambda a: float(a[0, 0] ** 2 * a[0, 1] + 5 * a[1, 1]), x)
    np.testing.assert_allclose(gradient, [[4, 1], [0, 5]], atol=1e-8)
    np.testing.assert_array_equal(x, [[1, 2], [3, 0]])


@pytest.mark.parametrize(
    ("a", "b", "difference"), [(4.0, 3.0, 0.25), (-1.0, 1.0, 2), (0.0, 5.0, 1), (0.0, 0.0, 0)]
)
def test_the_relative_difference_by_hand(a: float, b: float, difference: float) -> None:
    assert relative_difference(a, b) == relative_difference(b, a) == difference


@pytest.mark.parametrize(
    ("b", "degrees"), [([2.0, 0.0], 0), ([1.0, 1.0], 45), ([0.0, -3.0], 90), ([-1.0, 0.0], 180)]
)
def test_the_angle_by_hand(b: list[float], degrees: float) -> None:
    assert angle(np.array([1.0, 0.0]), np.array(b)) == pytest.approx(degrees)


@pytest.mark.parametrize("a", [[0.0, 0.0], [np.nan, 1.0], [np.inf, 1.0], [np.nan, np.inf]])
def test_what_is_zero_or_not_finite_has_no_direction(a: list[float]) -> None:
    assert math.isnan(angle(np.array(a), np.ones(2)))
    assert math.isnan(angle(np.ones(2), np.array(a)))


def test_the_angle_of_long_gradients_is_summed_over_all_pieces() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 2 * PIECE + 3)).astype(np.float32)
    x, y = a.astype(np.float64), b.astype(np.float64)
    cosine = x @ y / np.sqrt((x @ x) * (y @ y))
    assert angle(a, b) == pytest.approx(np.degrees(np.arccos(cosine)), rel=1e-12)


def test_arrays_of_different_shapes() -> None:
    with pytest.raises(ShapeError, match=r"of one shape, got \(2,\) and \(3,\)"):
        angle(np.ones(2), np.ones(3))
