"""IDX, the file format of MNIST: big-endian sizes, then the array.

Source: Yann LeCun's description at the foot of the MNIST page. Two zero bytes, the element type,
the number of dimensions, then each dimension as an unsigned 32-bit number.
"""

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
        shape = tuple(int(n) for n in np.frombuffer(file.read(4 * dimensions), ">u4"))
    offset = 4 + 4 * dimensions
    expected = offset + int(np.prod(shape, dtype=np.uint64))
    if len(shape) != dimensions or size != expected:
        raise DatasetError(
            f"expected {expected} bytes in {path} for an array of shape {shape}, got {size}",
            "fetch the file again",
        )
    return np.asarray(np.memmap(path, np.uint8, "r", offset, shape))
