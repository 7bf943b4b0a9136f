"""Many batches at once, the first layer's weights held in between: bits of batch after batch."""

import os
import signal
from collections.abc import Sequence
from functools import partial
from unittest.mock import Mock

import numpy as np
import pytest

import engine.training
from engine import (
    ConfigurationError,
    Dense,
    HelperLostError,
    NonFiniteError,
    NotComputedError,
    Phase,
    PhaseOrderError,
    Samples,
    Sequential,
)
from engine.arrays import Array
from engine.held_block import HeldBlock
from engine.planned_batch import PlannedBatch
from engine.traces import LossTrace
from engine.training import TrainingLoop
from tests.support.calls import at_call

# Samples of which batches of 16 leave one of 8 behind, in the order in which they are.
N, INPUTS = 408, 400
OPTIMIZERS: list[str | dict[str, object]] = [
    "rmsprop",
    {"name": "rmsprop", "rho": 0},
    "sgd",
    {"name": "sgd", "momentum": 0.9},
    "adam",
]


def samples(density: str = "sparse") -> Samples:
    """Inputs that are on often, seldom and never; "dense": all, "half": in half of the inputs."""
    generator = np.random.default_rng(5)
    shares = generator.choice([0, 0.004, 0.03, 0.2, 0.9], INPUTS)
    if density != "sparse":
        shares[: INPUTS // 2 if density == "half" else None] = 1
    x = generator.normal(size=(N, INPUTS)) * (generator.random((N, INPUTS)) < shares)
    return Samples(x.astype(np.float32), generator.integers(0, 3, N))


def loop_on(
    samples: Samples,
    optimizer: str | dict[str, object] = "rmsprop",
    *,
    threads: int = 1,
    activations: Sequence[str] = ("relu",),
    size: int = 16,
    units: int = 300,
) -> TrainingLoop:
    """A loop in batches of `size`, over weights enough for a helper to share the work."""
    network = Sequential([*(Dense(units, name) for name in activations), Dense(3, "softmax")])
    network.compile(optimizer, metrics=["accuracy"])
    return TrainingLoop(network, samples, batch_size=size, shuffle=False, threads=threads)


def figures(trace: LossTrace) -> tuple[int, int, float, float | None]:
    """What a trace tells, in numbers of its own."""
    return trace.batch, len(trace.per_sample), trace.loss, trace.accuracy


def each(loop: TrainingLoop, count: int) -> list[tuple[int, int, float, float | None]]:
    """Run so many batches, one after the other; their figures."""
    return [figures(loop.run_batch()) for _ in range(count)]


def assert_same(one: TrainingLoop, other: TrainingLoop, *, tensors: bool = True) -> None:
    """The state of two loops, and all that can be looked at, to the bit."""
    first, second = one.state(), other.state()
    np.testing.assert_array_equal(first.parameters, second.parameters)
    assert first.slots.keys() == second.slots.keys()
    for name, slot in first.slots.items():
        np.testing.assert_array_equal(slot, second.slots[name])
    assert (first.iterations, first.batch, first.epoch) == (
        second.iterations,
        second.batch,
        second.epoch,
    )
    if tensors:
        assert one.computed_tensor_names() == other.computed_tensor_names()
        for name in one.computed_tensor_names():
            np.testing.assert_array_equal(one.tensor(name), other.tensor(name), name)
        assert one.gradient_norms == other.gradient_norms


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[HeldBlock]:
    """The blocks that have begun, in a list that grows."""
    begun: list[HeldBlock] = []
    begin = HeldBlock.begin

    def noted(block: HeldBlock) -> None:
        begun.append(block)
        begin(block)

    monkeypatch.setattr(HeldBlock, "begin", noted)
    return begun


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("density", ["sparse", "half", "dense"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_many_batches_have_the_bits_of_batch_after_batch(
    optimizer: str | dict[str, object], density: str, threads: int, held: list[HeldBlock]
) -> None:
    one, other = (loop_on(samples(density), optimizer, threads=t) for t in (1, threads))
    seen: list[object] = []

    def see(trace: LossTrace) -> None:
        seen.remove(figures(trace))

    # To the end of an epoch; into the next; over its end; few; and on to another end.
    for count in (26, 10, 20, 3, 19):
        seen += each(one, count)
        other.run_batches(count, see)
        assert not seen
        assert_same(one, other)
    moves = optimizer in ("adam", {"name": "sgd", "momentum": 0.9})
    # Twice in the first two calls, once in the third and the last: in two blocks.
    assert len(held) == (0 if moves or density != "sparse" else 2 * 4)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("size", "units"), [(16, 300), (48, 700)])  # too little to cut; enough
@pytest.mark.parametrize("activations", [("tanh", "sigmoid"), ("sigmoid", "linear")], ids=str)
def test_so_do_those_of_other_activations_and_more_layers(
    activations: tuple[str, str], size: int, units: int, threads: int, held: list[HeldBlock]
) -> None:
    one, other = (
        loop_on(samples(), threads=t, activations=activations, size=size, units=units)
        for t in (1, threads)
    )
    seen: list[object] = []
    expected = each(one, 20)
    other.run_batches(20, lambda trace: seen.append(figures(trace)))
    assert seen == expected
    assert_same(one, other)
    assert held


@pytest.mark.parametrize("threads", [1, 2])
def test_of_what_an_activation_reads_no_array_is_written_meanwhile(threads: int) -> None:
    loop = loop_on(samples(), threads=threads)
    loop.run_batch()
    values, gradients = loop._batch.values, loop._batch.gradients
    unused = [gradients["layer1.activations.gradient"]]
    if threads == 2:  # on one it is room for shares of a sum
        unused.append(values["layer1.preactivations"])
    for array in unused:
        array[:] = 7
    seen: list[bool] = []

    def see(_trace: LossTrace) -> None:
        if loop.batch < 10:  # the last one leaves all tensors whole
            seen.append(all((array == 7).all() for array in unused))

    loop.run_batches(10, see)
    assert seen == [True] * 8


def test_what_is_held_is_written_back_every_so_often(
    monkeypatch: pytest.MonkeyPatch, held: list[HeldBlock]
) -> None:
    monkeypatch.setattr(engine.training, "MOST_HELD", 9)
    one, other = loop_on(samples()), loop_on(samples())
    each(one, 26)
    other.run_batches(26, lambda trace: None)
    assert_same(one, other)
    assert len(held) == 2 * 2  # of 9 batches each; seven are too few


def test_the_blocks_and_their_memory_are_the_same_every_time(held: list[HeldBlock]) -> None:
    loop = loop_on(samples())
    for _ in range(3):
        loop.run_batches(26, lambda trace: None)
    assert len(held) == 6
    assert len(set(held)) == 2


def test_another_optimizer_state_is_held_anew() -> None:
    one, other = loop_on(samples()), loop_on(samples())
    for loop in (one, other):
        loop.run_batches(12, lambda trace: None)
    other.restore(one.state())
    for loop in (one, other):
        loop.run_batches(14, lambda trace: None)
    assert_same(one, other)


def test_what_is_seen_may_end_it_and_nothing_is_lost() -> None:
    one, other = loop_on(samples()), loop_on(samples())
    each(one, 13)

    def interrupt(trace: LossTrace) -> None:
        if trace.batch == 13:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        other.run_batches(26, interrupt)
    assert_same(one, other, tensors=False)
    assert other.next_phase is Phase.DRAW
    with pytest.raises(NotComputedError):
        other.tensor("layer1.weights.gradient")
    each(one, 13)
    other.run_batches(13, lambda trace: None)
    assert_same(one, other)


# The samples of the ninth batch are taken amid the eighth.
@pytest.mark.parametrize(
    ("where", "what", "number", "completed"),
    [
        (PlannedBatch, "_make_plan", 1, 1),
        (HeldBlock, "begin", 1, 1),
        (PlannedBatch, "take", 9, 8),
        (PlannedBatch, "norms", 24, 24),
        (HeldBlock, "end", 1, 25),
    ],
)
def test_ctrl_c_waits_for_the_end_of_a_batch(
    monkeypatch: pytest.MonkeyPatch, where: type, what: str, number: int, completed: int
) -> None:
    one, other = loop_on(samples()), loop_on(samples(), threads=2)
    with monkeypatch.context() as patch:
        at_call(patch, where, what, number, partial(signal.raise_signal, signal.SIGINT))
        seen: list[object] = []
        with pytest.raises(KeyboardInterrupt):
            other.run_batches(26, lambda trace: seen.append(figures(trace)))
    assert seen == each(one, completed)
    assert not other.has_gradient
    assert_goes_on_like(one, other)


@pytest.mark.parametrize(
    ("where", "what", "number", "completed"),
    [
        (PlannedBatch, "_make_plan", 1, 0),
        (HeldBlock, "begin", 1, 0),
        (PlannedBatch, "take", 2, 0),
        (PlannedBatch, "take", 9, 7),
        (PlannedBatch, "norms", 25, 24),
        (HeldBlock, "end", 1, 25),
    ],
)
def test_an_error_amid_them_loses_the_batch_at_hand_alone(
    monkeypatch: pytest.MonkeyPatch, where: type, what: str, number: int, completed: int
) -> None:
    one, other = loop_on(samples()), loop_on(samples(), threads=2)
    with monkeypatch.context() as patch:
        at_call(patch, where, what, number, Mock(side_effect=MemoryError))
        with pytest.raises(MemoryError):
            other.run_batches(26, lambda trace: None)
    each(one, completed)
    assert (other.last_loss, other.last_accuracy) == (one.last_loss, one.last_accuracy)
    assert other.step_optimizer == one.step_optimizer
    assert_goes_on_like(one, other)


def assert_goes_on_like(one: TrainingLoop, other: TrainingLoop) -> None:
    """The same state now, and all the same after twenty more batches."""
    assert_same(one, other, tensors=False)
    each(one, 20)
    other.run_batches(20, lambda trace: None)
    assert_same(one, other)


def test_a_child_forked_amid_them_leaves_its_parents_weights_alone() -> None:
    one, other = loop_on(samples()), loop_on(samples(), threads=2)

    def fork(trace: LossTrace) -> None:
        if trace.batch == 10 and os.fork():
            _, status = os.wait()
            assert os.waitstatus_to_exitcode(status) == 0

    parent = os.getpid()
    try:
        other.run_batches(26, fork)
    except ConfigurationError:  # the child's, which returned and went on
        os._exit(os.getpid() == parent or other.batch != 10)
    each(one, 26)
    assert_same(one, other)


@pytest.mark.parametrize("value", [3e38, 1e20])  # a loss, a gradient that is not finite
def test_a_batch_that_fails_amid_them_leaves_the_state_before_it(value: float) -> None:
    of = samples()
    of.x[16 * 12] = value
    one, other = loop_on(of, "sgd"), loop_on(of, "sgd")
    with pytest.raises(NonFiniteError, match="in batch 13") as expected:
        each(one, 26)
    with pytest.raises(NonFiniteError) as caught:
        other.run_batches(26, lambda trace: None)
    assert str(caught.value) == str(expected.value)
    assert_same(one, other)


def test_a_helper_that_is_lost_by_who_sees_them_is_their_matter() -> None:
    one, other = loop_on(samples()), loop_on(samples())
    with pytest.raises(HelperLostError):
        other.run_batches(26, Mock(side_effect=HelperLostError("lost")))
    each(one, 1)
    assert_goes_on_like(one, other)


def test_ctrl_c_where_nothing_is_held_leaves_the_last_batch_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, other = (loop_on(samples("dense")) for _ in range(2))
    each(one, 1)
    each(other, 1)
    at_call(monkeypatch, PlannedBatch, "hold", 1, lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        other.run_batches(20, print)
    assert other.has_gradient
    assert_same(one, other)


def test_it_begins_between_batches() -> None:
    loop = loop_on(samples())
    loop.draw()
    with pytest.raises(PhaseOrderError, match=r"expected run_batches\(\) between two batches"):
        loop.run_batches(10, lambda trace: None)


def test_weights_of_rare_inputs_stay_and_their_mean_square_decays() -> None:
    x: Array = np.zeros((40, 300), np.float32)
    x[:, :150] = 1
    x[2, 200] = 1
    network = Sequential([Dense(300, "sigmoid"), Dense(2, "softmax")])
    network.compile({"name": "rmsprop", "rho": 0.5})
    loop = TrainingLoop(network, Samples(x, np.arange(40) % 2), batch_size=1, shuffle=False)
    loop.run_batches(3, lambda trace: None)
    v = loop.tensor("layer1.weights.v")[:, 200].copy()
    weights = loop.tensor("layer1.weights")[:, 200].copy()
    assert v.any()
    loop.run_batches(10, lambda trace: None)
    np.testing.assert_array_equal(loop.tensor("layer1.weights.v")[:, 200], v * 0.5**10)
    np.testing.assert_array_equal(loop.tensor("layer1.weights")[:, 200], weights)
