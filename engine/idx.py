"""IDX, the file format of MNIST: big-endian sizes, then the array.

Source: Yann LeCun's description at the foot of the MNIST page. Two zero bytes, the element type,
the number of dimensions, then each dimension as an unsigned 32-bit number.
"""

import math
from pathlib import Path

import numpy as np

from engine.arrays import Array
from engine.errors import DatasetError

UNSIGNED_BYTES = 0x08


def open_idx(path: Path) -> Array:
    """The array of unsigned bytes in an IDX file, mapped read-only from the file.

    Processes that map the same file share its pages. Raises DatasetError for any other file.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(4)
        if len(head) < 4 or head[:3] != bytes((0, 0, UNSIGNED_BYTES)):
            raise DatasetError(
                f"expected an IDX file of unsigned bytes, got {path}, which begins with "
                f"{head.hex(' ') or 'nothing'}",
                "fetch the file again",
            )
        dimensions = head[3]
        sizes = file.read(4 * dimensions)
    offset = 4 + 4 * dimensions
    if len(sizes) < 4 * dimensions:
        raise DatasetError(
            f"expected {offset} bytes of header in {path}, got {size}", "fetch the file again"
        )
    shape = tuple(int(n) for n in np.frombuffer(sizes, ">u4"))
    expected = offset + math.prod(shape)
    if size != expected:
        raise DatasetError(
            f"expected {expected} bytes in {path} for an array of shape {shape}, got {size}",
            "fetch the file again",
        )
    return np.asarray(np.memmap(path, np.uint8, "r", offset, shape))
