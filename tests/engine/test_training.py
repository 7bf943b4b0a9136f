"""The training loop: phases, batches, epochs, changes on the way."""

import re
import signal
from collections.abc import Callable
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import (
    BackwardTrace,
    ConfigurationError,
    Dense,
    DrawTrace,
    EngineError,
    Evaluation,
    ForwardTrace,
    LossTrace,
    NotComputedError,
    Phase,
    PhaseOrderError,
    Samples,
    Sequential,
    ShapeError,
    Trace,
    TrainingLoop,
    UnknownTensorError,
    UpdateTrace,
)
from engine.arrays import Array
from engine.optimizers import OPTIMIZERS
from engine.planned_batch import PlannedBatch
from engine.shared_update import SharedUpdate
from tests.engine.builders import small_loop, small_network
from tests.support.calls import at_call


def test_the_phases_come_in_order_and_return_their_traces(samples: Samples) -> None:
    loop = small_loop(samples)
    assert (loop.phase, loop.next_phase) == (None, Phase.DRAW)
    kinds: list[type[Trace]] = [DrawTrace, ForwardTrace, LossTrace, BackwardTrace, UpdateTrace]
    for phase, kind in zip(Phase, kinds, strict=True):
        assert loop.next_phase is phase
        trace = loop.run_phase()
        assert isinstance(trace, kind)
        assert trace.phase is phase is loop.phase
        assert trace.batch == 1
    assert (loop.batch, loop.phase, loop.next_phase) == (1, Phase.UPDATE, Phase.DRAW)


STEPS: dict[str, Callable[[TrainingLoop], object]] = {
    "a batch": lambda loop: loop.run_batch(),
    "an update": lambda loop: [loop.run_phase() for _ in Phase],
    "a step apart": lambda loop: loop.train_on(loop.samples.x[:1], loop.samples.y[:1]),
}


@pytest.mark.parametrize("step", STEPS)
def test_ctrl_c_waits_until_all_weights_are_updated(
    samples: Samples, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    one, other = small_loop(samples, "adam"), small_loop(samples, "adam")
    STEPS[step](one)
    with monkeypatch.context() as patch:
        at_call(patch, SharedUpdate, "run", 1, lambda: signal.raise_signal(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            STEPS[step](other)
    assert (other.batch, other.next_phase) == (one.batch, Phase.DRAW)
    for loop in (one, other):
        loop.run_batch()
    np.testing.assert_array_equal(one.state().parameters, other.state().parameters)


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop"])  # of which one holds no weights
def test_what_ctrl_c_has_waited_for_is_seen(
    samples: Samples, monkeypatch: pytest.MonkeyPatch, optimizer: str
) -> None:
    one, other = small_loop(samples, optimizer), small_loop(samples, optimizer)
    seen: list[int] = []
    with monkeypatch.context() as patch:
        at_call(patch, SharedUpdate, "run", 2, lambda: signal.raise_signal(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            other.run_batches(5, lambda trace: seen.append(trace.batch))
    assert seen == [1, 2]
    for _ in range(2):
        one.run_batch()
    np.testing.assert_array_equal(one.state().parameters, other.state().parameters)


def test_what_no_loop_can_be_made_of_is_refused_and_builds_nothing(samples: Samples) -> None:
    network = small_network()
    arrays: tuple[Array, Array] = (samples.x, samples.y)
    for make in (TrainingLoop, Evaluation):
        with pytest.raises(ConfigurationError, match="expected Samples, got tuple"):
            make(network, arrays)  # type: ignore[arg-type]
        with pytest.raises(ConfigurationError, match=r"a network.*, got NoneType; make"):
            make(None, samples)  # type: ignore[arg-type]
    for wrong in ({"first_epoch": -1}, {"threads": 0}, {"batch_size": 0}):
        with pytest.raises(ConfigurationError, match=r"expected the .* to be at least"):
            TrainingLoop(network, samples, **wrong)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="expected the chunk to be at least 1"):
        Evaluation(network, samples, 0)
    assert network.inputs is None
    loop = TrainingLoop(network, samples)
    for count in (-1, 2.5, "3"):
        with pytest.raises(ConfigurationError, match="expected the number of batches"):
            loop.run_batches(count, print)  # type: ignore[arg-type]


def test_a_network_that_is_compiled_again_needs_another_loop(samples: Samples) -> None:
    network = small_network()
    loop = TrainingLoop(network, samples)
    loop.run_batch()
    network.compile("sgd", "mean_squared_error")
    with pytest.raises(ConfigurationError, match="compiled again; make a new TrainingLoop"):
        loop.run_batch()
    assert TrainingLoop(network, samples).run_batch().batch == 1


def test_the_phases_have_public_names() -> None:
    assert [phase.value for phase in Phase] == ["draw", "forward", "loss", "backward", "update"]


@pytest.mark.parametrize("early", ["forward", "loss", "backward", "update"])
def test_a_phase_out_of_order_says_which_is_next(samples: Samples, early: str) -> None:
    loop = small_loop(samples)
    with pytest.raises(PhaseOrderError, match=f"expected the phase draw next, got {early}"):
        getattr(loop, early)()
    loop.draw()
    with pytest.raises(PhaseOrderError, match="expected the phase forward next, got draw"):
        loop.draw()


BETWEEN_BATCHES: dict[str, Callable[[TrainingLoop], object]] = {
    "state": lambda loop: loop.state(),
    "set_parameter": lambda loop: loop.set_parameter("layer1.bias", (0,), 0.5),
    "train_on": lambda loop: loop.train_on(loop.samples.x[:1], loop.samples.y[:1]),
    "run_batches": lambda loop: loop.run_batches(1, print),
    "leave_arrays": lambda loop: loop.leave_arrays(),
}


@pytest.mark.parametrize("call", BETWEEN_BATCHES)
def test_what_may_come_between_batches_only_says_so(samples: Samples, call: str) -> None:
    loop = small_loop(samples)
    loop.draw()
    loop.forward()
    said = rf"expected {call}\(\) between two batches, got it after the phase forward of one; "
    with pytest.raises(PhaseOrderError, match=said + r"call run_batch\(\)"):
        BETWEEN_BATCHES[call](loop)
    loop.run_batch()
    BETWEEN_BATCHES[call](loop)


def test_one_batch_by_hand() -> None:
    # One linear unit, w = 2, b = 1; samples (1, 4) and (3, 5): predictions 3 and 7, errors −1
    # and 2. loss = (1 + 4) / 2; dL/dw = (2·(−1)·1 + 2·2·3) / 2 = 5; dL/db = 1.
    network = Sequential([Dense(1, input_shape=1)], dtype="float64")
    network.compile({"name": "sgd", "learning_rate": 0.1}, "mean_squared_error")
    network.set_weights([np.array([[2.0]]), np.array([1.0])])
    data = Samples(np.array([[1.0], [3.0]]), np.array([4.0, 5.0]))
    loop = TrainingLoop(network, data, batch_size=2, shuffle=False)

    draw = loop.draw()
    np.testing.assert_array_equal(draw.x, [[1], [3]])
    np.testing.assert_array_equal(draw.y, [[4], [5]])
    np.testing.assert_array_equal(draw.indices, [0, 1])
    np.testing.assert_array_equal(loop.forward().predictions, [[3], [7]])
    loss = loop.loss()
    np.testing.assert_array_equal(loss.per_sample, [1, 4])
    assert (loss.loss, loss.accuracy, loop.last_loss) == (2.5, None, 2.5)
    backward = loop.backward()
    np.testing.assert_array_equal(backward.gradients["layer1.weights.gradient"], [[5]])
    np.testing.assert_array_equal(backward.gradients["layer1.bias.gradient"], [1])
    assert backward.gradient_norms["layer1"] == pytest.approx(26**0.5)
    update = loop.update()
    np.testing.assert_allclose(update.steps["layer1.weights.step"], [[-0.5]])
    np.testing.assert_allclose(update.parameters["layer1.weights"], [[1.5]])
    np.testing.assert_allclose(update.parameters["layer1.bias"], [0.9])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_single_phases_and_whole_batches_give_the_same_bits(
    samples: Samples, optimizer: str
) -> None:
    stepped, run = small_loop(samples, optimizer), small_loop(samples, optimizer)
    for _ in range(20):
        for _ in Phase:
            stepped.run_phase()
        trace = run.run_batch()
        assert trace.loss == run.last_loss == stepped.last_loss
    np.testing.assert_array_equal(stepped.network.parameters.flat, run.network.parameters.flat)


@pytest.mark.parametrize(
    ("where", "what"),
    [(PlannedBatch, "norms"), (TrainingLoop, "_ran"), (TrainingLoop, "_judge_loss")],
)
def test_an_interrupted_batch_shows_nothing_that_is_not_its_own_and_can_go_on(
    samples: Samples, monkeypatch: pytest.MonkeyPatch, where: type, what: str
) -> None:
    loop, steady = small_loop(samples), small_loop(samples)
    assert loop.run_batch().loss == steady.run_batch().loss
    with monkeypatch.context() as patch:
        patch.setattr(where, what, Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            loop.run_batch()
    assert loop.batch == 1
    assert not loop.has_gradient
    for name in ("loss.per_sample", "layer1.weights.gradient", "layer1.weights.step"):
        with pytest.raises(NotComputedError):
            loop.tensor(name)
    assert loop.run_batch().loss == steady.run_batch().loss


def test_run_batch_finishes_a_batch_that_has_begun(samples: Samples) -> None:
    loop = small_loop(samples)
    for _ in range(4):
        loop.run_phase()
    loss = loop.last_loss
    assert loop.run_batch().loss == loss
    assert (loop.batch, loop.phase) == (1, Phase.UPDATE)


def test_the_update_adds_the_step(samples: Samples) -> None:
    loop = small_loop(samples)
    for _ in range(3):
        before = loop.network.parameters.flat.copy()
        loop.run_batch()
        for name, weights in loop.network.parameters.items():
            old = loop.network.parameters.beside(before)[name]
            np.testing.assert_array_equal(old + loop.tensor(f"{name}.step"), weights)


def test_the_last_batch_is_shorter_and_the_next_epoch_starts_afresh(samples: Samples) -> None:
    loop = small_loop(samples, batch_size=16)
    assert loop.batches_per_epoch == 4
    sizes = [len(loop.run_batch().per_sample) for _ in range(8)]
    assert sizes == [16, 16, 16, 2] * 2
    assert (loop.batch, loop.epoch, loop.batch_in_epoch, loop.position) == (8, 2, 0, 0)


def test_counts_while_an_epoch_runs(samples: Samples) -> None:
    loop = small_loop(samples, batch_size=16)
    loop.run_batch()
    assert (loop.batch, loop.epoch, loop.batch_in_epoch, loop.position) == (1, 0, 1, 16)
    loop.draw()
    assert (loop.batch, loop.position, loop.batches_per_epoch) == (1, 16, 4)


@given(sizes=st.lists(st.integers(1, 70), min_size=1, max_size=25), seed=st.integers(0, 99))
def test_the_batch_size_may_change_in_mid_epoch(sizes: list[int], seed: int) -> None:
    x = np.arange(50, dtype=np.float32)[:, np.newaxis]
    loop = small_loop(Samples(x, np.zeros(50, int)), seed=seed)
    used: list[float] = []
    for size in sizes:
        loop.batch_size = size
        drawn = loop.draw()
        loop.batch_size = 1  # too late for this batch
        np.testing.assert_array_equal(drawn.x, x[drawn.indices])
        used.extend(drawn.x[:, 0].tolist())
        loop.run_batch()
        if loop.position == 0:
            assert sorted(used) == list(range(50))
            used.clear()
        assert len(used) == loop.position


def test_a_batch_is_what_the_samples_say(points: tuple[Array, Array]) -> None:
    x, y = points
    loop = small_loop(Samples(x, y))
    drawn = loop.draw()
    np.testing.assert_array_equal(drawn.x, x[drawn.indices])
    np.testing.assert_array_equal(drawn.y, y[drawn.indices])
    assert len(set(drawn.indices.tolist())) == 8


def test_the_seed_gives_the_order_and_the_start(samples: Samples) -> None:
    def fingerprint(seed: int) -> tuple[bytes, bytes]:
        loop = small_loop(samples, seed=seed)
        return loop.network.parameters.flat.tobytes(), loop.draw().indices.tobytes()

    assert fingerprint(1) == fingerprint(1)
    assert all(a != b for a, b in zip(fingerprint(1), fingerprint(2), strict=True))


def test_bytes_train_to_the_bits_of_scaled_floats() -> None:
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (40, 6), dtype=np.uint8)
    labels = generator.integers(0, 3, 40)
    scaled = small_loop(Samples(pixels.astype(np.float32) / 255, labels))
    loop = small_loop(Samples(pixels, labels, scale=255))
    for _ in range(12):
        assert loop.run_batch().loss == scaled.run_batch().loss
    np.testing.assert_array_equal(loop.network.parameters.flat, scaled.network.parameters.flat)


def test_a_learning_rate_is_used_from_the_next_update_on(samples: Samples) -> None:
    loop = small_loop(samples, "sgd")
    for _ in range(4):
        loop.run_phase()
    loop.learning_rate = 0.25
    gradient = loop.tensor("layer1.weights.gradient").copy()
    trace = loop.update()
    assert trace.learning_rate == loop.learning_rate == 0.25
    np.testing.assert_array_equal(trace.steps["layer1.weights.step"], gradient * np.float32(-0.25))


def test_the_same_optimizer_keeps_its_state_and_another_starts_afresh(samples: Samples) -> None:
    loop = small_loop(samples)
    loop.run_batch()
    v = loop.tensor("layer1.weights.v").copy()
    assert v.any()
    loop.optimizer = {"name": "rmsprop", "learning_rate": 0.5}
    np.testing.assert_array_equal(loop.tensor("layer1.weights.v"), v)
    loop.optimizer = "adam"
    assert not loop.tensor("layer1.weights.v").any()
    assert "layer1.weights.m" in loop.computed_tensor_names()
    loop.optimizer = "sgd"
    with pytest.raises(UnknownTensorError, match=re.escape("got 'layer1.weights.v'; choose")):
        loop.tensor("layer1.weights.v")


@pytest.mark.parametrize(
    ("name", "value"),
    [("batch_size", 0), ("batch_size", 1.5), ("learning_rate", float("nan")), ("optimizer", "x")],
)
def test_impossible_changes_change_nothing(samples: Samples, name: str, value: object) -> None:
    loop = small_loop(samples)
    before = getattr(loop, name)
    with pytest.raises(ConfigurationError):
        setattr(loop, name, value)
    assert getattr(loop, name) == before


def test_tensors_have_names_and_shapes(samples: Samples) -> None:
    loop = small_loop(samples)
    loop.run_batch()
    shapes = {name: loop.tensor(name).shape for name in loop.computed_tensor_names()}
    layers = {"layer1": (5, 6), "layer2": (3, 5)}
    expected: dict[str, tuple[int, ...]] = {
        "batch.x": (8, 6),
        "batch.y": (8,),
        "loss.per_sample": (8,),
        "loss.per_sample.gradient": (8,),
    }
    for layer, (units, inputs) in layers.items():
        for suffix in ("", ".gradient", ".step", ".v"):
            expected[f"{layer}.weights{suffix}"] = (units, inputs)
            expected[f"{layer}.bias{suffix}"] = (units,)
        for kind in ("preactivations", "activations", "preactivations.gradient"):
            expected[f"{layer}.{kind}"] = (8, units)
    # softmax and cross-entropy are one function: nothing passes through softmax's derivative.
    expected["layer1.activations.gradient"] = (8, 5)
    assert shapes == expected


def test_tensors_of_phases_to_come(samples: Samples) -> None:
    loop = small_loop(samples)
    assert loop.tensor("layer1.weights").any()
    assert not loop.tensor("layer1.weights.v").any()
    assert "layer1.activations" not in loop.computed_tensor_names()
    with pytest.raises(NotComputedError, match="run the phase forward first"):
        loop.tensor("layer1.activations")
    loop.draw()
    loop.forward()
    assert loop.tensor("layer1.activations").shape == (8, 5)
    assert "layer1.activations" in loop.computed_tensor_names()


def test_tensors_agree_with_plain_numpy(samples: Samples) -> None:
    loop = small_loop(samples)
    for _ in range(4):
        loop.run_phase()
    x, labels = loop.tensor("batch.x"), loop.tensor("batch.y")
    w1, b1, w2, b2 = loop.network.get_weights()
    z1 = x @ w1.T + b1
    a1 = np.maximum(z1, 0)
    z2 = a1 @ w2.T + b2
    p = np.exp(z2) / np.exp(z2).sum(axis=1, keepdims=True)
    delta = (p - np.eye(3)[labels]) / 8
    for name, expected in {
        "layer1.activations": a1,
        "layer2.activations": p,
        "loss.per_sample": -np.log(p[np.arange(8), labels]),
        "layer2.preactivations.gradient": delta,
        "layer2.weights.gradient": delta.T @ a1,
        "layer1.bias.gradient": ((delta @ w2) * (z1 > 0)).sum(axis=0),
        "layer1.weights.gradient": ((delta @ w2) * (z1 > 0)).T @ x,
    }.items():
        np.testing.assert_allclose(loop.tensor(name), expected, rtol=2e-5, atol=1e-7)
    gradients = [loop.tensor(f"layer1.{kind}.gradient").ravel() for kind in ("weights", "bias")]
    norm = np.linalg.norm(np.concatenate(gradients))
    assert loop.gradient_norms["layer1"] == pytest.approx(norm, rel=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_everything_is_of_the_networks_dtype(samples: Samples, dtype: str) -> None:
    loop = TrainingLoop(small_network(dtype=dtype), samples, batch_size=8)
    loop.run_batch()
    types = {
        loop.tensor(name).dtype.name for name in loop.computed_tensor_names() if name != "batch.y"
    }
    assert types == {dtype}


def test_float32_and_float64_start_alike() -> None:
    networks = [small_network(dtype=dtype) for dtype in ("float32", "float64")]
    for network in networks:
        network.build(6)
    narrow, wide = (network.parameters.flat for network in networks)
    np.testing.assert_array_equal(narrow, wide.astype(np.float32))


@pytest.mark.parametrize(
    ("x", "y", "error"),
    [
        (np.zeros((4, 5), np.float32), np.zeros(4, int), ShapeError),
        (np.zeros((4, 6), np.float32), np.full(4, 3), EngineError),
    ],
)
def test_samples_that_do_not_fit_the_network(x: Array, y: Array, error: type[EngineError]) -> None:
    network = small_network()
    network.build(6)
    with pytest.raises(error, match="expected"):
        TrainingLoop(network, Samples(x, y))


def test_a_network_that_is_not_compiled(samples: Samples) -> None:
    with pytest.raises(ConfigurationError, match=r"expected a compiled network.*call compile\("):
        TrainingLoop(Sequential([Dense(3, "softmax")]), samples)
