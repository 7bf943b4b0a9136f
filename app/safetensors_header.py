"""What a safetensors file begins with, for files that are written array by array, uncopied.

The library makes one piece of everything first; reading is left to it.
Source: https://github.com/huggingface/safetensors#format.
"""

import json
import math
from collections.abc import Mapping

import numpy as np

_NAMES = {"f4": "F32", "f8": "F64", "u1": "U8"}


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
    text = json.dumps(described).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text
