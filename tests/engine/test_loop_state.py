"""States of a loop: what is restored goes on bit for bit."""

import contextlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine import (
    ConfigurationError,
    NonFiniteError,
    NotComputedError,
    PhaseOrderError,
    Samples,
    ShapeError,
)
from engine.arrays import Array
from engine.loop_state import LoopState
from tests.engine.builders import small_loop

OPTIMIZERS: list[str | dict[str, object]] = [
    "sgd",
    {"name": "sgd", "momentum": 0.9},
    "rmsprop",
    "adam",
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
@pytest.mark.parametrize("batches", [0, 3, 7, 12])  # the start, mid-epoch, an epoch's end, later
def test_a_restored_loop_goes_on_bit_for_bit(
    samples: Samples, optimizer: str | dict[str, object], batches: int
) -> None:
    loop = small_loop(samples, optimizer)
    for _ in range(batches):
        loop.run_batch()
    state = loop.state()
    losses = [loop.run_batch().loss for _ in range(15)]
    end = loop.network.parameters.flat.copy()

    loop.optimizer = "adam"
    loop.batch_size = 3
    loop.draw()
    loop.restore(state)
    assert [loop.run_batch().loss for _ in range(15)] == losses
    np.testing.assert_array_equal(loop.network.parameters.flat, end)

    other = small_loop(samples, batch_size=50)
    other.restore(state)
    assert (other.batch, other.epoch, other.position) == (
        state.batch,
        state.epoch,
        state.position,
    )
    assert [other.run_batch().loss for _ in range(15)] == losses


def test_a_state_is_a_copy(samples: Samples) -> None:
    loop = small_loop(samples)
    loop.run_batch()
    state = loop.state()
    parameters, v = state.parameters.copy(), state.slots["v"].copy()
    loop.run_batch()
    loop.restore(state)
    loop.run_batch()
    np.testing.assert_array_equal(state.parameters, parameters)
    np.testing.assert_array_equal(state.slots["v"], v)
    assert state.nbytes == parameters.nbytes + v.nbytes == 2 * 4 * 53


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam"])
@pytest.mark.parametrize("rate", [1.0, 1e6, 1e12])
def test_whatever_state_a_training_gets_to_can_be_restored(
    samples: Samples, optimizer: str, rate: float
) -> None:
    loop = small_loop(samples, {"name": optimizer, "learning_rate": rate})
    with contextlib.suppress(NonFiniteError):
        for _ in range(30):
            loop.restore(loop.state())
            loop.run_batch()
    loop.restore(loop.state())


def test_a_state_exists_between_batches_only(samples: Samples) -> None:
    loop = small_loop(samples)
    loop.draw()
    with pytest.raises(PhaseOrderError, match=r"expected state\(\) between two batches"):
        loop.state()


def test_restoring_withdraws_the_tensors_of_batches(samples: Samples) -> None:
    loop = small_loop(samples)
    state = loop.state()
    loop.run_batch()
    loop.restore(state)
    assert (loop.phase, loop.last_loss, loop.last_accuracy, loop.gradient_norms) == (
        None,
        None,
        None,
        {},
    )
    with pytest.raises(NotComputedError, match=r"batch\.x"):
        loop.tensor("batch.x")


def _with(number: float) -> Array:
    """53 numbers, the last of which is `number`."""
    array = np.ones(53, np.float32)
    array[-1] = number
    return array


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"parameters": np.zeros(7, np.float32)}, ShapeError, r"parameters of shape \(53,\)"),
        ({"parameters": np.zeros(53)}, ShapeError, "float32, got .* float64"),
        ({"slots": {}}, ConfigurationError, r"optimizer state \['v'\], got \[\]"),
        ({"slots": {"v": np.zeros(7, np.float32)}}, ShapeError, r"with v of shape \(53,\)"),
        ({"parameters": _with(np.nan)}, ShapeError, "with finite parameters"),
        ({"parameters": _with(-np.inf)}, ShapeError, "with finite parameters"),
        ({"slots": {"v": _with(np.inf)}}, ShapeError, "with finite v"),
        ({"slots": {"v": _with(-0.5)}}, ConfigurationError, "v of at least 0, .* got -0.5"),
        ({"position": 50}, ConfigurationError, "a position below 50"),
        ({"batch_size": 0}, ConfigurationError, "the batch size to be at least 1"),
        ({"epoch": -1}, ConfigurationError, "epoch to be at least 0"),
        ({"optimizer": {"name": "rmsprop", "learning_rate": -1}}, ConfigurationError, "got -1"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(
    samples: Samples, change: dict[str, Any], error: type[Exception], message: str
) -> None:
    loop = small_loop(samples)
    loop.run_batch()
    before = _everything(loop.state())
    with pytest.raises(error, match=message):
        loop.restore(replace(loop.state(), **change))
    assert _everything(loop.state()) == before


def test_what_is_no_state_is_refused(samples: Samples) -> None:
    with pytest.raises(ConfigurationError, match=r"a LoopState, got NoneType; .* state\(\)"):
        small_loop(samples).restore(None)  # type: ignore[arg-type]


def _everything(state: LoopState) -> list[object]:
    arrays: list[Array] = [state.parameters, *state.slots.values()]
    return [*(array.tobytes() for array in arrays), state.optimizer, state.batch, state.position]
