"""What the tests of the server's logic share: no process is started for them."""

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from app.runs.network import DataSet
from app.runs.recipe import Recipe
from app.runs.run import Run
from app.storage.checkpoints import Checkpoints
from tests.support.runs import HISTORY_BYTES, Clock, config_of, small_data_set

MakeRun = Callable[..., Run]

# Shorter than a server's, so that short runs have some checkpoints.
INTERVAL = 32


@pytest.fixture(scope="session")
def data() -> DataSet:
    """A thousand digits to train on, two hundred to test with."""
    return small_data_set()


@pytest.fixture
def clock() -> Clock:
    """A clock on which every reading takes a millisecond."""
    return Clock(tick=0.001)


@pytest.fixture
def writer() -> Iterator[ThreadPoolExecutor]:
    """The thread that writes checkpoints."""
    with ThreadPoolExecutor(max_workers=1) as executor:
        yield executor


@pytest.fixture
def make_run(data: DataSet, clock: Clock, tmp_path: Path, writer: ThreadPoolExecutor) -> MakeRun:
    """Makes runs of the fields of a configuration."""
    numbers = itertools.count()

    def make(history_bytes: int = HISTORY_BYTES, **fields: Any) -> Run:
        folder = tmp_path / str(next(numbers))

        def checkpoints(recipe: Recipe) -> Checkpoints:
            return Checkpoints(folder, history_bytes, writer, recipe.name_at, interval=INTERVAL)

        recipe = Recipe(config_of(**fields))
        return Run(recipe, data, checkpoints=checkpoints, clock=clock)

    return make


@pytest.fixture
def run(make_run: MakeRun) -> Run:
    """A small run at batch 0."""
    return make_run()
