"""Dense layers."""

import json
from typing import Any

import numpy as np
import pytest

from engine import ConfigurationError, Dense, Sequential
from engine.functions import ACTIVATIONS

X = np.array([[1.0, 2.0]])
WEIGHTS = [np.array([[1.0, 1.0], [-2.0, 0.5]]), np.array([0.0, 0.5])]
OUTPUTS: dict[str, list[float]] = {  # of dot(W, x) + b = (3, −0.5), by hand
    "relu": [3, 0],
    "linear": [3, -0.5],
    "tanh": [0.99505475368673, -0.46211715726001],
    "sigmoid": [0.95257412682243, 0.37754066879815],
    "softmax": [0.97068776924864, 0.02931223075136],
}


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_output_by_hand(activation: str) -> None:
    network = Sequential([Dense(2, activation, input_shape=2)], dtype="float64")
    network.set_weights(WEIGHTS)
    np.testing.assert_allclose(network.predict(X), [OUTPUTS[activation]], rtol=1e-12)


@pytest.mark.parametrize("shape", [784, (784,), [784]])
def test_the_input_shape_may_be_a_number_or_keras_tuple(shape: int | tuple[int, ...]) -> None:
    network = Sequential([Dense(3, input_shape=shape)])
    assert network.parameters["layer1.weights"].shape == (3, 784)


@pytest.mark.parametrize("units", [0, -1, 2.5, "3", None, True])
def test_units_that_are_none(units: object) -> None:
    with pytest.raises(ConfigurationError, match="expected the units of a Dense layer"):
        Dense(units)  # type: ignore[arg-type]


def test_units_counted_by_numpy_can_be_written_to_json() -> None:
    units: Any = np.int64(3)
    assert json.dumps(Dense(units).config()) == '{"units": 3, "activation": "linear"}'


def test_an_unknown_activation_is_told_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="relu, tanh, sigmoid, linear, softmax, got 'rel'"):
        Dense(3, "rel")


def test_bytes_are_no_input_shape() -> None:
    with pytest.raises(ConfigurationError, match=r"the number of inputs .* got b'7'"):
        Dense(3, input_shape=b"7")  # type: ignore[arg-type]


def test_images_are_to_be_flattened() -> None:
    with pytest.raises(ConfigurationError, match=r"got \(28, 28\); flatten"):
        Dense(3, input_shape=(28, 28))
