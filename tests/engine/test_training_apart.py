"""What changes a network beside its batches: a step on other samples, a weight set by hand."""

import numpy as np
import pytest

from engine import ConfigurationError, NonFiniteError, PhaseOrderError, Samples
from tests.engine.builders import small_loop


def test_a_step_apart_lowers_the_loss_of_its_samples_and_counts_as_no_batch(
    samples: Samples,
) -> None:
    loop = small_loop(samples, {"name": "sgd", "learning_rate": 0.1})
    loop.run_batch()
    x, y = samples.x[:1], samples.y[:1]
    position = loop.position
    before = loop.train_on(x, y)
    after, _ = loop.network.loss_and_gradients(x, y)
    assert after < before
    assert (loop.batch, loop.position) == (1, position)


def test_a_step_apart_is_the_optimizers_rule(samples: Samples) -> None:
    loop = small_loop(samples, {"name": "sgd", "learning_rate": 0.5})
    x, y = samples.x[:2], samples.y[:2]
    _, gradients = loop.network.loss_and_gradients(x, y)
    before = {name: array.copy() for name, array in loop.network.parameters.items()}
    loop.train_on(x, y)
    for name, array in loop.network.parameters.items():
        assert np.allclose(array, before[name] - 0.5 * gradients[name], rtol=1e-6, atol=1e-7)
        assert np.allclose(loop.tensor(f"{name}.step"), -0.5 * gradients[name], rtol=1e-6)
    assert loop.trained_apart
    assert not loop.has_gradient
    assert loop.flat_step() is None
    loop.run_batch()
    assert not loop.trained_apart
    assert loop.has_gradient
    assert loop.flat_step() is not None


def test_a_step_apart_is_the_last_until_the_next_batch_has_its_own(samples: Samples) -> None:
    loop = small_loop(samples)
    loop.train_on(samples.x[:2], samples.y[:2])
    seen = []
    while loop.batch == 0:
        loop.run_phase()
        seen.append((loop.trained_apart, loop.has_gradient))
    assert seen == [*[(True, False)] * 3, (True, True), (False, True)]


def test_nothing_is_left_of_a_step_apart_in_a_state_gone_back_to(samples: Samples) -> None:
    loop = small_loop(samples)
    loop.run_batch()
    state = loop.state()
    loop.train_on(samples.x[:2], samples.y[:2])
    loop.set_parameter("layer1.bias", (0,), 1.0)
    loop.restore(state)
    assert not loop.trained_apart
    assert loop.step_optimizer is None
    assert loop.drawn.size == 0
    assert np.array_equal(loop.parameters_of_gradient(), state.parameters)


def test_a_step_apart_that_is_not_finite_changes_nothing(samples: Samples) -> None:
    loop = small_loop(samples)
    loop.run_batch()
    loop.network.parameters["layer2.weights"][:] = 1e38
    before, names = loop.network.parameters.flat.copy(), loop.computed_tensor_names()
    with pytest.raises(NonFiniteError):
        loop.train_on(samples.x[:1], samples.y[:1])
    assert np.array_equal(loop.network.parameters.flat, before)
    assert loop.computed_tensor_names() == names


def test_a_weight_is_set(samples: Samples) -> None:
    loop = small_loop(samples)
    loop.set_parameter("layer1.bias", (2,), 0.25)
    assert loop.network.parameters["layer1.bias"][2] == 0.25


@pytest.mark.parametrize(
    ("name", "index", "value", "words"),
    [
        ("layer7.weights", (0, 0), 1.0, "expected the name of a parameter"),
        ("layer1.weights", (0,), 1.0, "expected an index into layer1.weights of shape"),
        ("x" * 5000, (0, 0), 1.0, "expected the name of a parameter"),
        ("layer1.weights", (10**4000, 0), 1.0, "expected an index into layer1.weights of shape"),
        ("layer1.weights", (-1, 0), 1.0, "expected an index into layer1.weights of shape"),
        ("layer1.bias", 0, 1.0, "expected an index into layer1.bias of shape"),
        ("layer1.bias", [0], 1.0, "expected an index into layer1.bias of shape"),
        ("layer1.bias", (np.array([1]),), 1.0, "expected an index into layer1.bias of shape"),
        ("layer1.bias", (0.5,), 1.0, "expected an index into layer1.bias of shape"),
        ("layer1.bias", (0,), float("nan"), "expected the value of layer1.bias to be a finite"),
        ("layer1.bias", (0,), "1", "expected the value of layer1.bias to be a finite"),
        ("layer1.bias", (0,), 1e7, "expected a value from"),
    ],
)
def test_what_is_no_weight_or_no_value_is_refused(
    samples: Samples, name: str, index: tuple[int, ...], value: float, words: str
) -> None:
    loop = small_loop(samples)
    with pytest.raises(ConfigurationError, match=words) as caught:
        loop.set_parameter(name, index, value)
    assert len(str(caught.value)) < 200


def test_in_the_middle_of_a_batch_both_are_refused(samples: Samples) -> None:
    loop = small_loop(samples)
    loop.draw()
    with pytest.raises(PhaseOrderError):
        loop.train_on(samples.x[:1], samples.y[:1])
    with pytest.raises(PhaseOrderError):
        loop.set_parameter("layer1.bias", (0,), 1.0)
