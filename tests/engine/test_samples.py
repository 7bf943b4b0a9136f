"""Samples, and how batches of them are gathered."""

import math
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine import ConfigurationError, EngineError, Samples, ShapeError
from engine.arrays import Array, float_type
from engine.samples import LOOKED_AT, Gatherer


def gathered(x: Array, scale: float | None, indices: list[int], dtype: str) -> Array:
    out = np.empty((len(indices), x.shape[1]), dtype)
    samples = Samples(x, np.zeros(len(x), int), scale=scale)
    gatherer = Gatherer(samples, len(indices), float_type(dtype))
    gatherer.gather(np.array(indices), out)
    return out


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@given(pixels=arrays(np.uint8, (4, 100)))
def test_bytes_gather_to_the_bits_of_scaled_floats(dtype: str, pixels: Array) -> None:
    expected = (pixels.astype(np.float32) / 255)[[2, 0, 2]]
    np.testing.assert_array_equal(gathered(pixels, 255, [2, 0, 2], dtype), expected)


@pytest.mark.parametrize("kind", ["float32", "float64", "int64", "uint8", "bool", "float16"])
@pytest.mark.parametrize("scale", [None, 4.0])
def test_any_type_of_number_is_converted(kind: str, scale: float | None) -> None:
    x = np.array([[0, 1], [1, 1], [1, 0]], kind)
    expected = np.array([[1, 0], [0, 1]], np.float32) / np.float32(scale or 1)
    np.testing.assert_array_equal(gathered(x, scale, [2, 0], "float32"), expected)


def test_long_doubles_are_taken_as_doubles() -> None:
    x = np.array([[0.5, -3.0]], np.longdouble)
    samples = Samples(x, x)
    assert samples.x.dtype == np.float64
    np.testing.assert_array_equal(samples.x, x)


def test_samples_are_not_copied() -> None:
    x, y = np.zeros((3, 2), np.float32), np.zeros(3, np.int64)
    samples = Samples(x, y)
    assert samples.x is x
    assert (len(samples), samples.features) == (3, 2)
    assert repr(samples) == "Samples(x (3, 2) float32, y (3,) int64)"


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((2, 28, 28)), [0, 1], r"got \(2, 28, 28\); flatten images"),
        (np.zeros(784), [0], r"got \(784,\); pass one sample as x.reshape\(1, -1\)"),
        (np.zeros((0, 4)), [], r"expected samples of shape \(n, features\), got \(0, 4\)"),
        (np.zeros((2, 4)), [0, 1, 2], r"for 2 samples, got \(3,\)"),
        (np.array([["a"]]), [0], "expected samples of real numbers, got an array of <U1"),
        (np.array([[1.0, math.nan]]), [0], "expected samples of finite numbers, got .*nan"),
        (np.array([[1.0, math.inf]]), [0], "expected samples of finite numbers, got .*inf"),
        (np.array([[1e300]]), [0], "expected samples that fit into float32"),
        (np.zeros((1, 4)), ["7"], "expected targets of numbers, got an array of <U1"),
        (np.zeros((1, 4)), [[math.nan]], "expected targets of finite numbers"),
    ],
)
def test_arrays_that_are_no_samples(x: Array, y: list[object], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        Samples(x, np.array(y))


@pytest.mark.parametrize("values", [(row for row in [1.0]), {"x": 1}, None, 3.0], ids=type)
def test_what_is_no_array_is_called_by_its_name(values: object) -> None:
    got = f"in an array, got a {type(values).__name__}"
    with pytest.raises(ShapeError, match=f"expected samples {got}"):
        Samples(cast("Array", values), np.zeros(1))
    with pytest.raises(ShapeError, match=f"expected targets {got}"):
        Samples(np.zeros((1, 4)), cast("Array", values))


@pytest.mark.parametrize("scale", [0, -255, math.nan])
def test_impossible_scales(scale: float) -> None:
    with pytest.raises(ConfigurationError, match="expected the scale"):
        Samples(np.zeros((1, 1)), np.zeros(1, int), scale=scale)


@given(n=st.integers(1, 5), features=st.integers(1, 5))
def test_column_major_arrays_do_as_well(n: int, features: int) -> None:
    x = np.asfortranarray(np.arange(float(n * features)).reshape(n, features))
    np.testing.assert_array_equal(Samples(x, np.zeros(n, int)).x, x)


def test_the_errors_are_the_engines() -> None:
    assert issubclass(ShapeError, EngineError)


def test_how_often_each_column_is_on_is_told_by_some_of_the_samples() -> None:
    x = np.array([[0, 0.5, 0], [0, -1, 2], [0, 1e-30, 0], [0, 3, 0]])
    assert Samples(x, np.zeros(4)).shares_on.tolist() == [0, 1, 0.25]
    x = np.zeros((3 * LOOKED_AT, 2), np.uint8)
    x[::3] = 0, 1
    assert Samples(x, np.zeros(len(x))).shares_on.tolist() == [0, 1]
