"""One byte a number: codes computed by hand, and how close the code is to the number."""

from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from app.runs.codes import Coding, code, code_table, encode, paint, take_bits

# 128 + 127 * sign(v) * sqrt(|v| / scale), to the nearest whole number.
SIGNED = {
    0.0: 128,
    1.0: 255,
    -1.0: 1,
    0.5: 218,  # 128 + 127 * 0.70711 = 217.80
    -0.5: 38,
    0.01: 141,  # 128 + 127 * 0.1 = 140.7
    -0.01: 115,
    7.0: 255,
    -7.0: 1,
    np.inf: 255,
    -np.inf: 1,
    np.nan: 128,
}
UNSIGNED = {0.0: 0, 1.0: 255, 0.5: 180, 0.02: 36, 9.0: 255, -0.5: 0, np.inf: 255, np.nan: 0}


@pytest.mark.parametrize("scale", [1.0, 0.004, 250.0])
@pytest.mark.parametrize(("coding", "table"), [("signed", SIGNED), ("unsigned", UNSIGNED)])
def test_codes_computed_by_hand(coding: Coding, table: dict[float, int], scale: float) -> None:
    values = np.array(list(table), dtype=np.float64) * scale
    for dtype in (np.float32, np.float64):
        assert encode(values.astype(dtype), coding, scale).tolist() == list(table.values())


numbers = arrays(np.float32, st.integers(1, 50), elements=st.floats(-2, 2, width=32))


@given(numbers)
def test_a_signed_code_is_the_nearest_or_next_to_it(values: np.ndarray) -> None:
    exact = 128 + 127 * np.sign(values) * np.sqrt(np.minimum(np.abs(values), 1))
    assert np.abs(encode(values, "signed", 1.0) - exact).max() <= 1


@given(numbers)
def test_an_unsigned_code_is_the_nearest_or_next_to_it(values: np.ndarray) -> None:
    exact = 255 * np.sqrt(np.clip(values, 0, 1))
    # Half a code by rounding, and one because 8 significant bits of the number are looked at.
    assert np.abs(encode(values, "unsigned", 1.0) - exact).max() <= 1.5


@given(numbers)
def test_opposite_numbers_have_codes_as_far_from_zero(values: np.ndarray) -> None:
    codes = encode(values, "signed", 1.0).astype(int) - 128
    # Half-way cases round to the even code, on either side of zero.
    assert np.abs(codes + (encode(-values, "signed", 1.0).astype(int) - 128)).max() <= 1


def test_shapes_and_strides_are_kept() -> None:
    values = np.linspace(-1, 1, 24, dtype=np.float32).reshape(4, 6)
    expected = encode(values, "signed", 1.0)
    assert expected.shape == (4, 6)
    assert expected.dtype == np.uint8
    assert (encode(values.T, "signed", 1.0) == expected.T).all()
    assert (encode(values[::2, 1::3], "signed", 1.0) == expected[::2, 1::3]).all()


@pytest.mark.parametrize("shape", [(150, 7), (7, 150), (1, 9), (9, 1)])
def test_values_that_lie_column_by_column_have_the_same_codes(shape: tuple[int, int]) -> None:
    values = np.linspace(-1, 1, shape[0] * shape[1], dtype=np.float32).reshape(shape)
    expected = encode(values, "signed", 1.0)
    codes = encode(np.asfortranarray(values), "signed", 1.0)
    assert codes.flags.c_contiguous
    assert (codes == expected).all()


@pytest.mark.parametrize("shape", [(150, 7), (7, 150), (1, 9), (9, 1)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_codes_are_made_later_of_what_was_there(
    shape: tuple[int, int], order: Literal["C", "F"]
) -> None:
    values = np.linspace(-1, 1, shape[0] * shape[1], dtype=np.float32).reshape(shape)
    values = np.array(values, order=order)
    expected = encode(values, "signed", 1.0)
    bits = np.empty(shape, np.uint16, order=order)
    take_bits(values, out=bits)
    values[:] = 0
    codes = np.empty(shape, np.uint8)
    code(bits, code_table("signed", 1.0), indices=np.empty(shape, np.intp), out=codes)
    assert (codes == expected).all()


@pytest.mark.parametrize("shape", [(1, 12), (31, 4000), (16, 4000), (2, 40_000)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_painted_codes_are_the_same(shape: tuple[int, int], dtype: type) -> None:
    values: NDArray[np.floating] = np.random.default_rng(3).normal(size=shape).astype(dtype)
    codes = np.empty(shape[::-1], np.uint8)
    paint(values, code_table("signed", 2.0), codes.T)
    assert (codes == encode(values.T, "signed", 2.0)).all()


@pytest.mark.parametrize("scale", [1.0, 0.004, 250.0])
def test_of_squares_the_roots_are_shown(scale: float) -> None:
    roots = np.array(list(UNSIGNED)) * scale
    squares = np.square(roots.clip(0)).astype(np.float32)
    codes = np.empty(squares.shape, np.uint8)
    paint(
        squares[:, np.newaxis], code_table("unsigned", scale, of_squares=True), codes[:, np.newaxis]
    )
    assert codes.tolist() == list(UNSIGNED.values())
