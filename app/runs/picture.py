"""The message of one weight picture, of which only the bits that show are taken at once.

Making codes of them, and turning them unit by unit, is left to the thread that sends the message:
training goes on meanwhile.
"""

import math
import threading
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from app.runs.codes import Bits, Codes, Coding, Indices, code, take_bits
from app.safetensors_header import header

# Buffers for bits that are kept for the next pictures, of each size.
KEPT = 4
_free: dict[int, list[Bits]] = {}


class Picture:
    """A safetensors message with the codes of a matrix (units, inputs) as its "values".

    The matrix is looked at now, and not again. The message can be made once.
    """

    def __init__(
        self,
        matrix: NDArray[np.floating],
        coding: Coding,
        scale: float,
        metadata: Mapping[str, str],
    ) -> None:
        self._shape = matrix.shape
        self._coding, self._scale = coding, scale
        self._header = header({"values": (np.dtype(np.uint8), matrix.shape)}, metadata)
        free = _free.setdefault(matrix.size, [])
        self._buffer = free.pop() if free else np.empty(matrix.size, np.uint16)
        # In the order in which the matrix lies in memory, else taking them would take longer.
        lies_turned = matrix.flags.f_contiguous and not matrix.flags.c_contiguous
        self._bits = self._buffer.reshape(matrix.shape, order="F" if lies_turned else "C")
        take_bits(matrix, out=self._bits)

    def __len__(self) -> int:
        """The number of the message's bytes."""
        return len(self._header) + math.prod(self._shape)

    def pieces(self) -> Iterator[bytes | memoryview]:
        """The message piece by piece, each to be used before this thread makes another picture."""
        yield self._header
        indices, codes = _room.of(self._shape)
        code(self._bits, self._coding, self._scale, indices=indices, out=codes)
        free = _free[self._buffer.size]
        if len(free) < KEPT:
            free.append(self._buffer)
        yield codes.data.cast("B")


class _Room(threading.local):
    """Where a thread makes its pictures, planned once."""

    def __init__(self) -> None:
        self._indices = np.empty(0, np.intp)
        self._codes = np.empty(0, np.uint8)

    def of(self, shape: tuple[int, ...]) -> tuple[Indices, Codes]:
        size = math.prod(shape)
        if size > len(self._codes):
            self._indices, self._codes = np.empty(size, np.intp), np.empty(size, np.uint8)
        return self._indices[:size].reshape(shape), self._codes[:size].reshape(shape)


_room = _Room()
