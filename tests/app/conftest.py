"""What the tests of the server's logic share: no process is started for them."""

from collections.abc import Callable
from typing import Any

import pytest

from app.runs.network import DataSet
from app.runs.run import Run
from tests.support.runs import HISTORY_BYTES, Clock, config_of, small_data_set

MakeRun = Callable[..., Run]


@pytest.fixture(scope="session")
def data() -> DataSet:
    """A thousand digits to train on, two hundred to test with."""
    return small_data_set()


@pytest.fixture
def clock() -> Clock:
    """A clock on which every reading takes a millisecond."""
    return Clock(tick=0.001)


@pytest.fixture
def make_run(data: DataSet, clock: Clock) -> MakeRun:
    """Makes runs of the fields of a configuration."""

    def make(history_bytes: int = HISTORY_BYTES, **fields: Any) -> Run:
        return Run(config_of(**fields), data, history_bytes=history_bytes, clock=clock)

    return make


@pytest.fixture
def run(make_run: MakeRun) -> Run:
    """A small run at batch 0."""
    return make_run()
