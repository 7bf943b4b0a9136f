"""What is found out about a step without taking it: curves, health, exciters, derivatives."""

import math
from collections.abc import Iterable

import numpy as np
import pytest

from engine import Dense, Samples, Sequential, TrainingLoop
from engine.arrays import Array
from engine.compilation import layer_name
from engine.exciters import Exciters
from engine.health import HealthCheck, LayerHealth
from engine.loss_curve import LossCurve
from engine.measured_derivative import MeasuredDerivative, measure_derivative
from engine.probe import Probe
from tests.engine.builders import small_loop


@pytest.fixture(autouse=True)
def chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several of them for the few samples here, the last one shorter."""
    monkeypatch.setattr("engine.health.CHUNK", 20)
    monkeypatch.setattr("engine.exciters.CHUNK", 20)


def through_backward(loop: TrainingLoop) -> None:
    """Run the next batch up to its gradient."""
    for _ in range(4):
        loop.run_phase()


def moved(loop: TrainingLoop, flat: Array) -> Array:
    """The loop's parameters, set to `flat`."""
    before = loop.network.parameters.flat.copy()
    np.copyto(loop.network.parameters.flat, flat)
    return before


def test_a_probe_gives_the_loss_and_gradient_of_the_batch_at_hand(samples: Samples) -> None:
    loop = small_loop(samples)
    loop.run_batch()
    through_backward(loop)
    probe = Probe(loop.network, loop.network.parameters.flat, samples, len(loop.drawn))
    probe.load(loop.drawn)
    assert probe.loss() == pytest.approx(loop.last_loss, rel=1e-6)
    probe.backward()
    assert np.allclose(probe.gradients.flat, loop.flat_gradient(), rtol=1e-5, atol=1e-7)


def test_a_probe_does_not_touch_the_network(samples: Samples) -> None:
    loop = small_loop(samples)
    before = loop.network.parameters.flat.copy()
    probe = Probe(loop.network, loop.network.parameters.flat, samples, 8)
    probe.parameters.flat += 1
    probe.load(np.arange(8))
    probe.loss()
    probe.backward()
    assert np.array_equal(loop.network.parameters.flat, before)


def test_a_curve_is_the_loss_that_each_step_would_have(samples: Samples) -> None:
    loop = small_loop(samples, {"name": "sgd", "learning_rate": 0.1})
    loop.run_batch()
    through_backward(loop)
    start, gradient = loop.parameters_of_gradient(), loop.flat_gradient().copy()
    distances = np.array([0.0, 0.1, 2.0])
    probe = Probe(loop.network, start, samples, len(loop.drawn))
    probe.load(loop.drawn)
    curve = LossCurve(probe, start, -gradient, distances)
    while not curve.done:
        curve.advance()
    x, y = samples.x[loop.drawn], samples.y[loop.drawn]
    for distance, loss in zip(distances, curve.losses, strict=True):
        before = moved(loop, start - distance * gradient)
        expected, _ = loop.network.loss_and_gradients(x, y)
        moved(loop, before)
        assert loss == pytest.approx(expected, rel=1e-5)
    assert curve.losses[0] == pytest.approx(loop.last_loss, rel=1e-6)


def test_a_curve_says_nan_where_the_loss_is_not_finite(samples: Samples) -> None:
    loop = small_loop(samples)
    through_backward(loop)
    flat = loop.network.parameters.flat
    direction = np.full_like(flat, 1e38)
    probe = Probe(loop.network, flat, samples, len(loop.drawn))
    probe.load(loop.drawn)
    curve = LossCurve(probe, flat, direction, np.array([0.0, 1.0]))
    while not curve.done:
        curve.advance()
    assert np.isfinite(curve.losses[0])
    assert np.isnan(curve.losses[1])


def test_after_the_update_the_parameters_of_the_gradient_are_those_before_it(
    samples: Samples,
) -> None:
    loop = small_loop(samples)
    loop.run_batch()
    before = loop.network.parameters.flat.copy()
    loop.run_batch()
    step = loop.flat_step()
    assert step is not None
    assert np.allclose(loop.parameters_of_gradient(), before, rtol=0, atol=1e-7)
    tensors = loop.network.parameters.beside(loop.parameters_of_gradient())
    assert np.array_equal(
        loop.row_of_gradient("layer1.weights", 1)[0], tensors["layer1.weights"][1]
    )
    loop.draw()
    assert not loop.has_gradient
    assert loop.flat_step() is None


def test_a_row_of_the_parameters_of_the_gradient_is_that_of_all_of_them(samples: Samples) -> None:
    loop = small_loop(samples)
    before = loop.network.parameters["layer1.weights"].copy()
    loop.run_batch()
    for value in (0.5, 0.75):  # the first of them is forgotten, too
        loop.set_parameter("layer1.weights", (1, 2), value)
        loop.set_parameter("layer1.bias", (1,), value)
    tensors = loop.network.parameters.beside(loop.parameters_of_gradient())
    for row in (0, 1):
        weights = loop.row_of_gradient("layer1.weights", row)
        assert np.array_equal(weights, tensors["layer1.weights"][row : row + 1])
        assert weights == pytest.approx(before[row : row + 1], abs=1e-7)
        bias = loop.row_of_gradient("layer1.bias", row)
        assert np.array_equal(bias, tensors["layer1.bias"][row : row + 1])
    through_backward(loop)
    assert loop.row_of_gradient("layer1.weights", 1)[0, 2] == 0.75
    assert loop.row_of_gradient("layer1.bias", 1) == 0.75


def check(loop: TrainingLoop, samples: Samples) -> list[LayerHealth]:
    """The health of the loop's layers over all samples."""
    health = HealthCheck(
        loop.network,
        loop.parameters_of_gradient(),
        loop.flat_gradient(),
        loop.flat_step(),
        samples,
        np.arange(len(samples)),
    )
    while not health.done:
        health.advance()
    return health.result()


def test_health_has_the_norms_of_the_weights_the_gradient_and_the_step(samples: Samples) -> None:
    loop = small_loop(samples)
    before = loop.network.parameters.beside(loop.network.parameters.flat.copy())
    loop.run_batch()

    def norm(arrays: Iterable[Array]) -> float:
        return math.sqrt(sum(float(np.square(array).sum()) for array in arrays))

    for layer in check(loop, samples):
        names = [f"{layer.layer}.{kind}" for kind in ("weights", "bias")]
        weights = norm(before[name] for name in names)
        step = norm(loop.tensor(f"{name}.step") for name in names)
        gradient = norm(loop.tensor(f"{name}.gradient") for name in names)
        assert layer.weight_norm == pytest.approx(weights, rel=1e-5)
        assert layer.gradient_norm == pytest.approx(gradient, rel=1e-5)
        assert layer.update_norm == pytest.approx(step, rel=1e-5)
        assert layer.update_ratio == pytest.approx(step / weights, rel=1e-5)


def test_health_counts_units_that_are_zero_for_every_sample(samples: Samples) -> None:
    loop = small_loop(samples)
    loop.network.parameters["layer1.bias"][:] = [-1e3, -1e3, 1e3, 1e3, 1e3]
    loop.run_batch()
    first, last = check(loop, samples)
    assert (first.dead_units, first.saturated) == (2, None)
    assert (last.dead_units, last.saturated) == (None, None)


def test_a_unit_that_one_sample_alone_excites_is_not_dead(points: tuple[Array, Array]) -> None:
    x, y = points
    x[3] *= 10  # none points as far in its direction
    loop = small_loop(Samples(x, y))
    weights, bias = (loop.network.parameters[f"layer1.{kind}"] for kind in ("weights", "bias"))
    weights[0] = x[3]
    bias[:] = [1 - x[3] @ x[3], -1e3, 1e3, 1e3, 1e3]
    through_backward(loop)
    assert check(loop, loop.samples)[0].dead_units == 1


@pytest.mark.parametrize(("activation", "bound"), [("tanh", 2.65), ("sigmoid", 5.3)])
def test_health_has_the_share_of_saturated_activations(
    samples: Samples, activation: str, bound: float
) -> None:
    network = Sequential([Dense(4, activation), Dense(3, "softmax")])
    network.compile("sgd", "categorical_crossentropy", ["accuracy"])
    loop = TrainingLoop(network, samples, batch_size=8)
    # tanh(2.65) = 0.990; sigmoid(x) = (1 + tanh(x / 2)) / 2.
    network.parameters["layer1.bias"][:] = [bound + 0.1, -bound - 0.1, bound - 0.1, bound + 0.1]
    network.parameters["layer1.weights"][:] = 0
    through_backward(loop)
    first, last = check(loop, samples)
    assert (first.dead_units, first.saturated) == (None, 0.75)
    assert (last.dead_units, last.saturated) == (None, None)


def test_the_gradient_of_all_samples_points_its_own_way(samples: Samples) -> None:
    loop = small_loop(samples, batch_size=len(samples))
    through_backward(loop)
    for layer in check(loop, samples):
        assert layer.angle is not None
        assert layer.angle < 0.1
        assert layer.update_ratio is None


@pytest.mark.parametrize("count", [5, 50])
def test_the_exciters_are_the_samples_with_the_largest_sums(samples: Samples, count: int) -> None:
    loop = small_loop(samples)
    exciters = Exciters(loop.network, 3, samples, count)
    while not exciters.done:
        exciters.advance()
    parameters = loop.network.parameters
    sums = samples.x @ parameters["layer1.weights"][3] + parameters["layer1.bias"][3]
    assert np.allclose(exciters.values, np.sort(sums)[::-1][:count], rtol=1e-5)
    assert np.allclose(sums[exciters.indices], exciters.values, rtol=1e-5)


def derivative(
    loop: TrainingLoop, samples: Samples, name: str, index: tuple[int, ...]
) -> MeasuredDerivative:
    """∂loss/∂w of the batch at hand, both ways."""
    flat = loop.network.parameters.flat
    pieces = measure_derivative(loop.network, flat, samples, loop.drawn, name, index)
    while True:
        try:
            next(pieces)
        except StopIteration as finished:
            found: MeasuredDerivative = finished.value
            return found


def test_a_derivative_measured_is_the_one_derived(samples: Samples) -> None:
    loop = small_loop(samples)
    loop.run_batch()
    through_backward(loop)
    for index in range(len(loop.network.layers)):
        name = f"{layer_name(index)}.weights"
        gradient = loop.tensor(f"{name}.gradient")
        at = tuple(int(i) for i in np.unravel_index(np.abs(gradient).argmax(), gradient.shape))
        found = derivative(loop, samples, name, at)
        assert found.relative_difference < 1e-6
        assert found.derived == pytest.approx(float(gradient[at]), rel=1e-4)
        assert found.weight == float(loop.tensor(name)[at])


def test_a_derivative_is_measured_on_one_side_of_a_kink(samples: Samples) -> None:
    loop = small_loop(samples)
    through_backward(loop)
    weights, x = loop.tensor("layer1.weights"), loop.tensor("batch.x")
    source = int(np.abs(x[0]).argmax())
    # relu's kink lies between w − 1e-4 and w + 1e-4 for the first sample: its z is 2e-5 · x away.
    loop.tensor("layer1.bias")[0] -= loop.tensor("layer1.preactivations")[0, 0]
    loop.tensor("layer1.bias")[0] += 2e-5 * x[0, source]
    found = derivative(loop, samples, "layer1.weights", (0, source))
    assert found.weight == float(weights[0, source])
    assert found.h < 1e-4
    assert found.relative_difference < 1e-4
