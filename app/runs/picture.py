"""The message of one weight picture, which shows the moment at which it is begun.

If a loop has a helper, its team paints the picture of a large layer at once. Otherwise only the
bits that matter are copied. The thread that sends the message makes codes of them and turns these
unit by unit, while training goes on.
"""

import threading
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from app.runs.canvas import painted
from app.runs.codes import Bits, Codes, Indices, code, take_bits
from app.safetensors_header import header
from engine import TrainingLoop

# So many of the last used buffers for bits are kept for the next pictures.
KEPT = 8
# So many columns are turned together. The cache has no room for a line of each of more columns.
TURNED_AT_ONCE = 56


class Picture:
    """A safetensors message with the codes of a matrix (units, inputs) as its "values".

    The matrix, one of the loop's, is read now and not again. The message can be made only once.
    """

    def __init__(
        self,
        matrix: NDArray[np.floating],
        table: Codes,
        metadata: Mapping[str, str],
        loop: TrainingLoop,
    ) -> None:
        self._header = header({"values": (np.dtype(np.uint8), matrix.shape)}, metadata)
        self._size = matrix.size
        self._codes = painted(matrix, table, loop) or _coded_later(matrix, table)

    def __len__(self) -> int:
        """The length of the message in bytes."""
        return len(self._header) + self._size

    def pieces(self) -> Iterator[bytes | memoryview]:
        """The message in pieces; use each before this thread makes another picture."""
        yield self._header
        yield from self._codes


def _coded_later(matrix: NDArray[np.floating], table: Codes) -> Iterator[memoryview]:
    """The codes of the matrix as it is now, row by row; made later, when they are asked for."""
    buffer = _buffers.take(matrix.size)
    # In the order of the matrix in memory: in any other, copying would take longer.
    lies_turned = matrix.strides[0] < matrix.strides[1]
    bits = buffer.reshape(matrix.shape, order="F" if lies_turned else "C")
    take_bits(matrix, out=bits)
    return _coded(buffer, table, matrix.shape, turn=lies_turned)


def _coded(
    buffer: Bits, table: Codes, shape: tuple[int, ...], *, turn: bool
) -> Iterator[memoryview]:
    indices, codes = _room.of(buffer.size)
    code(buffer, table, indices=indices, out=codes)
    _buffers.give_back(buffer)
    if turn:
        # The indices are no longer needed: their memory takes the codes in the other order.
        turned = indices.view(np.uint8)[: codes.size].reshape(shape)
        _turn(codes.reshape(shape, order="F"), turned)
        codes = turned.reshape(-1)
    yield codes.data


class _Buffers:
    """Buffers of any size: the training thread takes them, the sending thread gives them back.

    Only the last ones given back are kept.
    """

    def __init__(self) -> None:
        self._kept: list[Bits] = []
        self._changing = threading.Lock()

    def take(self, size: int) -> Bits:
        with self._changing:
            for place, buffer in enumerate(self._kept):
                if buffer.size == size:
                    return self._kept.pop(place)
        return np.empty(size, np.uint16)

    def give_back(self, buffer: Bits) -> None:
        with self._changing:
            self._kept.append(buffer)
            del self._kept[:-KEPT]


_buffers = _Buffers()


class _Room(threading.local):
    """The memory in which a thread makes its pictures, allocated once."""

    def __init__(self) -> None:
        self._indices = np.empty(0, np.intp)
        self._codes = np.empty(0, np.uint8)

    def of(self, size: int) -> tuple[Indices, Codes]:
        if size > len(self._codes):
            self._indices, self._codes = np.empty(size, np.intp), np.empty(size, np.uint8)
        return self._indices[:size], self._codes[:size]


_room = _Room()


def _turn(codes: Codes, out: Codes) -> None:
    """Copy `codes`, which lie column by column, to `out`, which lies row by row."""
    units, inputs = codes.shape
    strips, rest = divmod(inputs, TURNED_AT_ONCE)

    def in_strips(matrix: Codes) -> Codes:
        """The whole strips as (strips, units, columns)."""
        whole = matrix[:, : inputs - rest]
        return whole.reshape(units, strips, TURNED_AT_ONCE).transpose(1, 0, 2)

    # `positive` copies strip by strip; `copyto` would follow memory, row by row.
    np.positive(in_strips(codes), out=in_strips(out))
    np.copyto(out[:, inputs - rest :], codes[:, inputs - rest :])
