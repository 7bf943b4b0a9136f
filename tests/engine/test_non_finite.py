"""Numbers that are not finite: named, and found before they change anything."""

import copy

import numpy as np
import pytest

from engine import (
    Dense,
    Evaluation,
    NonFiniteError,
    NotComputedError,
    Phase,
    Samples,
    Sequential,
    ShapeError,
)
from engine.optimizers import OPTIMIZERS
from engine.training import TrainingLoop

X = np.ones((4, 2), np.float32)
Y = np.zeros((4, 1), np.float32)


def loop_with_weights(value: float, optimizer: str = "rmsprop") -> TrainingLoop:
    """A linear network of two layers whose weights are all `value`."""
    network = Sequential([Dense(2, input_shape=2), Dense(1)])
    network.compile(optimizer, "mean_squared_error", ["accuracy"])
    network.parameters.flat[:] = value
    return TrainingLoop(network, Samples(X, Y), batch_size=2)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(
    ("weights", "phase", "what"),
    [(1e15, Phase.LOSS, "loss"), (1e8, Phase.BACKWARD, "gradient norm of layer1")],
)
def test_the_last_finite_state_is_kept(
    weights: float, phase: Phase, what: str, optimizer: str
) -> None:
    loop = loop_with_weights(weights, optimizer)
    if phase is Phase.BACKWARD:
        loop.network.parameters["layer2.weights"][:] = 1e10
    before = loop.state()
    with pytest.raises(NonFiniteError, match=f"expected a finite {what} in batch 1") as caught:
        loop.run_batch()
    assert (caught.value.batch, caught.value.phase, caught.value.what) == (1, phase.value, what)
    after = loop.state()
    np.testing.assert_array_equal(after.parameters, before.parameters)
    assert np.isfinite(after.parameters).all()
    assert after.iterations == 0
    for slot, array in after.slots.items():
        np.testing.assert_array_equal(array, before.slots[slot])
    assert (loop.batch, loop.position, loop.next_phase) == (0, 0, Phase.DRAW)
    assert (loop.last_loss, loop.last_accuracy) == (None, None)
    with pytest.raises(NotComputedError):
        loop.tensor("batch.x")


def test_the_loop_goes_on_from_better_weights() -> None:
    loop = loop_with_weights(1e15)
    first = loop.draw().indices.copy()
    with pytest.raises(NonFiniteError):
        loop.run_batch()
    loop.network.parameters.flat[:] = 0.5
    np.testing.assert_array_equal(loop.draw().indices, first)
    assert np.isfinite(loop.run_batch().loss)
    assert loop.batch == 1


def test_a_learning_rate_far_too_large_is_stopped_by_name() -> None:
    network = Sequential([Dense(4, input_shape=2), Dense(1)])
    too_large = {"name": "sgd", "learning_rate": 1e6, "momentum": 0.9}
    network.compile(too_large, "mean_squared_error")
    loop = TrainingLoop(network, Samples(X, Y + 1), batch_size=2)
    with pytest.raises(NonFiniteError, match="lower learning rate"):
        _run(loop, batches=100)
    assert set(network.optimizer_state.slots) == {"velocity"}
    assert np.isfinite(network.parameters.flat).all()
    assert all(np.isfinite(slot).all() for slot in network.optimizer_state.slots.values())


def test_evaluation_names_it_too() -> None:
    loop = loop_with_weights(1e15)
    with pytest.raises(
        NonFiniteError, match="finite loss in evaluation, got inf; train the network anew"
    ):
        Evaluation(loop, Samples(X, Y)).run()


@pytest.mark.parametrize("batch_size", [1, 2, 3])
@pytest.mark.parametrize("activation", ["relu", "tanh", "linear"])
@pytest.mark.parametrize("units", [1, 2, 5])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_fit_refuses_samples_that_are_not_finite_and_undoes_what_it_trained(
    value: float, units: int, activation: str, batch_size: int
) -> None:
    network = Sequential([Dense(units, activation, input_shape=2), Dense(1)])
    network.compile("adam", "mean_squared_error")
    network.parameters["layer1.weights"][:] = 1  # with relu, -inf alone makes no loss infinite
    good = np.linspace(-1, 1, 16, dtype=np.float32).reshape(8, 2)
    network.fit(good, good[:, :1], verbose=0, batch_size=batch_size)
    untouched = copy.deepcopy(network)
    for place in range(good.size):
        bad = good.copy()
        bad.flat[place] = value
        with pytest.raises(ShapeError, match="expected samples of finite numbers"):
            network.fit(bad, good[:, :1], verbose=0, epochs=2, batch_size=batch_size)
    for one in (network, untouched):
        one.fit(good, good[:, :1], verbose=0, batch_size=batch_size)
    np.testing.assert_array_equal(network.parameters.flat, untouched.parameters.flat)


@pytest.mark.parametrize("threads", [1, 2])
def test_so_it_does_where_weights_are_held(threads: int) -> None:
    generator = np.random.default_rng(0)
    x = generator.random((2_000, 784), np.float32) * (generator.random(784) < 0.3)
    x[1_234, 567] = -np.inf
    network = Sequential([Dense(128, "relu"), Dense(10, "softmax")])
    network.compile("rmsprop", "categorical_crossentropy")
    network.build(784)
    before = network.parameters.flat.copy()
    with pytest.raises(ShapeError, match="got a range of -inf"):
        network.fit(x, np.arange(2_000) % 10, 16, verbose=0, threads=threads)
    np.testing.assert_array_equal(network.parameters.flat, before)
    assert network.optimizer_state.iterations == 0


def test_fit_names_the_batch_where_its_samples_are_not_to_blame() -> None:
    network = Sequential([Dense(4, input_shape=2), Dense(1)])
    network.compile({"name": "sgd", "learning_rate": 1e6}, "mean_squared_error")
    with pytest.raises(NonFiniteError, match="lower learning rate"):
        network.fit(X, Y + 1, verbose=0, epochs=100)
    assert network.optimizer_state.iterations > 0


def _run(loop: TrainingLoop, batches: int) -> None:
    for _ in range(batches):
        loop.run_batch()
