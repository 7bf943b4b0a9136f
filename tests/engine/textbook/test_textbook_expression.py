"""Formulas: printed, computed, differentiated."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.arrays import Array
from engine.gradient_check import numerical_gradient
from engine.textbook.expression import Call, Expression, Number, Variable
from engine.textbook.named_functions import NAMED_FUNCTIONS

W, X = Variable("W"), Variable("x")


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (W * X, "W·x"),
        (X - W, "x − W"),
        (-W, "−W"),
        (W * 0 + X * 1, "x"),
        (2 * (W * 3), "6·W"),
        ((X - W) ** 2, "(x − W)²"),
        ((W**2) ** 2, "W⁴"),
        (W * (X + 1), "W·(x + 1)"),
        (1 - Call("tanh", W * X) ** 2, "1 − tanh²(W·x)"),
        (W - (X - 1), "W − (x − 1)"),
        (Call("step", W + X), "[W + x > 0]"),
        (Number(-3) * W, "−3·W"),
    ],
)
def test_is_printed_as_it_is_written_by_hand(expression: Expression, text: str) -> None:
    assert str(expression) == text


@pytest.mark.parametrize(
    ("expression", "by_w"),
    [
        (W * X, "x"),
        (W + X, "1"),
        ((X - W) ** 2, "−2·(x − W)"),
        (W**3, "3·W²"),
        (W * W, "W + W"),
        (X**2, "0"),
        (Call("tanh", W * X), "(1 − tanh²(W·x))·x"),
        (Call("sigmoid", W), "sigmoid(W)·(1 − sigmoid(W))"),
        (Call("relu", W), "[W > 0]"),
        (Call("cos", 2 * W), "−2·sin(2·W)"),
        (Call("exp", Call("sin", W)), "exp(sin(W))·cos(W)"),
    ],
)
def test_is_differentiated_as_by_hand(expression: Expression, by_w: str) -> None:
    assert str(expression.derivative("W")) == by_w


def test_is_computed() -> None:
    values = {"W": np.array([3.0]), "x": np.array([0.5])}
    expression = 2 * W**2 - Call("exp", X)
    assert expression.evaluate(values) == pytest.approx(18 - math.exp(0.5))


def test_variables_are_replaced_everywhere() -> None:
    expression = W * Call("sin", X - W) + X**2
    replaced = expression.substitute({"x": W + 1})
    assert str(replaced) == "W·sin(W + 1 − W) + (W + 1)²"


def test_a_function_without_a_known_derivative_has_none() -> None:
    with pytest.raises(ValueError, match="whose derivative is known, got log"):
        Call("log", W).derivative("W")


@pytest.mark.parametrize("name", NAMED_FUNCTIONS)
@given(at=st.floats(-3, 3).filter(lambda x: abs(x) > 1e-3))  # relu's kink and the step's jump
def test_every_named_function_has_its_derivative(name: str, at: float) -> None:
    call = Call(name, W)

    def f(w: Array) -> float:
        return float(call.evaluate({"W": w})[0])

    derived = call.derivative("W").evaluate({"W": np.array([at])})
    np.testing.assert_allclose(derived, numerical_gradient(f, np.array([at]))[0], atol=1e-8)
