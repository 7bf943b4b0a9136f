"""Keras 3 and this engine, side by side: the same start, the same 60 batches, both losses.

Run it in an environment of its own, which the project does not depend on, from the checkout:

    python3 -m venv /tmp/keras-env
    /tmp/keras-env/bin/pip install keras jax safetensors
    KERAS_BACKEND=jax PYTHONPATH=. /tmp/keras-env/bin/python bench/keras_trajectories.py

`--write` also writes the table to bench/keras_trajectories.md. Ends with an error where a loss
differs by more than 1e-5, relatively.
"""

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np

from engine import Dense, Samples, Sequential, TrainingLoop, load_mnist_bytes

BATCHES = 60
BATCH_SIZE = 128
TOLERANCE = 1e-5
PRINTED = (1, 2, 5, 10, 20, 40, 60)


@dataclass(frozen=True)
class Case:
    """An optimizer by both names, and the loss."""

    name: str
    ours: dict[str, object]
    theirs: dict[str, object]
    loss: str = "categorical_crossentropy"


CASES = (
    Case("SGD", {"name": "sgd", "learning_rate": 0.1}, {"learning_rate": 0.1}),
    Case(
        "SGD, momentum 0.9",
        {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9},
        {"learning_rate": 0.05, "momentum": 0.9},
    ),
    Case("RMSprop", {"name": "rmsprop"}, {}),
    Case("Adam", {"name": "adam"}, {}),
    Case("RMSprop, mean squared error", {"name": "rmsprop"}, {}, "mean_squared_error"),
)

KERAS_OPTIMIZERS = {
    "sgd": keras.optimizers.SGD,
    "rmsprop": keras.optimizers.RMSprop,
    "adam": keras.optimizers.Adam,
}


def trajectories(case: Case) -> tuple[list[float], list[float]]:
    """The losses of the 60 batches, ours and Keras's."""
    train, _ = load_mnist_bytes()
    network = Sequential([Dense(512, activation="relu"), Dense(10, activation="softmax")])
    network.compile(case.ours, case.loss)
    loop = TrainingLoop(network, Samples(*train, scale=255), batch_size=BATCH_SIZE)
    model = keras_model(case, network)
    ours, theirs = [], []
    for _ in range(BATCHES):
        drawn = loop.draw()
        x, one_hot = drawn.x.copy(), np.eye(10, dtype=np.float32)[drawn.y]
        ours.append(loop.run_batch().loss)
        model.reset_metrics()  # otherwise train_on_batch gives the mean over all batches
        theirs.append(float(model.train_on_batch(x, one_hot)))
    return ours, theirs


def keras_model(case: Case, network: Sequential) -> Any:
    """Keras's model of the same layers, with the same weights (its kernels are transposed)."""
    model = keras.Sequential(
        [
            keras.layers.Input((784,)),
            keras.layers.Dense(512, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.set_weights([weights.T for weights in network.get_weights()])
    optimizer = KERAS_OPTIMIZERS[str(case.ours["name"])](**case.theirs)
    model.compile(optimizer=optimizer, loss=case.loss)
    return model


def worst_difference(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The largest |ours − theirs| / theirs."""
    return max(abs(a - b) / b for a, b in zip(ours, theirs, strict=True))


def main() -> None:
    """Print both trajectories of every case; write the table if asked to."""
    parser = argparse.ArgumentParser(description="Keras's losses beside ours.")
    parser.add_argument("--write", action="store_true", help="write bench/keras_trajectories.md")
    write = parser.parse_args().write

    versions = (
        f"Keras {keras.__version__} on {keras.backend.backend()}, NumPy {np.__version__}, "
        f"Python {platform.python_version()}, {platform.machine()}"
    )
    print(versions)
    rows, failed = [], False
    for case in CASES:
        ours, theirs = trajectories(case)
        worst = worst_difference(ours, theirs)
        failed |= not worst < TOLERANCE
        print(f"\n{case.name}: {BATCHES} batches, worst relative difference {worst:.1e}")
        print("batch       ours      Keras")
        for batch in PRINTED:
            print(f"{batch:5d} {ours[batch - 1]:10.7f} {theirs[batch - 1]:10.7f}")
        rows.append(f"| {case.name} | {ours[-1]:.7f} | {theirs[-1]:.7f} | {worst:.1e} |")
    if write:
        table = [
            f"# Keras's trajectories beside ours: {BATCHES} batches of {BATCH_SIZE}",
            "",
            "The example network from one start on the same MNIST batches, float32. The worst",
            f"relative difference of any batch's loss has to stay below {TOLERANCE:g}. Written by",
            f"`bench/keras_trajectories.py` with {versions}.",
            "",
            f"| optimizer | our loss, batch {BATCHES} | Keras's | worst relative difference |",
            "| --- | --- | --- | --- |",
            *rows,
        ]
        Path(__file__).with_suffix(".md").write_text("\n".join(table) + "\n", encoding="utf-8")
    if failed:
        sys.exit(f"expected differences below {TOLERANCE:g}")


if __name__ == "__main__":
    main()
