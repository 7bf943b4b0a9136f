"""The operations of the textbook chain as tensor functions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.textbook.operations import INNER, OUTER, Operation

ALL = [*OUTER.values(), *INNER.values()]

BY_HAND = {
    "product": (W := 2.0) * (x := 3.0),
    "sum": 5.0,
    "squared_difference": 1.0,
    "scaled_square": 18.0,
    "tanh": np.tanh(6.0),
    "sigmoid": 1 / (1 + np.exp(-5.0)),
    "relu": 6.0,
}


@pytest.mark.parametrize("name", OUTER)
def test_two_arguments_by_hand(name: str) -> None:
    assert OUTER[name].forward(np.array([W]), np.array([x])) == pytest.approx(BY_HAND[name])


def test_a_weight_alone_by_hand() -> None:
    at = {name: float(each.forward(np.array([2.0]))[0]) for name, each in INNER.items()}
    assert at == pytest.approx(
        {
            "identity": 2,
            "square": 4,
            "sine": np.sin(2),
            "exponential": np.exp(2),
            "tanh": np.tanh(2),
        }
    )


@pytest.mark.parametrize("operation", ALL, ids=repr)
@given(numbers=st.lists(st.floats(-3, 3), min_size=2, max_size=2))
def test_out_receives_the_same_bits(operation: Operation, numbers: list[float]) -> None:
    arguments = [np.array([number]) for number in numbers[: len(operation.arguments)]]
    out = np.full(1, np.nan)
    y = operation.forward(*arguments)
    assert operation.forward(*arguments, out=out) is out
    np.testing.assert_array_equal(out, y)
    assert not any(np.shares_memory(y, argument) for argument in arguments)
    for vjp in operation.vjps.values():
        slope = vjp(np.ones(1), y, *arguments)
        assert slope.shape == (1,)
        assert vjp(np.ones(1), y, *arguments, out=out) is out
        np.testing.assert_array_equal(out, slope)
