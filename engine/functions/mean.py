"""The mean of a vector: turns the losses of the samples into the loss of the batch."""

import numpy as np

from engine.arrays import Array


def forward(x: Array, *, out: Array | None = None) -> Array:
    """y = (1/n) Σ_i x_i. Shapes: x (n,), y ()."""
    y: Array = np.add.reduce(x, out=out, keepdims=False)
    return np.divide(y, len(x), out=out)


def vjp(cotangent: Array, _y: Array, x: Array, *, out: Array | None = None) -> Array:
    """dL/dx_i = (1/n) dL/dy. Shapes: () -> (n,), or that of `out` for some of the samples."""
    gradient = np.empty_like(x) if out is None else out
    gradient[...] = cotangent / len(x)
    return gradient
