"""The array types of the engine's signatures, and the data types it computes in."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.errors import ConfigurationError

Array: TypeAlias = NDArray[Any]
FloatType: TypeAlias = "np.dtype[np.float32] | np.dtype[np.float64]"

DTYPES = ("float32", "float64")


def float_type(dtype: str | None) -> FloatType:
    """The NumPy type for "float32" (training) or "float64" (gradient checks)."""
    try:
        name = "None" if dtype is None else np.dtype(dtype).name  # NumPy takes None for float64
    except TypeError:
        name = repr(dtype)
    if name == "float32":
        return np.dtype(np.float32)
    if name == "float64":
        return np.dtype(np.float64)
    raise ConfigurationError(
        f"expected a dtype of {' or '.join(DTYPES)}, got {name}",
        'use "float32" for training',
    )
