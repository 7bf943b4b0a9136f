"""Plans: what is cut, and stages whose tasks need nothing of each other."""

import itertools
from collections.abc import Iterable
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Dense, Samples, Sequential
from engine.arrays import Array
from engine.chain import Chain, Link
from engine.functions import FUNCTIONS, affine
from engine.named_tensors import NamedTensors
from engine.network import Network
from engine.plan import PIECE, Gathered, Planner, Stage, Task, blocks, halves, in_place, pieces
from engine.planned_batch import PlannedBatch
from engine.team import Team
from engine.traces import Phase


@given(size=st.integers(1, 10**6))
def test_halves_are_all_there_is(size: int) -> None:
    first, second = halves(size)
    assert (first.start, first.stop, second.stop) == (0, second.start, size)
    assert first.stop % 8 == 0
    assert abs((second.stop - second.start) - (first.stop - first.start)) < 16


@given(start=st.integers(0, 10**6), size=st.integers(0, 10**6))
def test_pieces_are_all_there_is_and_none_is_much_smaller_than_others(
    start: int, size: int
) -> None:
    found = pieces(slice(start, start + size))
    assert [piece.start for piece in found] == [start, *(piece.stop for piece in found[:-1])]
    assert found[-1].stop == start + size
    sizes = [piece.stop - piece.start for piece in found]
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= 1.5 * PIECE + 1


def test_the_first_layer_of_the_example_is_cut_in_two_and_small_ones_are_not() -> None:
    assert blocks(512, 784, of_samples=False) == [slice(0, 392), slice(392, 784)]
    assert blocks(512, 784, of_samples=True) == [slice(0, 376), slice(376, 784)]
    for of_samples in (False, True):
        assert blocks(10, 512, of_samples=of_samples) == [slice(0, 512)]
        assert blocks(4096, 16, of_samples=of_samples) == [slice(0, 16)]
        assert blocks(10, 784, of_samples=of_samples) == [slice(0, 784)]
        assert blocks(512, 100, of_samples=of_samples) == [slice(0, 100)]


class _Backwards(Team):
    """Makes the tasks of each stage in the opposite order."""

    def run(self, stages: Iterable[Stage]) -> None:
        for stage in stages:
            super().run([Stage([task]) for task in reversed(stage.tasks)])


@pytest.mark.parametrize("units", [(512,), (300,), (20,), (400, 300), (300, 8, 300), (600, 600)])
@pytest.mark.parametrize("density", ["sparse", "dense", "half"])
@pytest.mark.parametrize("n", [24, 120])  # too few to be cut by samples, and enough
def test_a_plan_computes_the_chain_and_its_gradient_in_any_order_of_tasks(
    n: int, units: tuple[int, ...], density: str
) -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(n, 400))
    if density != "dense":
        x[:, generator.random(400) < 0.5] = 0
    if density == "half":  # one block has nothing to leave out
        x[:, :225] = 1
    y = generator.integers(0, 3, n)
    network = Sequential([*(Dense(n, "relu") for n in units), Dense(3, "softmax")], dtype="float64")
    network.compile()
    network.build(400)
    loss, expected = network.loss_and_gradients(x, y)

    batches = []
    for team, through in itertools.product((Team(), _Backwards()), (False, True)):
        batch, gradients = _batch_of(network, x, y, team)
        norms = _compute(batch, through=through)
        np.testing.assert_allclose(batch.values["loss"], loss, rtol=1e-12)
        for name, gradient in expected.items():
            np.testing.assert_allclose(gradients[f"{name}.gradient"], gradient, atol=1e-12)
        for layer, flat in gradients.grouped().items():
            np.testing.assert_allclose(norms[layer], np.linalg.norm(flat), rtol=1e-12)
        batches.append((batch.values["layer1.activations"].copy(), gradients.flat, norms))
    for first, *others in zip(*batches, strict=True):
        for other in others:
            np.testing.assert_array_equal(first, other)


class _Noting(Team):
    """Notes the stages that can be shared."""

    def __init__(self) -> None:
        super().__init__()
        self.shared: list[Stage] = []

    def run(self, stages: Iterable[Stage]) -> None:
        for stage in stages:
            self.shared += [stage] if len(stage.tasks) > 1 else []
            super().run([stage])


@pytest.mark.parametrize(
    ("n", "through", "handed_over"),
    [
        # Drawing, forward; backward, beside the blocks what nothing else needs.
        (32, False, [2, 2, 3]),
        (32, True, [2, 3]),
        # What lies between the large products as well: forward, loss, backward.
        (128, False, [2, 2, 2, 2, 2, 3]),
        (128, True, [2, 2, 3]),
    ],
)
def test_what_of_a_batch_of_the_example_is_handed_over(
    n: int, through: bool, handed_over: list[int]
) -> None:
    shared = _shared_of_example(n, through=through)
    assert [len(stage.tasks) for stage in shared] == handed_over


def test_a_small_layer_s_gradient_is_a_sum_over_samples() -> None:
    """So that neither core reads what the other has made of the large layer."""
    products = [
        [_samples_of_products(task) for task in stage.tasks]
        for stage in _shared_of_example(128, through=True)
    ]
    assert [[64], [64]] in products


def test_sums_over_samples_of_weights_that_two_layers_share() -> None:
    generator = np.random.default_rng(0)
    function = FUNCTIONS["affine"]
    chain = Chain([Link(function, ("x", "w", "b"), "h"), Link(function, ("h", "w", "b"), "y")])
    shapes = {"x": (2000, 20), "w": (20, 20), "b": (20,), "h": (2000, 20), "y": (2000, 20)}
    values = {name: generator.normal(size=shape) for name, shape in shapes.items()}
    chain.forward(values)
    gradients: dict[str, Array] = {f"{name}.gradient": np.zeros(shapes[name]) for name in "wbh"}
    gradients["y.gradient"] = generator.normal(size=shapes["y"])
    expected = {"y.gradient": gradients["y.gradient"]}
    gradient_function = chain.gradient_function("y", ["w", "b"])
    gradient_function(values, expected)

    planner = Planner(chain.links, gradient_function.factors, Gathered({}))
    rooms = {"w.gradient": [np.zeros(shapes["w"]) for _ in range(2)]}
    planner.add_backward(gradient_function.factors, values, gradients, rooms)
    Team().run(planner.take())
    for name in ("w.gradient", "b.gradient"):
        np.testing.assert_allclose(gradients[name], expected[name], rtol=1e-10)


@pytest.mark.parametrize(
    ("layers", "loss", "others"),
    [
        ([Dense(8, "relu"), Dense(3, "softmax")], "categorical_crossentropy", {}),
        # Where the loss reads the last activations only, their argument need not stay either.
        (
            [Dense(8, "relu"), Dense(3, "sigmoid")],
            "mean_squared_error",
            {
                "layer2.preactivations": "layer2.activations",
                "layer2.activations.gradient": "layer2.preactivations.gradient",
            },
        ),
    ],
)
def test_what_only_an_activation_reads_may_be_where_its_result_goes(
    layers: list[Dense], loss: str, others: dict[str, str]
) -> None:
    network = Sequential(layers)
    network.compile(loss=loss)
    network.build(5)
    compiled = network.compiled
    links = [*compiled.forward.links, *compiled.loss.links]
    assert in_place(links, compiled.gradient_function.factors) == {
        "layer1.preactivations": "layer1.activations",
        "layer1.activations.gradient": "layer1.preactivations.gradient",
        **others,
    }


def test_what_has_other_readers_or_shares_stays_where_it_is() -> None:
    relu, affine_ = FUNCTIONS["relu"], FUNCTIONS["affine"]
    links = [
        Link(affine_, ("x", "w", "b"), "twice"),  # two activations read it; its gradient is a sum
        Link(relu, ("twice",), "one"),
        Link(FUNCTIONS["tanh"], ("twice",), "other"),
        Link(affine_, ("one", "w2", "b2"), "y"),
        Link(affine_, ("other", "w2", "y"), "z"),
    ]
    on_input = Link(relu, ("x",), "y")
    factors = Chain(links).gradient_function("z", ["w", "w2"]).factors
    assert any(factor.adds for factor in factors if factor.target == "twice")
    first = next(it for it in factors if it.target == "twice" and not it.adds)
    assert in_place(links, factors) == {
        f"{first.link.output}.gradient": "twice.gradient",
    }
    # What comes from outside is not ours to write over.
    factors = Chain([on_input]).gradient_function("y", ["x"]).factors
    assert in_place([on_input], factors) == {}


def _samples_of_products(task: Task) -> list[int]:
    """Of how many samples each gradient of weights in the task is the sum."""
    calls = [call for call in task if isinstance(call, partial)]
    return [len(call.args[0]) for call in calls if call.func is affine.vjp_weights]


def _shared_of_example(n: int, *, through: bool) -> list[Stage]:
    """The stages of a batch of the example that can be shared."""
    network = Sequential([Dense(512, "relu"), Dense(10, "softmax")])
    network.compile()
    network.build(784)
    team = _Noting()
    x: Array = np.random.default_rng(1).random((n, 784), np.float32)
    batch, _ = _batch_of(network, x, np.arange(n) % 10, team)
    _compute(batch, through=through)
    return team.shared


def _batch_of(
    network: Network, x: Array, y: Array, team: Team
) -> tuple[PlannedBatch, NamedTensors]:
    """For a batch of all of x and y, and where the gradients of the parameters go."""
    parameters, samples = network.parameters, Samples(x, y)
    gradients = parameters.beside(np.zeros_like(parameters.flat), ".gradient")
    batch = PlannedBatch(network.compiled, parameters, gradients, samples, y, len(x), team)
    return batch, gradients


def _compute(batch: PlannedBatch, *, through: bool) -> dict[str, float]:
    """Phase by phase, or all at once; the norms."""
    everything = np.arange(batch.capacity)
    if through:
        return batch.run_through(everything)
    batch.take(everything)
    for phase in list(Phase)[:-1]:
        batch.run(phase)
    return batch.norms()
