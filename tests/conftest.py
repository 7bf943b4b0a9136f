"""What tests share: the browser, a trained network, and that page tests come last."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import Dense, Sequential, load_mnist
from tests.support.chromium import LAUNCH_ARGUMENTS, find_chromium
from tests.support.client import Visitor
from tests.support.server import KEPT_NETWORK, Server, running_server

PAGE_TESTS = Path(__file__).parent / "browser"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Playwright's synchronous API keeps an event loop running in the main thread until the
    # session ends; a test that starts a loop of its own has to run before it.
    items.sort(key=lambda item: PAGE_TESTS in item.path.parents)


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """Start the Chromium of this machine rather than Playwright's own build."""
    return {"executable_path": str(find_chromium()), "args": list(LAUNCH_ARGUMENTS)}


@pytest.fixture(scope="session")
def trained_network() -> Sequential:
    """A smaller example network, two epochs into MNIST: about 96.5 % on the test images."""
    (images, labels), _ = load_mnist()
    network = Sequential([Dense(256, activation="relu"), Dense(10, activation="softmax")])
    network.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])
    network.fit(images, labels, epochs=2, batch_size=128, verbose=0)
    return network


@pytest.fixture(scope="session")
def server(
    tmp_path_factory: pytest.TempPathFactory, trained_network: Sequential
) -> Iterator[Server]:
    """A server in processes of its own, with two workers and a default network it has kept."""
    data_dir = tmp_path_factory.mktemp("data")
    trained_network.save(data_dir / KEPT_NETWORK)
    # What a test has left playing would keep the cores from the tests after it.
    pauses = {"APP_LEFT_PAUSE_S": "10", "APP_IDLE_PAUSE_S": "20"}
    env = {"APP_MAX_RUNS": "500", **pauses}
    with running_server(data_dir, env=env) as server:
        yield server


@pytest.fixture
def visitor(server: Server) -> Iterator[Visitor]:
    """A visitor of that server, with cookies of their own."""
    visitor = Visitor(server.address)
    yield visitor
    visitor.close()
