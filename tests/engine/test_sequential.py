"""The network by Keras's names."""

import copy
import pickle
from collections.abc import Callable

import numpy as np
import pytest

from engine import (
    Adam,
    ConfigurationError,
    Dense,
    LabelError,
    Samples,
    Sequential,
    ShapeError,
    TrainingLoop,
)
from engine.arrays import Array
from tests.engine.builders import small_network


def test_it_is_built_by_the_first_samples(points: tuple[Array, Array]) -> None:
    network = small_network()
    assert repr(network) == "Sequential(? → 5 relu → 3 softmax, float32)"
    network.fit(*points, verbose=0)
    assert repr(network) == "Sequential(6 → 5 relu → 3 softmax, float32)"
    assert network.count_params() == 6 * 5 + 5 + 5 * 3 + 3
    assert [w.shape for w in network.get_weights()] == [(5, 6), (5,), (3, 5), (3,)]


def test_weights_start_glorot_and_biases_zero() -> None:
    network = Sequential([Dense(512, "relu", input_shape=(784,)), Dense(10, "softmax")])
    limit = np.sqrt(6 / (784 + 512))
    weights = network.parameters["layer1.weights"]
    assert 0.99 * limit < np.abs(weights).max() <= limit
    assert not network.parameters["layer1.bias"].any()
    assert network.count_params() == 407_050


def test_fit_is_the_loop_run_through(points: tuple[Array, Array]) -> None:
    fitted, looped = small_network(), small_network()
    history = fitted.fit(*points, batch_size=16, epochs=2, verbose=0)
    loop = TrainingLoop(looped, Samples(*points), batch_size=16)
    figures = []
    while loop.epoch < 2:
        trace = loop.run_batch()
        n = len(trace.per_sample)
        figures.append((n * trace.loss, n * (trace.accuracy or 0)))
    np.testing.assert_array_equal(fitted.parameters.flat, looped.parameters.flat)
    means = np.reshape(figures, (2, 4, 2)).sum(axis=1) / 50
    assert history.history["loss"] == pytest.approx(means[:, 0])
    assert history.history["accuracy"] == pytest.approx(means[:, 1])
    assert history.epoch == [0, 1]


def test_fit_after_fit_goes_on(points: tuple[Array, Array]) -> None:
    once, twice = small_network(), small_network()
    once.fit(*points, epochs=5, verbose=0)
    twice.fit(*points, epochs=2, verbose=0)
    twice.fit(*points, epochs=3, verbose=0)
    np.testing.assert_array_equal(once.parameters.flat, twice.parameters.flat)


def test_fit_without_shuffling_takes_the_samples_in_order(points: tuple[Array, Array]) -> None:
    network, by_hand = small_network(), small_network()
    network.fit(*points, batch_size=25, shuffle=False, verbose=0)
    for start in (0, 25):
        by_hand.train_on_batch(*(array[start : start + 25] for array in points))
    np.testing.assert_array_equal(network.parameters.flat, by_hand.parameters.flat)


def test_fit_learns_and_validates(points: tuple[Array, Array]) -> None:
    x, _ = points
    y = x[:, :3].argmax(axis=1)
    network = small_network({"name": "adam", "learning_rate": 0.02})
    history = network.fit(x, y, epochs=150, verbose=0, validation_data=(x, y)).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert history["accuracy"][-1] > 0.85
    assert [history["val_loss"][-1], history["val_accuracy"][-1]] == network.evaluate(
        x, y, verbose=0
    )


@pytest.mark.parametrize(
    "validation", [(np.ones((2, 6)), np.array([0, 7])), (np.ones((2, 9)), np.array([0, 1]))]
)
def test_validation_data_that_do_not_fit_are_refused_before_any_training(
    points: tuple[Array, Array], validation: tuple[Array, Array]
) -> None:
    network = small_network()
    network.build(points[0].shape[1])
    before = network.get_weights()
    with pytest.raises((LabelError, ShapeError)):
        network.fit(*points, verbose=0, validation_data=validation)
    for array, then in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(array, then)


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam"])
@pytest.mark.parametrize("loss", ["categorical_crossentropy", "mean_squared_error"])
def test_every_optimizer_lowers_every_loss(
    points: tuple[Array, Array], optimizer: str, loss: str
) -> None:
    network = small_network({"name": optimizer, "learning_rate": 0.01}, loss)
    losses = network.fit(*points, epochs=30, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_train_on_batch_returns_the_loss_before_the_update(points: tuple[Array, Array]) -> None:
    network = small_network()
    before = network.evaluate(*points, verbose=0)
    assert network.train_on_batch(*points) == pytest.approx(before)
    assert network.optimizer_state.iterations == 1
    assert isinstance(small_network(metrics=()).train_on_batch(*points), float)


def test_evaluate_gives_floats(points: tuple[Array, Array]) -> None:
    result = small_network().evaluate(*points, verbose=0)
    assert isinstance(result, list)
    assert [type(figure) for figure in result] == [float, float]
    assert isinstance(small_network(metrics=()).evaluate(*points, verbose=0), float)


def test_evaluate_says_what_it_found(
    points: tuple[Array, Array], capsys: pytest.CaptureFixture[str]
) -> None:
    loss, accuracy = small_network().evaluate(*points)  # type: ignore[misc]
    assert capsys.readouterr().out == f"loss {loss:.4f}  accuracy {accuracy:.4f}\n"


def test_predict_needs_no_compiling_and_no_batches(points: tuple[Array, Array]) -> None:
    x, _ = points
    network = Sequential([Dense(5, "tanh"), Dense(3, "softmax")])
    p = network.predict(x)
    assert (p.shape, p.dtype.name) == ((50, 3), "float32")
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(network.predict(x, batch_size=7), p, rtol=1e-5)


def test_weights_can_be_set(points: tuple[Array, Array]) -> None:
    network, other = small_network(), small_network(seed=1)
    for each in (network, other):
        each.build(6)
    weights = network.get_weights()
    other.set_weights(weights)
    np.testing.assert_array_equal(other.predict(points[0]), network.predict(points[0]))
    weights[0][:] = 7  # copies
    assert not (network.parameters["layer1.weights"] == 7).any()


def test_weights_that_do_not_fit() -> None:
    network = small_network()
    network.build(6)
    weights = network.get_weights()
    with pytest.raises(ShapeError, match=r"got \[\(6, 5\).*transpose Keras's kernels"):
        network.set_weights([weights[0].T, *weights[1:]])
    before = network.parameters.flat.copy()
    for value in (np.nan, 1e300):  # the second has no place in float32
        with pytest.raises(ShapeError, match="expected weights that are finite in float32"):
            network.set_weights([array.astype(float) + value for array in weights])
    with pytest.raises(ShapeError, match=r"real numbers, got \['complex64'"):
        network.set_weights([array.astype(np.complex64) for array in weights])
    with pytest.raises(ShapeError, match="got NoneType"):
        network.set_weights(None)  # type: ignore[arg-type]
    np.testing.assert_array_equal(network.parameters.flat, before)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_copy_trains_on_by_itself(
    points: tuple[Array, Array], copied: Callable[[Sequential], Sequential]
) -> None:
    network = small_network()
    network.compile("rmsprop", "categorical_crossentropy")
    network.fit(*points, verbose=0)
    other = copied(network)
    first = network.parameters.flat.copy()
    other.fit(*points, verbose=0)
    np.testing.assert_array_equal(network.parameters.flat, first)
    network.fit(*points, verbose=0)
    np.testing.assert_array_equal(other.predict(points[0]), network.predict(points[0], verbose=0))
    assert not np.array_equal(network.parameters.flat, first)


def test_compiling_again_keeps_the_weights_and_resets_the_optimizer(
    points: tuple[Array, Array],
) -> None:
    network = small_network()
    network.fit(*points, verbose=0)
    before = network.parameters.flat.copy()
    network.compile(Adam(0.5), "mean_squared_error")
    np.testing.assert_array_equal(network.parameters.flat, before)
    assert (network.optimizer.learning_rate, network.optimizer_state.iterations) == (0.5, 0)
    network.fit(*points, verbose=0)
    assert not np.array_equal(network.parameters.flat, before)


def test_the_parameters_can_start_again(points: tuple[Array, Array]) -> None:
    network = small_network()
    network.build(6)
    start = network.parameters.flat.copy()
    network.fit(*points, verbose=0)
    network.reset_parameters()
    np.testing.assert_array_equal(network.parameters.flat, start)


def test_a_summary(capsys: pytest.CaptureFixture[str]) -> None:
    network = Sequential([Dense(512, "relu"), Dense(10, "softmax")])
    network.summary()
    assert "not built" in capsys.readouterr().out
    network.build(784)
    network.summary()
    assert capsys.readouterr().out.splitlines() == [
        "layer           output    activation  parameters",
        "────────────────────────────────────────────────",
        "layer1 (Dense)  (n, 512)  relu        401,920",
        "layer2 (Dense)  (n, 10)   softmax     5,130",
        "────────────────────────────────────────────────",
        "407,050 parameters",
    ]


@pytest.mark.parametrize("layers", [[], ["relu"], [Dense(3), None], Dense(3)])
def test_a_network_needs_layers(layers: object) -> None:
    with pytest.raises(ConfigurationError, match="expected a list of one or more Dense layers"):
        Sequential(layers)  # type: ignore[arg-type]


@pytest.mark.parametrize("units", [(2**70, 10), (10**9, 10**9), (10**400, 10)], ids=str)
def test_a_network_that_no_memory_holds_is_refused_and_not_built(units: tuple[int, ...]) -> None:
    network = Sequential([Dense(n) for n in units])
    with pytest.raises(ConfigurationError, match=r"fits into memory, got .* about 10\^\d+ weights"):
        network.build(784)
    assert network.inputs is None
    with pytest.raises(ConfigurationError, match="a network without"):
        network.get_weights()


def test_a_layer_that_is_there_twice_is_refused_since_weights_are_not_shared() -> None:
    layer = Dense(16, "relu")
    with pytest.raises(ConfigurationError, match=r"each layer once, .*; make a Dense for each"):
        Sequential([layer, layer, Dense(10, "softmax")])
    Sequential([layer, Dense(16, "relu"), Dense(10, "softmax")])


def test_an_input_shape_that_a_later_layer_cannot_have_is_refused() -> None:
    said = r"layer 2 with an input shape of 16, the units of the layer before, got \(99,\); leave"
    with pytest.raises(ShapeError, match=said):
        Sequential([Dense(16, input_shape=784), Dense(10, input_shape=99)])
    network = Sequential([Dense(16), Dense(10, input_shape=16)])
    network.build(784)
    assert network.count_params() == 784 * 16 + 16 + 16 * 10 + 10


@pytest.mark.parametrize("seed", [-1, 1.5, None])
def test_impossible_seeds(seed: int) -> None:
    with pytest.raises(ConfigurationError, match="expected the seed"):
        Sequential([Dense(3)], seed=seed)


def test_impossible_calls(points: tuple[Array, Array]) -> None:
    x, y = points
    network = small_network()
    with pytest.raises(ConfigurationError, match=r"expected parameters.*call build"):
        network.count_params()
    with pytest.raises(ConfigurationError, match="expected epochs to be at least 1, got 0"):
        network.fit(x, y, epochs=0)
    with pytest.raises(ConfigurationError, match="expected the batch size to be at least 1"):
        network.fit(x, y, batch_size=0)
    with pytest.raises(LabelError, match="labels from 0 to 2, got 3"):
        network.fit(x[:, :3], y + 1)
    with pytest.raises(LabelError):
        network.loss_and_gradients(x[:, :3], y + 1)
    with pytest.raises(ConfigurationError, match="expected the batch size to be at least 1"):
        network.predict(x[:, :3], batch_size=0)
    with pytest.raises(ConfigurationError, match='expected verbose to be "auto", 0, 1 or 2'):
        network.fit(x[:, :3], y, verbose="loud")  # type: ignore[arg-type]
    network.fit(x, y, verbose=0)  # what was refused has not fixed its inputs
    with pytest.raises(ConfigurationError, match="expected the batch size to be at least 1"):
        network.evaluate(x, y, batch_size=0)
    with pytest.raises(ConfigurationError, match='expected verbose to be "auto", 0, 1 or 2'):
        network.evaluate(x, y, verbose="loud")  # type: ignore[arg-type]
    for metrics in (5, 0):
        with pytest.raises(ConfigurationError, match=f"expected a list of metrics, got {metrics}"):
            network.compile(metrics=metrics)  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match="expected samples in an array, got a list"):
        network.fit([[1, 2], [3]], y)  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match="expected targets in an array, got a list"):
        network.fit(x, [[1], [1, 2]] * (len(x) // 2))  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match="expected samples of 6 features, got 5"):
        network.predict(x[:, :5])
    with pytest.raises(ConfigurationError, match="expected the metric to be one of accuracy"):
        network.compile("sgd", "mean_squared_error", ["speed"])
    with pytest.raises(ConfigurationError, match="a compiled network"):
        Sequential([Dense(3)]).evaluate(x, y)
    network.compile("sgd", "mean_squared_error", metrics=None)
    with pytest.raises(ConfigurationError, match=r"validation data \(x, y\), got ndarray"):
        network.fit(x, y, validation_data=x)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"got tuple of 3; pass a pair"):
        network.fit(x, y, validation_data=(x, y, y))  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="got None"):
        Sequential([Dense(3)], dtype=None)  # type: ignore[arg-type]
