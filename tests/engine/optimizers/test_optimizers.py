"""Configurations of optimizers, and how state passes from one to the next."""

import json
import math

import numpy as np
import pytest

from engine import SGD, Adam, ConfigurationError, RMSprop, optimizers
from engine.optimizers import OPTIMIZERS, Optimizer, OptimizerState

PARAMETERS = np.zeros(3, np.float32)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_name_gives_keras_defaults(name: str) -> None:
    assert optimizers.get(name) == OPTIMIZERS[name]()
    assert optimizers.get(name).learning_rate == {"sgd": 0.01}.get(name, 0.001)


@pytest.mark.parametrize(
    "optimizer",
    [
        SGD(0.5, 0.9),
        RMSprop(0.1, rho=0.5),
        Adam(1, 0.1, 0.2),
        Adam(*np.array([0.1, 0.9, 0.99, 1e-6], np.float32)),  # of which JSON knows nothing
    ],
)
def test_the_configuration_survives_json(optimizer: Optimizer) -> None:
    assert optimizers.get(json.loads(json.dumps(optimizer.config()))) == optimizer
    assert optimizers.get(optimizer) is optimizer


@pytest.mark.parametrize("rate", [0, -0.1, math.nan, math.inf, 1e13, "fast", None, True, [0.1]])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_impossible_learning_rates(name: str, rate: object) -> None:
    with pytest.raises(ConfigurationError, match="expected the learning rate"):
        optimizers.get({"name": name, "learning_rate": rate})


@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        ({"name": "sgd", "momentum": 1}, "expected momentum to be from 0 to 0.9999999, got 1"),
        (
            {"name": "sgd", "momentum": -0.1},
            "expected momentum to be from 0 to 0.9999999, got -0.1",
        ),
        ({"name": "rmsprop", "rho": math.nan}, "expected rho to be a finite number, got nan"),
        ({"name": "rmsprop", "epsilon": 0}, "expected epsilon to be from 1e-12 to 1, got 0"),
        ({"name": "adam", "beta_1": 1.0}, "expected beta_1 to be from 0 to 0.9999999, got 1.0"),
        ({"name": "adam", "epsilon": 2}, "expected epsilon to be from 1e-12 to 1, got 2"),
        ({"name": "adam", "beta_2": 1.0}, "expected beta_2 to be from 0 to 0.9999999, got 1.0"),
        ({"name": "adam", "beta_2": 0.99999999}, "beta_2 to be .* got 0.99999999"),
        ({"name": "rmsprop", "momentum": 0.9}, "expected options of rmsprop.* got 'momentum'"),
        ({"learning_rate": 0.1}, "one of sgd, rmsprop, adam, got None"),
        ("RMSProp", "one of sgd, rmsprop, adam, got 'RMSProp'"),
        (7, "one of sgd, rmsprop, adam, got 7"),
    ],
)
def test_impossible_configurations(configuration: object, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        optimizers.get(configuration)  # type: ignore[arg-type]


def test_the_same_class_keeps_its_state() -> None:
    state = OptimizerState(5, {"v": np.ones(3, np.float32)})
    adopted = RMSprop(0.5).adopt(RMSprop(0.1), state, PARAMETERS)
    assert adopted.iterations == 5
    assert adopted.slots["v"] is state.slots["v"]


def test_another_class_starts_afresh() -> None:
    state = OptimizerState(5, {"v": np.ones(3, np.float32)})
    adopted = Adam().adopt(RMSprop(), state, PARAMETERS)
    assert adopted.iterations == 0
    assert {slot: array.tolist() for slot, array in adopted.slots.items()} == {
        "m": [0, 0, 0],
        "v": [0, 0, 0],
    }


def test_momentum_may_be_switched_on_and_off() -> None:
    on = SGD(momentum=0.9).adopt(SGD(), OptimizerState(5, {}), PARAMETERS)
    assert on.iterations == 5
    np.testing.assert_array_equal(on.slots["velocity"], np.zeros(3))
    assert SGD().adopt(SGD(momentum=0.9), on, PARAMETERS).slots == {}


@pytest.mark.parametrize("optimizer", [SGD(0.5), SGD(0.5, 0.9), RMSprop(0.1), Adam(0.1)])
def test_what_an_update_does_where_the_gradient_is_zero(optimizer: Optimizer) -> None:
    generator = np.random.default_rng(0)
    parameters = generator.normal(size=20).astype(np.float32)
    squares = np.square(parameters)
    state = OptimizerState(3, {name: squares.copy() for name in optimizer.slots})
    without, before, step = state.copy(), parameters.copy(), np.empty_like(parameters)
    optimizer.update(parameters, np.zeros_like(parameters), state, step=step)
    assert optimizer.moves_without_gradient == (parameters != before).any()
    if optimizer.moves_without_gradient:
        with pytest.raises(NotImplementedError, match="moves parameters without a gradient"):
            optimizer.update_without_gradient(without)
        return
    optimizer.update_without_gradient(without)
    for name, slot in state.slots.items():
        np.testing.assert_array_equal(without.slots[name], slot)
