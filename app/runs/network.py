"""Makes the engine's objects from a run's configuration, and applies settings to a loop."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.config import OPTIONS, make_optimizer
from app.errors import AppError
from engine import (
    Dense,
    EngineError,
    Samples,
    Sequential,
    TrainingLoop,
    load_mnist_bytes,
    optimizers,
)
from engine.optimizers import Optimizer


@dataclass(frozen=True, slots=True)
class DataSet:
    """The samples on which a run is trained, and those on which it is measured."""

    train: Samples
    test: Samples


def load_data_set() -> DataSet:
    """MNIST as bytes, memory-mapped: all processes of the machine share one copy."""
    (train_images, train_labels), (test_images, test_labels) = load_mnist_bytes()
    return DataSet(
        train=Samples(train_images, train_labels, scale=255),
        test=Samples(test_images, test_labels, scale=255),
    )


def make_network(config: dict[str, Any]) -> Sequential:
    """The network of a configuration, compiled; untrained."""
    network = Sequential(
        [Dense(layer["units"], activation=layer["activation"]) for layer in config["layers"]],
        seed=config["seed"],
        dtype=config["dtype"],
    )
    network.compile(
        optimizer=optimizers.get(config["optimizer"]), loss=config["loss"], metrics=["accuracy"]
    )
    return network


def make_loop(config: dict[str, Any], data: DataSet) -> TrainingLoop:
    """The training loop of a configuration, at batch 0."""
    return TrainingLoop(make_network(config), data.train, batch_size=config["batch_size"])


def network_input(pixels: list[int]) -> NDArray[np.float32]:
    """784 pixels of 0 to 255 as input of a network: x (1, 784) in 0..1."""
    return np.array([pixels], dtype=np.float32) / np.float32(255)


def drawing_samples(drawing: dict[str, Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """A labelled drawing as a sample: x (1, 784), y (1,)."""
    return network_input(drawing["pixels"]), np.array([drawing["label"]])


def optimizer_settings(optimizer: Optimizer) -> dict[str, Any]:
    """The optimizer in the configuration's form: name, learning rate, and momentum for SGD."""
    config = optimizer.config()
    return {key: config[key] for key in ("name", *OPTIONS) if key in config}


def _optimizer_after(before: Optimizer, settings: dict[str, Any]) -> Optimizer:
    """The optimizer after a command's or a recipe's settings.

    Another optimizer keeps the learning rate unless the settings name one; the same optimizer keeps
    every option that they do not name.
    """
    named = settings.get("optimizer", {})
    if isinstance(named, str):
        named = {"name": named}
    after = optimizer_settings(before)
    if named.get("name", before.name) != before.name:
        after = {"learning_rate": before.learning_rate}
    after |= {key: value for key, value in named.items() if value is not None}
    return make_optimizer(after | {key: settings[key] for key in OPTIONS if key in settings})


def resolve(command: dict[str, Any], loop: TrainingLoop) -> dict[str, Any]:
    """What a `set` command changes on `loop`, complete and checked; `{}` if nothing.

    Raises an engine error, with nothing changed, for values that do not fit.
    """
    before = optimizer_settings(loop.optimizer)
    after = optimizer_settings(_optimizer_after(loop.optimizer, command))

    changes: dict[str, Any] = {}
    if after["name"] != before["name"]:
        changes["optimizer"] = after
    else:
        changes |= {key: value for key, value in after.items() if value != before[key]}
    batch_size = command.get("batch_size", loop.batch_size)
    if batch_size != loop.batch_size:
        changes["batch_size"] = batch_size
    return changes


def check_actions(
    config: dict[str, Any], actions: list[tuple[int, dict[str, Any]]], data: DataSet
) -> None:
    """Raise `AppError` unless every change of a recipe can be made on its network.

    They are tried one after the other on an untrained network, except steps on drawings, which fit
    any network and take long.
    """
    loop = make_loop(config, data)
    for number, (batch, settings) in enumerate(actions, start=1):
        if "drawing" in settings:
            continue
        try:
            apply(settings, loop)
        except EngineError as error:
            raise AppError(
                "invalid_recipe",
                f"change {number} of the recipe, at batch {batch}: {error.message}",
                error.hint or "Correct that change, or leave it out; nothing has been made.",
                status=422,
            ) from error


def apply(settings: dict[str, Any], loop: TrainingLoop) -> None:
    """Apply an action of a recipe; if the optimizer stays the same, it keeps its state."""
    if "weight" in settings:
        weight = settings["weight"]
        loop.set_parameter(weight["tensor"], tuple(weight["index"]), weight["value"])
    if "drawing" in settings:
        loop.train_on(*drawing_samples(settings["drawing"]))
    if not settings.keys().isdisjoint({"optimizer", *OPTIONS}):
        loop.optimizer = _optimizer_after(loop.optimizer, settings)
    if "batch_size" in settings:
        loop.batch_size = settings["batch_size"]
