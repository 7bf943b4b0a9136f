"""Runs without processes: a small piece of MNIST, small networks, a clock that tests set."""

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from app.config import RunConfig
from app.runs.network import DataSet
from app.runs.run import Run
from app.runs.series import COLUMNS, Series
from engine import Samples, load_mnist_bytes

Tensors = dict[str, NDArray[Any]]

HISTORY_BYTES = 1_000_000
SMALL_LAYERS = [{"units": 16, "activation": "relu"}, {"units": 10, "activation": "softmax"}]


def small_data_set(train: int = 1000, test: int = 200) -> DataSet:
    """The first samples of MNIST; 1,000 of them are 8 batches of 128, the last one shorter."""
    (images, labels), (test_images, test_labels) = load_mnist_bytes()
    return DataSet(
        train=Samples(images[:train], labels[:train], scale=255),
        test=Samples(test_images[:test], test_labels[:test], scale=255),
    )


def config_of(**fields: Any) -> dict[str, Any]:
    """A checked configuration; a small network unless `layers` says otherwise."""
    return RunConfig.model_validate({"layers": SMALL_LAYERS, **fields}).settings()


class Clock:
    """A clock that stands still, except for `tick` seconds each time it is read."""

    def __init__(self, tick: float = 0.0) -> None:
        self.now = 100.0
        self.tick = tick

    def __call__(self) -> float:
        self.now += self.tick
        return self.now


def work(run: Run, clock: Clock, *, until: Callable[[], bool] | None = None) -> None:
    """Let a run work in slices of 10 ms until it rests, or until `until()` holds."""
    for _ in range(100_000):
        if until() if until is not None else run.wait() is None:
            return
        clock.now += run.wait() or 0.0
        run.advance(clock() + 0.010)
    raise AssertionError("the run does not come to rest")


def column(
    series: Series, name: str, from_batch: int = 1, to_batch: int | None = None
) -> list[float]:
    """One of the values that a series has of every batch."""
    values: list[float] = series.columns(from_batch, to_batch)[COLUMNS.index(name)].tolist()
    return values


def snapshot(run: Run) -> Tensors:
    """Copies of all tensors there are now."""
    return {name: run.loop.tensor(name).copy() for name in run.loop.computed_tensor_names()}


def same_bits(one: Tensors, other: Tensors) -> bool:
    """Whether two snapshots have the same names and the same bytes."""
    return one.keys() == other.keys() and all(
        array.dtype == other[name].dtype and array.tobytes() == other[name].tobytes()
        for name, array in one.items()
    )
