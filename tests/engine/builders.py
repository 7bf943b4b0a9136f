"""Small networks and loops, as the tests need them."""

from collections.abc import Mapping

from engine import Dense, Samples, Sequential, TrainingLoop


def small_network(
    optimizer: str | Mapping[str, object] = "rmsprop",
    loss: str = "categorical_crossentropy",
    *,
    seed: int = 0,
    dtype: str = "float32",
    metrics: tuple[str, ...] = ("accuracy",),
) -> Sequential:
    """? → 5 relu → 3 softmax, compiled."""
    network = Sequential([Dense(5, "relu"), Dense(3, "softmax")], seed=seed, dtype=dtype)
    network.compile(optimizer, loss, metrics)
    return network


def small_loop(
    samples: Samples,
    optimizer: str | Mapping[str, object] = "rmsprop",
    *,
    batch_size: int = 8,
    seed: int = 0,
) -> TrainingLoop:
    """A loop that trains the small network."""
    return TrainingLoop(small_network(optimizer, seed=seed), samples, batch_size=batch_size)
