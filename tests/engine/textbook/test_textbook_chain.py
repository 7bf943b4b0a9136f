"""The textbook chain: its gradient function, the printed formulas and measured derivatives."""

import itertools
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import ConfigurationError
from engine.chain import GradientFunction
from engine.functions import relu, sigmoid
from engine.textbook import OPERATIONS, ChainTrace, GradientTrace, TextbookChain
from engine.textbook.chain import paths_of

EACH_PAIR = pytest.mark.parametrize(
    ("a", "b"), list(itertools.product(OPERATIONS["a"], OPERATIONS["b"]))
)
WEIGHTS = st.tuples(*[st.floats(-3, 3).map(lambda w: round(w, 3))] * 3)

NAMES = {
    "sin": np.sin,
    "cos": np.cos,
    "exp": np.exp,
    "tanh": np.tanh,
    "relu": relu.forward,
    "sigmoid": sigmoid.forward,
    "one_if": lambda holds: holds.astype(np.float64),
    "power2": lambda f: lambda x: f(x) ** 2,
    "power4": lambda f: lambda x: f(x) ** 4,
}


def read_formula(text: str, **variables: float) -> float:
    """The value of a printed formula, by reading it as a person would."""
    text = re.sub(r"([a-z]+)([²⁴])\(", r"power\2(\1)(", text)  # tanh²(x) is tanh(x)²
    for raised, exponent in {"²": 2, "⁴": 4}.items():
        text = text.replace(f"power{raised}(", f"power{exponent}(")
        text = text.replace(raised, f"**{exponent}")
    text = text.replace("·", "*").replace("−", "-").replace("[", "one_if(").replace("]", ")")
    arrays = {name: np.array([value]) for name, value in variables.items()}
    value = eval(text, {"__builtins__": {}}, {**NAMES, **arrays})
    return float(np.asarray(value).item())


def test_the_reader_of_formulas_by_hand() -> None:
    value = read_formula("−2·(u − 1)² · tanh²(W3)·[W3 > 0] − W3⁴", u=3.0, W3=2.0)
    assert value == pytest.approx(-2 * 4 * math.tanh(2) ** 2 - 16)


@EACH_PAIR
@settings(max_examples=4)
@given(weights=WEIGHTS)
def test_the_printed_formulas_are_what_the_gradient_function_computes(
    a: str, b: str, weights: tuple[float, float, float]
) -> None:
    for c in OPERATIONS["c"]:
        check_formulas(TextbookChain(a, b, c).trace(weights))


def check_formulas(trace: ChainTrace) -> None:
    known = dict(zip(trace.gradients, trace.weights, strict=True))
    assert read_formula(trace.formula, **known) == pytest.approx(trace.value, rel=1e-9)
    known |= {"u": trace.u, "v": trace.v}
    for gradient in trace.gradients.values():
        assert read_formula(gradient.formula, **known) == pytest.approx(gradient.value, rel=1e-9)
        so_far = 1.0
        for factor in gradient.factors:
            assert read_formula(factor.formula, **known) == pytest.approx(factor.value, rel=1e-9)
            so_far *= factor.value
            assert factor.product == pytest.approx(so_far, rel=1e-12)
        assert gradient.factors[-1].product == gradient.value


@EACH_PAIR
def test_the_numpy_lines_give_the_numbers(a: str, b: str) -> None:
    for c in OPERATIONS["c"]:
        chain = TextbookChain(a, b, c)
        weights = [-0.5, 1.25, 0.75]
        check_numpy(chain.trace(weights))
        assert run_numpy(chain.value_numpy(weights)) == pytest.approx(chain.value(weights))


def check_numpy(trace: ChainTrace) -> None:
    numbers = {"v": trace.v, "u": trace.u, "f": trace.value}
    for name, line in trace.numpy.items():
        assert run_numpy(line) == pytest.approx(numbers[name], rel=1e-12)
    for gradient in trace.gradients.values():
        assert run_numpy(gradient.numerical_numpy) == pytest.approx(gradient.numerical, rel=1e-8)
        for factor in gradient.factors:
            assert run_numpy(factor.numpy) == pytest.approx(factor.value, rel=1e-12)


def test_the_numpy_line_that_measures_rounds_as_what_was_measured() -> None:
    trace = TextbookChain("product", "product", "sine").trace((1e5, 1.3, 0.7))
    for gradient in trace.gradients.values():  # rounding shows in ∂f/∂W1, since f is large
        assert run_numpy(gradient.numerical_numpy) == gradient.numerical


def run_numpy(line: str) -> float:
    return float(eval(line, {"np": np, "__builtins__": {}}))


@EACH_PAIR
@settings(max_examples=4)
@given(weights=WEIGHTS)
def test_measured_derivatives_agree(a: str, b: str, weights: tuple[float, float, float]) -> None:
    for c in OPERATIONS["c"]:
        check_measured(a, b, TextbookChain(a, b, c).trace(weights))


def check_measured(a: str, b: str, trace: ChainTrace) -> None:
    if at_a_kink(a, trace.weights[0] * trace.u) or at_a_kink(b, trace.weights[1] * trace.v):
        return
    scale = max(abs(gradient.value) for gradient in trace.gradients.values())
    for gradient in trace.gradients.values():
        # Where a derivative passes through 0, what is left is the error of truncation, about h².
        near = abs(gradient.value - gradient.numerical) < 1e-8 * scale
        assert near or gradient.relative_difference is None or gradient.relative_difference < 1e-4


def at_a_kink(operation: str, x: float) -> bool:
    return operation == "relu" and abs(x) < 0.01


def test_the_factors_of_the_textbook() -> None:
    trace = TextbookChain("squared_difference", "tanh", "sine").trace([-1, 1.5, 0.5])
    assert trace.formula == "(tanh(W2·sin(W3)) − W1)²"
    names = {k: [f.name for f in g.factors] for k, g in trace.gradients.items()}
    assert names == {
        "W1": ["∂a/∂W1"],
        "W2": ["∂a/∂u", "∂b/∂W2"],
        "W3": ["∂a/∂u", "∂b/∂v", "∂c/∂W3"],
    }
    v = math.sin(0.5)
    u = math.tanh(1.5 * v)
    assert (trace.v, trace.u) == pytest.approx((v, u))
    third = trace.gradients["W3"]
    assert third.formula == "2·(u − W1) · (1 − tanh²(W2·v))·W2 · cos(W3)"
    assert third.value == pytest.approx(2 * (u + 1) * (1 - u * u) * 1.5 * math.cos(0.5))
    assert [f.product_name for f in third.factors] == ["∂f/∂u", "∂f/∂v", "∂f/∂W3"]


def test_factors_of_one_are_left_out() -> None:
    gradients = TextbookChain("sum", "sum", "identity").trace([1, 2, 3]).gradients
    assert [gradient.formula for gradient in gradients.values()] == ["1", "1", "1"]
    assert [factor.formula for factor in gradients["W3"].factors] == ["1", "1", "1"]


def test_a_negative_factor_in_the_middle_is_in_parentheses() -> None:
    gradient = TextbookChain("product", "squared_difference", "sine").trace([1, 2, 3])
    assert gradient.gradients["W2"].formula == "W1 · (−2·(v − W2))"


def test_one_step_is_against_the_gradient() -> None:
    chain = TextbookChain("squared_difference", "tanh", "sine")
    trace = chain.trace([-1, 1.5, 0.5])
    after = trace.step(0.1)
    assert after == pytest.approx(
        [w - 0.1 * g.value for w, g in zip(trace.weights, trace.gradients.values(), strict=True)]
    )
    assert chain.value(after) < trace.value


@given(weights=WEIGHTS)
def test_a_small_step_lowers_f(weights: tuple[float, float, float]) -> None:
    chain = TextbookChain("squared_difference", "tanh", "sine")
    trace = chain.trace(weights)
    norm = math.hypot(*(gradient.value for gradient in trace.gradients.values()))
    if norm > 1e-4:
        assert chain.value(trace.step(1e-3)) < trace.value


def test_the_gradient_function_is_that_of_any_chain() -> None:
    chain = TextbookChain("product", "product", "identity")
    assert isinstance(chain.gradient_function, GradientFunction)
    assert [str(link) for link in chain.chain.links] == [
        "v = identity(W3)",
        "u = product(W2, v)",
        "f = product(W1, u)",
    ]
    assert set(paths_of(chain.gradient_function)) == {"f", "W1", "u", "W2", "v", "W3"}


def test_what_measuring_cannot_see_is_said() -> None:
    # The slope of tanh at 3 exp(1.6) is about 5e-13; f is about 2.
    gradients = TextbookChain("sum", "tanh", "exponential").trace([1, 3, 1.6]).gradients
    assert 0 < gradients["W3"].value < 1e-11
    assert gradients["W3"].relative_difference is None
    assert gradients["W1"].relative_difference == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize(
    ("value", "numerical", "difference"),
    [(2.0, 1.0, 0.5), (-1.0, 1.0, 2.0), (0.0, 0.0, 0.0), (1e-12, 3e-12, None)],
)
def test_relative_difference(value: float, numerical: float, difference: float | None) -> None:
    trace = GradientTrace("∂f/∂W1", (), "1", value, numerical, "", rounding=1e-11)
    assert trace.relative_difference == difference


def test_relu_has_no_slope_at_its_kink_and_measuring_shows_it() -> None:
    gradient = TextbookChain("product", "relu", "identity").trace([1, 2, 0]).gradients["W3"]
    assert gradient.value == 0
    assert gradient.numerical == pytest.approx(1)  # half of W2
    assert gradient.relative_difference == 1
    assert gradient.at_kink


@pytest.mark.parametrize(
    ("operations", "weights", "at_kink"),
    [
        (("product", "relu", "identity"), (1, 2, 0.5e-5), [False, False, True]),
        (("product", "relu", "identity"), (1, 2, -0.5e-5), [False, False, True]),
        (("product", "relu", "identity"), (1, 2, 2e-5), [False, False, False]),
        (("product", "relu", "identity"), (1, 0, 1), [False, True, False]),
        (("product", "relu", "square"), (1, 2, 0), [False, False, False]),  # it never bends there
        (("relu", "sum", "identity"), (1, -1, 1), [False, True, True]),
        (("relu", "sum", "square"), (1, -1e-11, 2e-6), [False, True, True]),  # twice within h
        (("relu", "relu", "identity"), (0, 1, 1), [True, False, False]),
        (("product", "tanh", "identity"), (0, 0, 0), [False, False, False]),
    ],
)
def test_a_kink_is_where_relu_bends_within_reach(
    operations: tuple[str, str, str], weights: tuple[float, float, float], at_kink: list[bool]
) -> None:
    trace = TextbookChain(*operations).trace(weights)
    assert [gradient.at_kink for gradient in trace.gradients.values()] == at_kink


@pytest.mark.parametrize(
    ("operations", "weights", "name"),
    [
        (("tanh", "tanh", "exponential"), (1, 0, 10), "W2"),
        (("sum", "product", "sine"), (1, 1, 1e10), "W3"),
    ],
)
def test_what_measuring_gets_wrong_without_relu_is_no_kink(
    operations: tuple[str, str, str], weights: tuple[float, float, float], name: str
) -> None:
    gradient = TextbookChain(*operations).trace(weights).gradients[name]
    assert gradient.relative_difference is not None
    assert gradient.relative_difference > 0.01
    assert not gradient.at_kink


def test_an_unknown_operation_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"operation b to be one of product.*got 'sine'"):
        TextbookChain("sum", "sine", "sine")


def test_values_that_overflow_are_refused() -> None:
    chain = TextbookChain("product", "product", "exponential")
    assert chain.value([1, 1, 1000]) == math.inf
    with pytest.raises(ConfigurationError, match="every value is finite, got v = inf"):
        chain.trace([1, 1, 1000])


def test_what_overflows_on_the_flat_side_of_relu_warns_of_nothing() -> None:
    trace = TextbookChain("relu", "tanh", "square").trace([1, 1e201, -1e150])
    assert [gradient.value for gradient in trace.gradients.values()] == [1, 0, 0]
    trace = TextbookChain("relu", "scaled_square", "exponential").trace([-1e150, 1e200, 1])
    assert trace.value == 0
    assert [gradient.value for gradient in trace.gradients.values()] == [0, 0, 0]


def test_there_are_three_weights() -> None:
    with pytest.raises(ConfigurationError, match="the three weights W1, W2 and W3, got 2"):
        TextbookChain("sum", "sum", "sine").trace([1, 2])


def test_weights_must_be_numbers() -> None:
    with pytest.raises(ConfigurationError, match="expected W2 to be a finite number, got nan"):
        TextbookChain("sum", "sum", "sine").trace([1, math.nan, 1])
