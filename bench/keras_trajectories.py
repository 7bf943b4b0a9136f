"""Keras 3 and this engine, side by side: the same start, the same 60 batches, both losses.

Both run in one process, in the environment of the rivals (`bench/environment.py`); there, as a
program, this prints the two trajectories as well.
"""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.environment import ROOT, python_of_rivals
from bench.results import last_line
from engine import Dense, Samples, Sequential, TrainingLoop, load_mnist_bytes

BATCHES = 60
BATCH_SIZE = 128
TOLERANCE = 1e-5
PRINTED = (1, 2, 5, 10, 20, 40, 60)
TABLE = "The table:\n"


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
    import keras

    model = keras.Sequential(
        [
            keras.layers.Input((784,)),
            keras.layers.Dense(512, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.set_weights([weights.T for weights in network.get_weights()])
    optimizer = keras.optimizers.get({"class_name": case.ours["name"], "config": case.theirs})
    model.compile(optimizer=optimizer, loss=case.loss)
    return model


def worst_difference(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The largest |ours − theirs| / theirs."""
    return max(abs(a - b) / b for a, b in zip(ours, theirs, strict=True))


def section() -> str:
    """The table as Markdown, measured beside Keras in the environment that has it, if it has."""
    told = subprocess.run(
        [python_of_rivals(), "-m", "bench.keras_trajectories"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        check=False,
    )
    print(told.stdout)
    if told.returncode:
        return f"Left out: {last_line(told.stderr)}"
    return told.stdout.partition(TABLE)[2].strip()


def main() -> None:
    """Print both trajectories of every case, then the table."""
    import keras

    rows = []
    for case in CASES:
        ours, theirs = trajectories(case)
        worst = worst_difference(ours, theirs)
        print(f"\n{case.name}\nbatch       ours      Keras")
        for batch in PRINTED:
            print(f"{batch:5d} {ours[batch - 1]:10.7f} {theirs[batch - 1]:10.7f}")
        rows.append(f"| {case.name} | {ours[-1]:.7f} | {theirs[-1]:.7f} | {worst:.1e} |")
    lines = [
        TABLE,
        f"The example network from one start on the same {BATCHES} batches of {BATCH_SIZE} MNIST",
        f"images, float32; Keras {keras.__version__} on {keras.backend.backend()}. The worst",
        f"relative difference of any batch's loss has to stay below {TOLERANCE:g}.",
        "",
        f"| optimizer | our loss, batch {BATCHES} | Keras's | worst relative difference |",
        "| --- | --- | --- | --- |",
        *rows,
    ]
    print("\n".join(lines))


if __name__ == "__main__":
    main()
