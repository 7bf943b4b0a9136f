"""The message of one weight picture, of which only the bits that show are taken at once.

Making codes of them, and turning them unit by unit, is left to the thread that sends the message:
training goes on meanwhile.
"""

import math
import threading
from collections.abc import Iterator, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.runs.codes import Bits, Codes, Coding, Indices, code, take_bits
from app.safetensors_header import header

# Buffers for bits that are kept for the next pictures: those that have served last.
KEPT = 8
# Columns of which each row's bytes are picked together: of more of them the cache does not hold a
# line each.
TURNED_AT_ONCE = 56


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
        self._buffer = _buffers.take(matrix.size)
        # In the order in which the matrix lies in memory, else taking them would take longer.
        self._lies_turned = matrix.flags.f_contiguous and not matrix.flags.c_contiguous
        order: Literal["C", "F"] = "F" if self._lies_turned else "C"
        take_bits(matrix, out=self._buffer.reshape(matrix.shape, order=order))

    def __len__(self) -> int:
        """The number of the message's bytes."""
        return len(self._header) + math.prod(self._shape)

    def pieces(self) -> Iterator[bytes | memoryview]:
        """The message piece by piece, each to be used before this thread makes another picture."""
        yield self._header
        indices, codes = _room.of(self._buffer.size)
        code(self._buffer, self._coding, self._scale, indices=indices, out=codes)
        _buffers.give_back(self._buffer)
        if self._lies_turned:
            # The indices have served: there is room for the codes in the other order.
            turned = indices.view(np.uint8)[: codes.size].reshape(self._shape)
            _turn(codes.reshape(self._shape, order="F"), turned)
            codes = turned.reshape(-1)
        yield codes.data


class _Buffers:
    """Buffers of any size: the thread that trains takes them, the one that sends gives them back.

    Of those that are given back only the last are kept.
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
    """Where a thread makes its pictures, planned once."""

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

    # `positive` copies too, and goes from strip to strip: `copyto` follows memory, row by row.
    np.positive(in_strips(codes), out=in_strips(out))
    np.copyto(out[:, inputs - rest :], codes[:, inputs - rest :])
