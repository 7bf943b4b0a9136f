"""sigmoid(x) = 1 / (1 + exp(−x)), element by element."""

import numpy as np

from engine.arrays import Array


def forward(x: Array, *, out: Array | None = None) -> Array:
    """y = 1 / (1 + exp(−x)). Shapes: any, y has that of x.

    Where exp(−x) overflows to infinity, y is 0, its correct value.
    """
    with np.errstate(over="ignore"):
        y: Array = np.negative(x, out=out)
        np.exp(y, out=y)
        y += 1
        return np.reciprocal(y, out=y)


def vjp(cotangent: Array, y: Array, _x: Array, *, out: Array | None = None) -> Array:
    """dL/dx = dL/dy y (1 − y)."""
    gradient: Array = np.multiply(cotangent, y * (1 - y), out=out)
    return gradient
