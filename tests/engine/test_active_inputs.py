"""Training on the inputs that are on: the same numbers, and exact zeros where nothing is."""

import numpy as np
import pytest

from engine import Dense, Phase, Samples, Sequential, TrainingLoop
from engine.active_inputs import ActiveInputs, bits
from engine.arrays import Array
from engine.mnist import load_mnist_bytes

SPARSE: list[str | dict[str, object]] = [
    "sgd",
    {"name": "sgd", "momentum": 0.9},
    "rmsprop",
    "adam",
]


def sparse_samples(inputs: int = 200, off: float = 0.6) -> Samples:
    """60 samples; a share of `off` of the inputs is 0 in all of them."""
    generator = np.random.default_rng(3)
    x = generator.normal(size=(60, inputs)).astype(np.float32)
    x[:, generator.random(inputs) < off] = 0
    return Samples(x, generator.integers(0, 3, 60))


def loop_on(samples: Samples, optimizer: str | dict[str, object], units: int = 300) -> TrainingLoop:
    """A loop in batches of 16."""
    network = Sequential([Dense(units, "relu"), Dense(3, "softmax")])
    network.compile(optimizer)
    return TrainingLoop(network, samples, batch_size=16)


def through_backward(loop: TrainingLoop) -> None:
    """Run the next batch up to its gradient."""
    for _ in range(4):
        loop.run_phase()


def test_the_columns_with_anything_in_them_are_found() -> None:
    x = np.zeros((3, 100), np.float32)
    x[0, 7] = -1
    x[2, 40:60] = 1e-30
    shares = np.zeros(100)
    shares[50:70] = 1  # on in most batches, if not in all
    active = ActiveInputs(3, slice(0, 100), 4, np.dtype(np.float32), np.zeros)
    active.expect(3, shares)
    active.find(*bits(x))
    assert (active.frequent, active.used) == (20, 31)
    weights = np.arange(400, dtype=np.float32).reshape(100, 4).T
    active.gather_x(x)
    active.gather_weights(weights)
    used = (active.weights_used(weights)[0] / 4).astype(int)
    assert used.tolist() == [*range(50, 70), 7, *range(40, 50)]
    np.testing.assert_array_equal(active.x_used(x), x[:, used])
    np.testing.assert_array_equal(active.weights_used(weights), weights[:, used])


@pytest.mark.parametrize("inputs", [1, 15, 16, 100])
def test_of_dense_samples_all_columns_are_used(inputs: int) -> None:
    dtype = np.dtype(np.float64)
    active = ActiveInputs(3, slice(0, inputs), 4, dtype, np.zeros)
    active.expect(3, np.ones(inputs))
    active.find(*bits(np.ones((3, inputs))))
    assert active.used is None


def test_the_larger_the_batch_the_more_inputs_are_frequent() -> None:
    shares = np.array([0, 0.01, 0.1, 0.5, *[0] * 60])
    active = ActiveInputs(512, slice(0, 64), 4, np.dtype(np.float32), np.zeros)
    frequent = []
    for n in (1, 4, 32, 512, 4):
        active.expect(n, shares)
        frequent.append(active.frequent)
    assert frequent == [0, 1, 2, 3, 1]  # 1 - 0.5^4 = 0.94, 1 - 0.9^32 = 0.97, 1 - 0.99^512 = 0.99


def test_the_gradient_is_that_of_all_inputs_and_zero_where_they_are_off() -> None:
    loop = loop_on(sparse_samples(), "rmsprop")
    for _ in range(5):  # the fourth batch is shorter
        through_backward(loop)
        x, y = loop.tensor("batch.x"), loop.tensor("batch.y")
        assert x.shape == (len(y), 200)
        _, whole = loop.network.loss_and_gradients(x, y)
        gradient = loop.tensor("layer1.weights.gradient")
        np.testing.assert_allclose(gradient, whole["layer1.weights"], rtol=1e-4, atol=1e-7)
        off = ~x.any(axis=0)
        assert off.any()
        assert not gradient[:, off].any()
        assert gradient[:, ~off].any(axis=0).all()
        loop.update()


@pytest.mark.parametrize("optimizer", SPARSE, ids=str)
def test_the_update_is_the_optimizers_whole_one(optimizer: str | dict[str, object]) -> None:
    loop = loop_on(sparse_samples(), optimizer)
    for _ in range(5):
        through_backward(loop)
        before = loop.network.parameters.flat.copy()
        state, step = loop.network.optimizer_state.copy(), np.empty_like(before)
        loop.optimizer.update(before, loop.flat_gradient().copy(), state, step=step)
        loop.update()
        np.testing.assert_array_equal(loop.network.parameters.flat, before)
        np.testing.assert_array_equal(loop.flat_step(), step)
        for name, slot in state.slots.items():
            np.testing.assert_array_equal(loop.network.optimizer_state.slots[name], slot)


def test_the_mean_square_of_a_pixel_that_is_off_decays_and_its_weights_stay() -> None:
    x = np.zeros((2, 64), np.float32)
    x[:, 5], x[1, 9] = 1, 1
    network = Sequential([Dense(8, "sigmoid", input_shape=64), Dense(2, "softmax")])
    network.compile({"name": "rmsprop", "rho": 0.5})
    loop = TrainingLoop(network, Samples(x, np.array([0, 1])), batch_size=1, shuffle=False)
    loop.run_batch()
    loop.run_batch()
    v = loop.tensor("layer1.weights.v")[:, 9].copy()
    weights = loop.tensor("layer1.weights")[:, 9].copy()
    assert v.all()
    loop.run_batch()  # the first sample again, whose input 9 is off
    np.testing.assert_array_equal(loop.tensor("layer1.weights.v")[:, 9], v * np.float32(0.5))
    np.testing.assert_array_equal(loop.tensor("layer1.weights")[:, 9], weights)


def test_a_batch_in_which_nothing_is_on_trains_the_biases_alone() -> None:
    samples = Samples(np.zeros((8, 100), np.float32), np.arange(8) % 3)
    loop = loop_on(samples, "sgd")
    loop.network.parameters["layer1.bias"][:] = 1
    before = loop.network.get_weights()
    loop.run_batch()
    after = loop.network.get_weights()
    np.testing.assert_array_equal(after[0], before[0])
    assert (after[1] != before[1]).any()


def test_on_mnist_a_third_of_the_products_is_left_out() -> None:
    (x, y), _ = load_mnist_bytes()
    shares = Samples(x, y).shares_on
    active = ActiveInputs(128, slice(0, 784), 4, np.dtype(np.float32), np.zeros)
    active.expect(128, shares)
    sizes: list[int | None] = []
    for batch in _batches(x):
        active.find(*bits(batch))
        sizes.append(active.used)
    assert None not in sizes
    assert 500 < np.mean([size for size in sizes if size is not None]) < 560


def test_the_phases_show_whole_arrays() -> None:
    loop = loop_on(sparse_samples(), "rmsprop")
    draw = loop.draw()
    np.testing.assert_array_equal(draw.x, loop.samples.x[draw.indices])
    forward = loop.forward()
    z = draw.x @ loop.tensor("layer1.weights").T + loop.tensor("layer1.bias")
    np.testing.assert_allclose(forward.preactivations[0], z, rtol=1e-4, atol=1e-5)
    assert loop.next_phase is Phase.LOSS
    loop.loss()
    gradients = loop.backward().gradients
    assert gradients["layer1.weights.gradient"].shape == (300, 200)


def _batches(x: Array) -> list[Array]:
    return [x[start : start + 128] for start in range(0, 128 * 20, 128)]
