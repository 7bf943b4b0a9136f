"""BLAS held to one thread: the engine shares out the work itself, so its bits do not vary."""

import threading
from functools import cache

from threadpoolctl import LibController, OpenBLASController, ThreadpoolController


@cache
def _libraries() -> tuple[LibController, ...]:
    """The BLAS libraries in this process whose number of threads can be set."""
    return tuple(ThreadpoolController().select(user_api="blas").lib_controllers)


class OneBlasThread:
    """A context in which a matrix product runs on the thread that calls it.

    BLAS's own threads sum in an order that depends on how many there are, and slow each other
    down on a busy machine. The setting belongs to the process: the first thread to enter changes
    it, and the last one to leave restores it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before: list[int] = []

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._before = [library.num_threads for library in _libraries()]
                self._set([1] * len(self._before))

    def __exit__(self, *_error: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._set(self._before)

    def _set(self, numbers: list[int]) -> None:
        for library, number, before in zip(_libraries(), numbers, self._before, strict=True):
            if before != 1:
                _set_threads(library, number)


def _set_threads(library: LibController, number: int) -> None:
    # threadpoolctl lets one thread at a time control OpenBLAS and ignores the others. Here the
    # context's own lock keeps order, and the last thread must not be ignored.
    is_openblas = isinstance(library, OpenBLASController)
    if is_openblas:
        library.clear_controlling_thread(force=True)
    library.set_num_threads(number)
    if is_openblas:
        library.clear_controlling_thread()


one_blas_thread = OneBlasThread()
