"""Every registered function's derivatives against numerical ones, and its use of `out`."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.arrays import Array
from engine.functions import FUNCTIONS, softmax
from engine.gradient_check import numerical_gradient
from tests.support.gradients import relative_error

NUMBERS = st.floats(-3, 3)
AWAY_FROM_ZERO = st.one_of(st.floats(-3, -0.01), st.floats(0.01, 3))  # relu's kink is at 0
POSITIVE = st.floats(0.1, 3)
SIZES = st.integers(1, 5)

# h for which the errors of truncation, h², and of rounding, 1e-16 / h, are both far below 1e-6.
H = 1e-5


def matrix(
    n: int, k: int, elements: st.SearchStrategy[float] = NUMBERS
) -> st.SearchStrategy[Array]:
    return arrays(np.float64, (n, k), elements=elements)


@st.composite
def elementwise(draw: st.DrawFn) -> list[Array]:
    return [draw(matrix(draw(SIZES), draw(SIZES), AWAY_FROM_ZERO))]


@st.composite
def affine_arguments(draw: st.DrawFn) -> list[Array]:
    n, inputs, units = draw(SIZES), draw(SIZES), draw(SIZES)
    bias = draw(arrays(np.float64, units, elements=NUMBERS))
    return [draw(matrix(n, inputs)), draw(matrix(units, inputs)), bias]


def with_targets(predictions: st.SearchStrategy[float]) -> st.SearchStrategy[list[Array]]:
    @st.composite
    def build(draw: st.DrawFn) -> list[Array]:
        n, k = draw(SIZES), draw(st.integers(2, 5))
        labels = draw(arrays(np.int64, n, elements=st.integers(0, k - 1)))
        shares = draw(matrix(n, k, POSITIVE))
        rows = shares / shares.sum(axis=1, keepdims=True)
        return [draw(matrix(n, k, predictions)), draw(st.sampled_from([labels, rows]))]

    return build()


def and_probabilities(logits_and_targets: list[Array]) -> list[Array]:
    return [*logits_and_targets, softmax.forward(logits_and_targets[0])]


@st.composite
def vector(draw: st.DrawFn) -> list[Array]:
    return [draw(arrays(np.float64, draw(SIZES), elements=NUMBERS))]


ARGUMENTS: dict[str, st.SearchStrategy[list[Array]]] = {
    "affine": affine_arguments(),
    "relu": elementwise(),
    "tanh": elementwise(),
    "sigmoid": elementwise(),
    "linear": elementwise(),
    "softmax": elementwise(),
    "softmax_cross_entropy": with_targets(NUMBERS).map(and_probabilities),
    "categorical_crossentropy": with_targets(st.floats(0.5, 3)),
    "mean_squared_error": with_targets(NUMBERS),
    "mean": vector(),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@given(data=st.data())
def test_every_derivative_agrees_with_the_numerical_one(name: str, data: st.DataObject) -> None:
    function = FUNCTIONS[name]
    arguments = data.draw(ARGUMENTS[name])
    y = function.forward(*arguments)
    cotangent = data.draw(arrays(np.float64, np.shape(y), elements=POSITIVE))
    # A different weight for each output, so that the derivative of a sum is not zero by symmetry.
    cotangent = cotangent * (1 + np.arange(cotangent.size).reshape(cotangent.shape))

    for argument, vjp in function.vjps.items():
        position = function.arguments.index(argument)
        derived = vjp(cotangent, y, *arguments)
        measured = numerical_gradient(
            _weighted_output(function.forward, arguments, position, cotangent),
            arguments[position].copy(),
            H,
        )
        assert derived.shape == arguments[position].shape
        # A gradient that is zero or nearly so has no relative error to speak of.
        scale = float(np.linalg.norm(cotangent))
        if np.linalg.norm(measured) > 1e-3 * scale:
            assert relative_error(derived, measured) < 1e-6
        else:
            np.testing.assert_allclose(derived, measured, atol=1e-8 * scale)


def _weighted_output(
    forward: Callable[..., Array], arguments: list[Array], position: int, cotangent: Array
) -> Callable[[Array], float]:
    def f(argument: Array) -> float:
        moved = [*arguments[:position], argument, *arguments[position + 1 :]]
        return float(np.sum(cotangent * forward(*moved)))

    return f


@pytest.mark.parametrize("name", FUNCTIONS)
@settings(max_examples=25)
@given(data=st.data())
def test_out_receives_the_same_bits(name: str, data: st.DataObject) -> None:
    function = FUNCTIONS[name]
    arguments = data.draw(ARGUMENTS[name])
    y = np.asarray(function.forward(*arguments))
    out = np.full_like(y, np.nan)
    assert function.forward(*arguments, out=out) is out
    np.testing.assert_array_equal(out, y)
    cotangent = np.ones_like(y)
    for argument, vjp in function.vjps.items():
        result = np.full_like(arguments[function.arguments.index(argument)], np.nan)
        assert vjp(cotangent, y, *arguments, out=result) is result
        np.testing.assert_array_equal(result, vjp(cotangent, y, *arguments))


IN_PLACE = [name for name, function in FUNCTIONS.items() if function.works_in_place]


def test_softmax_and_layers_do_not_work_in_place() -> None:
    assert IN_PLACE == ["relu", "tanh", "sigmoid", "linear"]


@pytest.mark.parametrize("name", IN_PLACE)
@settings(max_examples=25)
@given(data=st.data())
def test_what_works_element_by_element_works_in_place(name: str, data: st.DataObject) -> None:
    function = FUNCTIONS[name]
    (x,) = data.draw(ARGUMENTS[name])
    y = function.forward(x)
    cotangent = data.draw(arrays(np.float64, y.shape, elements=NUMBERS))
    gradient = function.vjps["x"](cotangent, y, x)
    function.forward(x, out=x)
    np.testing.assert_array_equal(x, y)
    function.vjps["x"](cotangent, y, x, out=cotangent)  # x is no longer what it was
    np.testing.assert_array_equal(cotangent, gradient)


@pytest.mark.parametrize("name", FUNCTIONS)
@settings(max_examples=25)
@given(data=st.data())
def test_arguments_are_left_alone(name: str, data: st.DataObject) -> None:
    function = FUNCTIONS[name]
    arguments = data.draw(ARGUMENTS[name])
    before = [argument.copy() for argument in arguments]
    y = np.asarray(function.forward(*arguments))
    cotangent = np.ones_like(y)
    for vjp in function.vjps.values():
        vjp(cotangent, y, *arguments)
    for argument, copy in zip(arguments, before, strict=True):
        np.testing.assert_array_equal(argument, copy)
    np.testing.assert_array_equal(cotangent, np.ones_like(y))
