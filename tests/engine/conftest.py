"""How the engine's properties are run, and the data sets its tests share."""

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from engine import Samples, load_mnist
from engine.arrays import Array
from engine.mnist import Split

# Machines differ in speed, so no example has a deadline. The same examples every time keep CI
# steady; `pytest --hypothesis-profile=explore` draws new ones.
COMMON = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("steady", COMMON, derandomize=True)
settings.register_profile("explore", COMMON, max_examples=2000)
settings.load_profile("steady")


@pytest.fixture(scope="session")
def mnist() -> tuple[Split, Split]:
    """The real MNIST, as `load_mnist` gives it."""
    return load_mnist()


@pytest.fixture
def points() -> tuple[Array, Array]:
    """50 points of 6 features in 3 classes: x (50, 6) float32, labels (50,)."""
    generator = np.random.default_rng(7)
    return generator.random((50, 6)).astype(np.float32), generator.integers(0, 3, 50)


@pytest.fixture
def samples(points: tuple[Array, Array]) -> Samples:
    """The points as Samples."""
    return Samples(*points)
