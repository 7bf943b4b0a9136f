"""Arrays and plans that a training leaves behind, for the next one of the same network."""

import copy
import gc
import weakref
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pytest

import engine.loop_arrays
import engine.sequential
from engine import (
    ConfigurationError,
    Dense,
    NonFiniteError,
    PhaseOrderError,
    Samples,
    Sequential,
    TrainingLoop,
)
from engine.arrays import Array
from engine.planned_batch import PlannedBatch
from engine.sequential import NETWORKS, _arrays_left
from engine.traces import LossTrace

INPUTS = 400
Training: TypeAlias = Callable[[Sequential], object]


@pytest.fixture(autouse=True)
def _nothing_left() -> None:
    _arrays_left.clear()


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The capacities of all planned batches that are made."""
    capacities: list[int] = []
    init = PlannedBatch.__init__

    def noting(batch: PlannedBatch, *args: object) -> None:
        init(batch, *args)  # type: ignore[arg-type]
        capacities.append(batch.capacity)

    monkeypatch.setattr(PlannedBatch, "__init__", noting)
    return capacities


def network(optimizer: str = "rmsprop") -> Sequential:
    """With weights enough for a helper to share the work."""
    built = Sequential([Dense(300, "relu"), Dense(3, "softmax")])
    built.compile(optimizer, metrics=["accuracy"])
    return built


def points(n: int = 200, share: float = 0.2, seed: int = 1) -> tuple[Array, Array]:
    """Samples of which some inputs are often on, some seldom: which ones is the seed's."""
    source = np.random.default_rng(seed)
    shares = source.choice([0, 0.01, share, 0.9], INPUTS)
    x = source.random((n, INPUTS), np.float32) * (source.random((n, INPUTS)) < shares)
    return x.astype(np.float32), source.integers(0, 3, n)


def fit(
    seed: int = 1, *, n: int = 200, batch_size: int = 16, threads: int = 1, epochs: int = 1
) -> Training:
    """A fit on the points of that seed; its figures."""
    return lambda trained: (
        trained.fit(*points(n, seed=seed), batch_size, epochs, verbose=0, threads=threads).history
    )


def batch(n: int, seed: int = 1) -> Training:
    """One update on so many of the points of that seed; its figures."""
    return lambda trained: trained.train_on_batch(*points(n, seed=seed))


def on_bytes(trained: Sequential) -> object:
    """A fit on samples of another type."""
    x, y = points()
    return trained.fit((x > 0).astype(np.uint8), y, 16, verbose=0).history


def on_rows(trained: Sequential) -> object:
    """A fit on targets of another kind."""
    x, y = points()
    return trained.fit(x, np.eye(3)[y], 16, verbose=0).history


def set_weights(trained: Sequential) -> object:
    """The weights halved."""
    trained.set_weights([weights / 2 for weights in trained.get_weights()])
    return None


def compile_anew(trained: Sequential) -> object:
    """Another loss, and an optimizer's state from the start."""
    trained.compile("sgd", "mean_squared_error", metrics=["accuracy"])
    return None


def set_optimizer(trained: Sequential) -> object:
    """An optimizer of which nothing can be held."""
    trained.optimizer = "adam"
    return None


SEQUENCES: dict[str, list[Training]] = {
    "the same again": [fit(), fit(), fit(epochs=2)],
    "other samples": [fit(1), fit(2), fit(3, n=150), fit(1)],
    "other sizes of batch": [fit(), fit(batch_size=8), fit(batch_size=40), fit()],
    "threads": [fit(), fit(threads=2), fit(2, threads=2), fit()],
    "batches": [batch(16), fit(), batch(16, 2), batch(5, 3), fit(threads=2), batch(16)],
    "kinds": [fit(), on_bytes, on_rows, fit()],
    "weights": [fit(), set_weights, fit()],
    "compiled anew": [fit(), compile_anew, fit(), fit()],
    "optimizers": [fit(), set_optimizer, fit(), batch(16)],
}


@pytest.mark.parametrize("sequence", SEQUENCES.values(), ids=SEQUENCES.keys())
def test_trainings_one_after_another_are_those_in_arrays_of_their_own(
    sequence: list[Training],
) -> None:
    again, anew = network(), network()
    seen = [(training(again), again.parameters.flat.copy()) for training in sequence]
    for training, (figures, parameters) in zip(sequence, seen, strict=True):
        _arrays_left.clear()
        assert training(anew) == figures
        np.testing.assert_array_equal(anew.parameters.flat, parameters)


def test_they_are_used_again_where_they_fit(made: list[int]) -> None:
    trained = network()
    shared = fit(threads=2)
    for training in (shared, fit(2), batch(16), batch(5), set_weights, set_optimizer, shared):
        training(trained)
    assert made == [16]
    fit(batch_size=32)(trained)
    shared(trained)
    assert made == [16, 32]
    on_bytes(trained)
    on_rows(trained)
    assert made == [16, 32, 16, 16]
    compile_anew(trained)
    shared(trained)
    assert made == [16, 32, 16, 16, 16]


def test_where_a_helper_is_to_see_them_there_are_others_once(made: list[int]) -> None:
    trained = network()
    for threads in (1, 2, 1, 2):
        fit(threads=threads)(trained)
    assert made == [16, 16]


def test_a_batch_is_shared_from_the_second_one_on(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []
    run_batch = TrainingLoop.run_batch

    def noting(loop: TrainingLoop) -> LossTrace:
        threads.append(loop.threads)
        return run_batch(loop)

    monkeypatch.setattr(TrainingLoop, "run_batch", noting)
    monkeypatch.setattr(engine.sequential, "available_cores", lambda: 2)
    trained = network()
    for _ in range(3):
        batch(16)(trained)
    assert threads == [1, 2, 2]


def test_numbers_of_another_scale_are_other_numbers() -> None:
    x = (points()[0] * 255).astype(np.uint8)
    trained, y = network(), points()[1]
    scaled = TrainingLoop(trained, Samples(x, y, scale=255), batch_size=16)
    scaled.run_batch()
    loop = TrainingLoop(trained, Samples(x, y), batch_size=16, arrays=scaled.leave_arrays())
    assert loop.draw().x.max() > 1


def test_a_copy_has_its_own(made: list[int]) -> None:
    trained = network()
    fit()(trained)
    copied = copy.deepcopy(trained)
    fit()(copied)
    assert made == [16, 16]
    before = copied.parameters.flat.copy()
    fit(2)(trained)
    np.testing.assert_array_equal(copied.parameters.flat, before)


def test_networks_trained_in_turns_have_theirs_and_only_the_last_ones(made: list[int]) -> None:
    trained = [network() for _ in range(NETWORKS + 1)]
    for _ in range(2):
        for one in trained[1:]:
            fit()(one)
    assert len(made) == NETWORKS
    fit()(trained[0])
    assert list(_arrays_left) == [*trained[2:], trained[0]]
    del one, trained[0]
    gc.collect()
    assert list(_arrays_left) == trained[1:]


def test_they_keep_no_samples_alive() -> None:
    trained, (x, y) = network(), points()
    trained.fit(x, y, 16, verbose=0)
    samples, targets = weakref.ref(x), weakref.ref(y)
    del x, y
    gc.collect()
    assert samples() is None
    assert targets() is None
    assert list(_arrays_left) == [trained]


@pytest.mark.parametrize(("inputs", "units"), [(400, 300), (10, 3_000)])
def test_large_ones_do_not_stay(inputs: int, units: int, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = Sequential([Dense(units, "relu"), Dense(3, "softmax")])
    trained.compile()
    numbers = units * (inputs + 1) + 3 * (units + 1) + 16 * (inputs + units + 3)
    monkeypatch.setattr(engine.loop_arrays, "MOST_LEFT", 4 * numbers)
    x, y = np.ones((20, inputs), np.float32), np.zeros(20, int)
    trained.train_on_batch(x[:16], y[:16])
    assert _arrays_left
    trained.train_on_batch(x[:17], y[:17])
    assert not _arrays_left


def test_a_training_that_fails_leaves_none_and_the_next_one_goes_on() -> None:
    trained, (x, y) = network(), points()
    trained.fit(x, y, 16, verbose=0)
    with pytest.raises(NonFiniteError):
        trained.fit(x * np.float32(1e38), y, 16, verbose=0)
    assert not _arrays_left
    history = trained.fit(x, y, 16, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_a_loop_that_has_left_them_does_not_go_on() -> None:
    loop = TrainingLoop(network(), Samples(*points()), batch_size=16)
    loop.draw()
    with pytest.raises(PhaseOrderError, match=r"expected leave_arrays\(\) between two batches"):
        loop.leave_arrays()
    loop.run_batch()
    assert loop.leave_arrays()
    with pytest.raises(ConfigurationError, match="got one that has left its arrays"):
        loop.run_batch()


def test_a_loop_of_another_network_does_not_take_them(made: list[int]) -> None:
    arrays = TrainingLoop(network(), Samples(*points()), batch_size=16).leave_arrays()
    loop = TrainingLoop(network(), Samples(*points()), batch_size=16, arrays=arrays)
    assert made == [16, 16]
    assert loop.leave_arrays() is not arrays


def test_nor_does_one_in_a_child(made: list[int]) -> None:
    trained = network()
    loop = TrainingLoop(trained, Samples(*points()), batch_size=16, threads=2)
    arrays = loop.leave_arrays()
    later = TrainingLoop(trained, Samples(*points()), batch_size=16)
    trained.leave_shared_memory()  # as a fork does
    assert later.leave_arrays() is None
    TrainingLoop(trained, Samples(*points()), batch_size=16, arrays=arrays)
    assert made == [16, 16, 16]
