"""Whole networks: any stack of layers and either loss against numerical gradients."""

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from engine import Dense, Sequential
from engine.functions import ACTIVATIONS
from engine.gradient_check import numerical_gradient
from engine.losses import LOSSES
from tests.support.gradients import relative_error

LAYERS = st.lists(
    st.builds(Dense, st.integers(2, 4), st.sampled_from(sorted(ACTIVATIONS))),
    min_size=1,
    max_size=3,
)


@given(
    layers=LAYERS,
    loss=st.sampled_from(sorted(LOSSES)),
    rows=st.booleans(),
    n=st.integers(1, 4),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_gradient_function_agrees_with_numerical_gradients(
    layers: list[Dense], loss: str, rows: bool, n: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    network = Sequential(layers, seed=seed, dtype="float64")
    network.compile("sgd", loss)
    network.build(3)
    network.parameters.flat[:] = generator.normal(size=network.count_params())
    x = generator.normal(size=(n, 3))
    labels = generator.integers(0, network.outputs, n)
    y = np.eye(network.outputs)[labels] if rows else labels
    assume(_smooth_around(network, x))

    _, gradients = network.loss_and_gradients(x, y)
    derived = np.concatenate([gradient.ravel(order="F") for gradient in gradients.values()])
    measured = numerical_gradient(
        lambda _: network.loss_and_gradients(x, y)[0], network.parameters.flat, 1e-5
    )
    if np.linalg.norm(measured) > 1e-3:
        assert relative_error(derived, measured) < 1e-6
    else:
        np.testing.assert_allclose(derived, measured, atol=1e-8)


def _smooth_around(network: Sequential, x: np.ndarray) -> bool:
    """Whether moving a weight by h crosses neither relu's kink nor cross-entropy's clipping."""
    values = {**network.parameters, "batch.x": x}
    network.compiled.forward.forward(values)
    for index, layer in enumerate(network.layers):
        z = values[f"layer{index + 1}.preactivations"]
        if layer.activation == "relu" and np.abs(z).min() < 1e-3:
            return False
    last = network.layers[-1].activation
    if network.loss.name == "mean_squared_error" or last == "softmax":
        return True
    predictions = values[network.compiled.predictions]
    sums = predictions.sum(axis=1, keepdims=True)
    if np.any((np.abs(sums) < 0.3) & (sums != 0)):
        return False
    p = predictions / np.where(sums == 0, 1, sums)
    return bool(np.all((p <= 0) | (p > 0.05)) and np.all((p >= 1) | (p < 0.95)))
