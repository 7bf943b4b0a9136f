"""Each optimizer's rule, by hand and against an independent one."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine import SGD, Adam, RMSprop
from engine.arrays import Array
from engine.optimizers import OPTIMIZERS, Optimizer

EPSILON = 1e-7


def run(optimizer: Optimizer, start: float, gradients: list[float]) -> tuple[list[float], Any]:
    """The weights after each gradient, and the state at the end."""
    weights, step = np.array([start]), np.empty(1)
    state = optimizer.init(weights)
    path = []
    for gradient in gradients:
        before = weights.copy()
        optimizer.update(weights, np.array([gradient]), state, step=step)
        np.testing.assert_array_equal(weights, before + step)
        path.append(float(weights[0]))
    return path, state


def test_sgd_by_hand() -> None:
    # 1 − 0.1·2 = 0.8; 0.8 + 0.1·3 = 1.1
    path, state = run(SGD(0.1), 1.0, [2.0, -3.0])
    assert path == pytest.approx([0.8, 1.1])
    assert state.slots == {}
    assert state.iterations == 2


def test_momentum_by_hand() -> None:
    # velocity −0.2, then 0.9·(−0.2) + 0.3 = 0.12
    path, state = run(SGD(0.1, momentum=0.9), 1.0, [2.0, -3.0])
    assert path == pytest.approx([0.8, 0.92])
    assert state.slots["velocity"] == pytest.approx([0.12])


def test_rmsprop_by_hand() -> None:
    # v = 0.1·4 = 0.4, then 0.9·0.4 + 0.1·9 = 1.26; epsilon stands inside the root.
    first = 1 - 0.1 * 2 / math.sqrt(0.4 + EPSILON)
    second = first + 0.1 * 3 / math.sqrt(1.26 + EPSILON)
    path, state = run(RMSprop(0.1), 1.0, [2.0, -3.0])
    assert path == pytest.approx([first, second], rel=1e-14)
    assert state.slots["v"] == pytest.approx([1.26])


def test_rmsprop_where_epsilon_matters() -> None:
    # g² far below epsilon: the step is lr g / sqrt(epsilon), and not lr g / epsilon.
    path, _ = run(RMSprop(0.1), 0.0, [1e-9])
    assert path == pytest.approx([-0.1 * 1e-9 / math.sqrt(1e-7 + 1e-19)], rel=1e-12)


def test_adam_by_hand() -> None:
    # t = 1: m = 0.2, v = 0.004, alpha = 0.1 sqrt(0.001) / 0.1
    # t = 2: m = 0.18 − 0.3 = −0.12, v = 0.999·0.004 + 0.009 = 0.012996
    first = 1 - math.sqrt(0.001) * 0.2 / (math.sqrt(0.004) + EPSILON)
    alpha = 0.1 * math.sqrt(1 - 0.999**2) / (1 - 0.81)
    second = first + alpha * 0.12 / (math.sqrt(0.012996) + EPSILON)
    path, state = run(Adam(0.1), 1.0, [2.0, -3.0])
    assert path == pytest.approx([first, second], rel=1e-12)
    assert state.slots["m"] == pytest.approx([-0.12])
    assert state.slots["v"] == pytest.approx([0.012996])
    assert state.iterations == 2


CONFIGURATIONS = [SGD(0.05), SGD(0.05, momentum=0.9), RMSprop(0.01), Adam(0.01)]


@pytest.mark.parametrize("optimizer", CONFIGURATIONS, ids=repr)
@given(gradients=arrays(np.float64, (4, 3, 2), elements=st.floats(-10, 10)))
def test_arrays_of_any_shape_are_updated_element_by_element(
    optimizer: Optimizer, gradients: Array
) -> None:
    weights, step = np.ones((3, 2)), np.empty((3, 2))
    state = optimizer.init(weights)
    for gradient in gradients:
        optimizer.update(weights, gradient, state, step=step)
    for index in np.ndindex(3, 2):
        path, _ = run(optimizer, 1.0, [float(gradient[index]) for gradient in gradients])
        assert weights[index] == pytest.approx(path[-1], rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
@given(data=st.data())
def test_no_number_becomes_infinite_at_the_bounds(name: str, data: st.DataObject) -> None:
    # The largest learning rate, and gradients up to those whose norm float32 just holds.
    optimizer = OPTIMIZERS[name](1e12)
    exponents = data.draw(st.lists(st.integers(-38, 19), min_size=1, max_size=5))
    weights, step = np.zeros(1, np.float32), np.empty(1, np.float32)
    state = optimizer.init(weights)
    with np.errstate(under="ignore"):
        for exponent in exponents:
            optimizer.update(weights, np.array([10.0**exponent], np.float32), state, step=step)
    for array in (weights, step, *state.slots.values()):
        assert np.isfinite(array).all()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_gradient_of_zero_leaves_a_fresh_weight(name: str) -> None:
    path, _ = run(OPTIMIZERS[name](), 1.0, [0.0])
    assert path == [1.0]
