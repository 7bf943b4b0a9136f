"""Pictures that the team of a training loop paints, between two batches.

If a helper shares the batches, each of the two processes has about half of the weights in its
core's cache, and makes the codes of that half. A thread that made them afterwards would take a core
from one of the two, and the other would have to wait.
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

# At most so many canvases of a loop; the thread that sends makes the pictures beyond.
MOST = 16
# A canvas that was not taken for so many pictures: nobody watches its matrix any more.
RECENT = 64
# At most so many loops have canvases: one worker's runs may be watched in turn, each while it alone
# computes without a rest. Each canvas takes a piece of shared memory, of which there are few.
LOOPS = 4

Matrix = NDArray[np.floating]


class Canvas:
    """Room for the codes of a matrix (units, inputs), and the stage in which they are painted."""

    def __init__(self, matrix: Matrix, table: Codes) -> None:
        memory = SharedMemory()  # its own, which is given back with it
        self.taken = 0  # when it was last taken, by its owner's count
        self.codes: Codes = memory.zeros(matrix.shape, np.uint8)
        self._place, self._table = segment_of(matrix), table
        shared_table: Codes = memory.zeros(TABLE_SIZE, np.uint8)
        np.copyto(shared_table, table)
        self._stage = Stage(
            [
                (partial(paint, matrix.T[part], shared_table, self.codes.T[part]),)
                for part in _parts(matrix)
            ]
        )

    def shows(self, matrix: Matrix, table: Codes) -> bool:
        """Whether it is for this table and memory; each batch may bring another view of that."""
        return (
            table is self._table
            and matrix.shape == self.codes.shape
            and segment_of(matrix) == self._place
        )

    def paint(self, team: Team) -> None:
        """Write the codes of the matrix as it is now into `codes`."""
        try:
            team.run([self._stage])
        except HelperLostError:  # the helper has changed nothing of the loop
            Team().run([self._stage])


class Canvases:
    """The canvases of one loop: those in use, which others hold, and those that are free."""

    def __init__(self) -> None:
        self._all: WeakSet[Canvas] = WeakSet()
        self._free: list[Canvas] = []
        self._taken = 0

    def take(self, matrix: Matrix, table: Codes) -> Canvas | None:
        """A canvas for this matrix; None if too many are in use."""
        self._taken += 1
        # Drop canvases of matrices that nobody watches: they would keep these alive. The thread
        # that sends may append to the old list meanwhile: that only loses one canvas.
        self._free = [canvas for canvas in self._free if self._taken - canvas.taken < RECENT]
        canvas = next((canvas for canvas in self._free if canvas.shows(matrix, table)), None)
        if canvas is not None:
            self._free.remove(canvas)
        else:
            if len(self._all) >= MOST:
                self._free = []
            if len(self._all) >= MOST:
                return None
            canvas = Canvas(matrix, table)
            self._all.add(canvas)
        canvas.taken = self._taken
        return canvas

    def lend(self, canvas: Canvas) -> Iterator[memoryview]:
        """Its codes, row by row. Asking for more frees the canvas, from whatever thread."""
        yield canvas.codes.reshape(-1).data
        self._free.append(canvas)


_canvases: WeakKeyDictionary[TrainingLoop, Canvases] = WeakKeyDictionary()


def painted(matrix: Matrix, table: Codes, loop: TrainingLoop) -> Iterator[memoryview] | None:
    """The codes of one of the loop's matrices as it is now, row by row, to be used once.

    None if the loop computes alone, or if the matrix is too small to be shared.
    """
    if loop.team.threads < 2:
        _canvases.pop(loop, None)  # it may have had a helper before there were many loops
        return None
    is_shared = matrix.flags.f_contiguous and segment_of(matrix) is not None
    if not is_shared or len(_parts(matrix)) < 2:
        return None
    if loop not in _canvases:
        while len(_canvases) >= LOOPS:
            del _canvases[next(iter(_canvases))]
        _canvases[loop] = Canvases()
    canvases = _canvases[loop]
    canvas = canvases.take(matrix, table)
    if canvas is None:
        return None
    canvas.paint(loop.team)
    return canvases.lend(canvas)


def _parts(matrix: Matrix) -> list[slice]:
    """The inputs whose weights each of the two processes has, except for a few."""
    units, inputs = matrix.shape
    return blocks(units, inputs, of_samples=False)
