"""Safetensors files in pieces: a header, then the arrays as they are, uncopied.

The library makes one piece of everything first; reading is left to it.
Source: https://github.com/huggingface/safetensors#format.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.plain_json import json_bytes

_NAMES = {"f4": "F32", "f8": "F64", "u1": "U8"}


def file_pieces(
    tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]
) -> list[bytes | memoryview]:
    """A whole file; contiguous arrays are looked at when the pieces are used, not copied.

    They follow in this order: those with the largest numbers have to come first, so that readers
    find each on a boundary of its own type.
    """
    layout = {name: (tensor.dtype, tensor.shape) for name, tensor in tensors.items()}
    data = (tensor.reshape(-1).view(np.uint8).data for tensor in tensors.values())
    return [header(layout, metadata), *data]


def header(
    layout: Mapping[str, tuple["np.dtype[np.generic]", tuple[int, ...]]],
    metadata: Mapping[str, str],
) -> bytes:
    """The bytes before those of the tensors, which follow in this order, each row by row.

    `layout` has the type and the shape of each: float32, float64 or uint8, else a KeyError.
    """
    described: dict[str, object] = {"__metadata__": dict(metadata)}
    start = 0
    for name, (dtype, shape) in layout.items():
        stop = start + math.prod(shape) * dtype.itemsize
        described[name] = {
            "dtype": _NAMES[dtype.str[1:]],
            "shape": list(shape),
            "data_offsets": [start, stop],
        }
        start = stop
    text = json_bytes(described)
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text
