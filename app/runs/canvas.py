"""Pictures that the team of a training loop paints, between two batches.

Where a helper shares the batches, each of the two processes has about half of the weights in its
core's cache, and makes the codes of that half. A thread that made them afterwards would take the
core from one of the two, and the other would have to wait.
"""

from collections.abc import Iterator
from functools import partial
from weakref import WeakKeyDictionary, WeakSet

import numpy as np
from numpy.typing import NDArray

from app.runs.codes import TABLE_SIZE, Codes, paint
from engine import HelperLostError, TrainingLoop
from engine.plan import Stage, blocks
from engine.shared_memory import SharedMemory, segment_of
from engine.team import Team

# Canvases of one loop: for each matrix that is watched as many as wait to be sent, and one more.
MOST = 16

Matrix = NDArray[np.floating]


class Canvas:
    """Room for the codes of a matrix (units, inputs), and the stage in which they are painted."""

    def __init__(self, matrix: Matrix, memory: SharedMemory) -> None:
        self.codes: Codes = memory.zeros(matrix.shape, np.uint8)
        self._matrix = matrix
        self._table: Codes = memory.zeros(TABLE_SIZE, np.uint8)
        self._stage = Stage(
            [
                (partial(paint, matrix.T[part], self._table, self.codes.T[part]),)
                for part in _parts(matrix)
            ]
        )

    def is_of(self, matrix: Matrix) -> bool:
        """Whether it is of this memory, which may be viewed by other arrays in other batches."""
        return matrix.shape == self._matrix.shape and _address(matrix) == _address(self._matrix)

    def paint(self, team: Team, table: Codes) -> None:
        """Put the codes that the matrix has now into `codes`."""
        np.copyto(self._table, table)
        try:
            team.run([self._stage])
        except HelperLostError:  # it has only looked
            Team().run([self._stage])


class Canvases:
    """The canvases of one loop: those in use, which others hold, and those that are free."""

    def __init__(self) -> None:
        self._memory = SharedMemory()
        self._all: WeakSet[Canvas] = WeakSet()
        self._free: list[Canvas] = []

    def take(self, matrix: Matrix) -> Canvas | None:
        """A canvas of this matrix; None if there are too many."""
        for place, canvas in enumerate(self._free):  # to which another thread may append
            if canvas.is_of(matrix):
                return self._free.pop(place)
        if len(self._all) == MOST:
            return None
        canvas = Canvas(matrix, self._memory)
        self._all.add(canvas)
        return canvas

    def lend(self, canvas: Canvas) -> Iterator[memoryview]:
        """Its codes, row by row. It is free again when more is asked for, by whatever thread."""
        yield canvas.codes.reshape(-1).data
        self._free.append(canvas)


# Of the last loop that had a helper: only one that computes alone has. They go when it goes.
_canvases: WeakKeyDictionary[TrainingLoop, Canvases] = WeakKeyDictionary()


def painted(matrix: Matrix, table: Codes, loop: TrainingLoop) -> Iterator[memoryview] | None:
    """The codes of one of the loop's matrices as it is now, row by row, to be used once.

    None where the loop has no helper, or it is not worth its while.
    """
    is_shared = (
        loop.team.threads > 1
        and matrix.flags.f_contiguous
        and len(_parts(matrix)) > 1
        and segment_of(matrix) is not None
    )
    if not is_shared:
        return None
    if loop not in _canvases:
        _canvases.clear()
        _canvases[loop] = Canvases()
    canvas = _canvases[loop].take(matrix)
    if canvas is None:
        return None
    canvas.paint(loop.team, table)
    return _canvases[loop].lend(canvas)


def _parts(matrix: Matrix) -> list[slice]:
    """The inputs whose weights each of the two has, but for a few."""
    units, inputs = matrix.shape
    return blocks(units, inputs, of_samples=False)


def _address(array: Matrix) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
