"""BLAS held to one thread while the engine computes."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController

from engine import Dense, Sequential
from engine.blas import OneBlasThread


def blas_threads() -> list[int]:
    """How many threads each BLAS library of this process uses."""
    return [
        lib.num_threads for lib in ThreadpoolController().select(user_api="blas").lib_controllers
    ]


@pytest.fixture
def two_threads() -> Iterator[list[int]]:
    """BLAS told to use two threads; what it then says it uses."""
    with ThreadpoolController().limit(limits=2, user_api="blas"):
        yield blas_threads()


def test_one_thread_inside_and_as_before_outside(two_threads: list[int]) -> None:
    held = OneBlasThread()
    with held:
        assert set(blas_threads()) <= {1}
        with held:
            assert set(blas_threads()) <= {1}
        assert set(blas_threads()) <= {1}
    assert blas_threads() == two_threads


def test_the_last_to_leave_puts_it_back(two_threads: list[int]) -> None:
    held = OneBlasThread()
    entered, leave = threading.Event(), threading.Event()

    def other() -> None:
        with held:
            entered.set()
            leave.wait()

    thread = threading.Thread(target=other)
    with held:
        thread.start()
        entered.wait()
    assert set(blas_threads()) <= {1}
    leave.set()
    thread.join()
    assert blas_threads() == two_threads


def test_nothing_that_a_network_computes_depends_on_what_blas_is_set_to() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(256, 784)).astype(np.float32)
    y = generator.integers(0, 3, 256)

    def computed(blas: int) -> tuple[bytes, ...]:
        network = Sequential([Dense(300, "relu"), Dense(3, "softmax")])
        network.compile("rmsprop")
        with ThreadpoolController().limit(limits=blas, user_api="blas"):
            network.fit(x, y, batch_size=128, epochs=2, verbose=0)
            predictions = network.predict(x)
            _, gradients = network.loss_and_gradients(x, y)
        return tuple(
            array.tobytes() for array in (network.parameters.flat, predictions, *gradients.values())
        )

    assert computed(1) == computed(2)
