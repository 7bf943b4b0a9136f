"""Chains of tensor functions and the gradient functions derived from them."""

import math

import numpy as np
import pytest

from engine.arrays import Array
from engine.chain import Chain, Link
from engine.errors import ConfigurationError
from engine.functions import FUNCTIONS, TensorFunction

MULTIPLY = TensorFunction(
    "multiply",
    "x w",
    ("x", "w"),
    lambda x, w, out=None: np.multiply(x, w, out=out),
    {
        "x": lambda g, y, x, w, out=None: np.multiply(g, w, out=out),
        "w": lambda g, y, x, w, out=None: np.multiply(g, x, out=out),
    },
)
SINE = TensorFunction(
    "sine",
    "sin(x)",
    ("x",),
    lambda x, out=None: np.sin(x, out=out),
    {"x": lambda g, y, x, out=None: np.multiply(g, np.cos(x), out=out)},
)


def test_the_textbook_chain() -> None:
    # f(W1, W2, W3) = a(W1, b(W2, c(W3))) with c = sin, b and a products.
    chain = Chain(
        [
            Link(SINE, ("W3",), "c"),
            Link(MULTIPLY, ("c", "W2"), "b"),
            Link(MULTIPLY, ("b", "W1"), "f"),
        ]
    )
    values: dict[str, Array] = {"W1": np.array(2.0), "W2": np.array(3.0), "W3": np.array(0.5)}
    gradients: dict[str, Array] = {}
    chain.forward(values)
    chain.gradient_function("f", ["W1", "W2", "W3"])(values, gradients)
    assert values["f"] == pytest.approx(6 * math.sin(0.5))
    assert gradients["W1.gradient"] == pytest.approx(3 * math.sin(0.5))
    assert gradients["W2.gradient"] == pytest.approx(2 * math.sin(0.5))
    assert gradients["W3.gradient"] == pytest.approx(6 * math.cos(0.5))


def test_a_value_used_twice_gathers_both_shares() -> None:
    # f = x sin(x): sin(x) + x cos(x)
    chain = Chain([Link(SINE, ("x",), "s"), Link(MULTIPLY, ("x", "s"), "f")])
    values: dict[str, Array] = {"x": np.array([0.5, 2.0])}
    gradients: dict[str, Array] = {}
    chain.forward(values)
    derivative = chain.gradient_function("f", ["x"])
    for _ in range(2):  # a second call starts afresh
        derivative(values, gradients)
        x = values["x"]
        np.testing.assert_allclose(gradients["x.gradient"], np.sin(x) + x * np.cos(x))


def test_only_what_is_wanted_is_computed() -> None:
    chain = Chain(
        [
            Link(FUNCTIONS["affine"], ("x", "W", "b"), "z"),
            Link(FUNCTIONS["relu"], ("z",), "a"),
        ]
    )
    gradient_function = chain.gradient_function("a", ["W"])
    assert [(f.link.output, f.target) for f in gradient_function.factors] == [
        ("a", "z"),
        ("z", "W"),
    ]


def test_what_is_wanted_does_not_act_through_is_left_out() -> None:
    chain = Chain([Link(SINE, ("x",), "s"), Link(MULTIPLY, ("s", "w"), "f")])
    assert [f.target for f in chain.gradient_function("f", ["w"]).factors] == ["w"]


def test_a_cotangent_may_be_brought_along() -> None:
    chain = Chain([Link(SINE, ("x",), "f")])
    values: dict[str, Array] = {"x": np.array([0.0, math.pi])}
    gradients: dict[str, Array] = {"f.gradient": np.array([3.0, 5.0])}
    chain.forward(values)
    chain.gradient_function("f", ["x"])(values, gradients)
    np.testing.assert_allclose(gradients["x.gradient"], [3, -5])


def test_arrays_that_are_there_receive_the_results() -> None:
    chain = Chain([Link(SINE, ("x",), "f")])
    y, gradient = np.empty(2), np.empty(2)
    values: dict[str, Array] = {"x": np.array([0.0, 1.0]), "f": y}
    gradients: dict[str, Array] = {"x.gradient": gradient}
    chain.forward(values)
    chain.gradient_function("f", ["x"])(values, gradients)
    assert values["f"] is y
    assert gradients["x.gradient"] is gradient
    np.testing.assert_allclose(gradient, np.cos([0, 1]))


def test_a_link_out_of_order_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"before it is used, got b = sine\(a\)"):
        Chain([Link(SINE, ("a",), "b"), Link(SINE, ("x",), "a")])


def test_a_value_without_influence_is_named() -> None:
    chain = Chain([Link(SINE, ("x",), "f")])
    with pytest.raises(ConfigurationError, match="expected f to depend on W7"):
        chain.gradient_function("f", ["W7"])
