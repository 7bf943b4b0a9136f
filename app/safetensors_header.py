"""Writes safetensors files in pieces: a header, then the arrays, without a copy of them.

The library first copies everything into one piece. It still does the reading.
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
    """The pieces of a whole file; contiguous arrays are not copied, but read when these are used.

    The arrays follow in the order given. Those of the largest item size have to come first, so
    that each begins at a multiple of its own item size.
    """
    layout = {name: (tensor.dtype, tensor.shape) for name, tensor in tensors.items()}
    data = (tensor.reshape(-1).view(np.uint8).data for tensor in tensors.values())
    return [header(layout, metadata), *data]


def header(
    layout: Mapping[str, tuple["np.dtype[np.generic]", tuple[int, ...]]],
    metadata: Mapping[str, str],
) -> bytes:
    """The bytes before the tensors, which have to follow in the order of `layout`, row by row.

    `layout` has the type (float32, float64 or uint8, else KeyError) and the shape of each.
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
