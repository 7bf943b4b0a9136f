"""Numbers that are not finite: named, and found before they change anything."""

import numpy as np
import pytest

from engine import Dense, Evaluation, NonFiniteError, NotComputedError, Phase, Samples, Sequential
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
    with pytest.raises(NonFiniteError, match=r"finite loss in batch 0 \(evaluation\)"):
        Evaluation(loop, Samples(X, Y)).run()


def _run(loop: TrainingLoop, batches: int) -> None:
    for _ in range(batches):
        loop.run_batch()
