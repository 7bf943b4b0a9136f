"""Single tensors of a training loop, as `.npy` files."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.errors import AppError, shorten
from engine import TrainingLoop


def read_tensor(loop: TrainingLoop, name: str) -> NDArray[Any]:
    """The present tensor of that name; for an unknown name, `AppError` with the known ones."""
    names = loop.computed_tensor_names()
    if name not in names:
        raise AppError(
            "unknown_tensor",
            f"expected the name of a tensor that has been computed by now, got {shorten(name)}",
            f"Now there are: {', '.join(names)}.",
            status=404,
        )
    return loop.tensor(name)


def to_npy(array: NDArray[Any]) -> bytes:
    """The array as the bytes of a `.npy` file, which `numpy.load` opens."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
