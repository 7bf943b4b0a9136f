"""The mean of a vector: the loss of a batch from the losses of its samples."""

import numpy as np

from engine.arrays import Array


def forward(x: Array, *, out: Array | None = None) -> Array:
    """y = (1/n) Σ_i x_i. Shapes: x (n,), y ()."""
    y: Array = np.add.reduce(x, out=out, keepdims=False)
    return np.divide(y, len(x), out=out)


def vjp(cotangent: Array, _y: Array, x: Array, *, out: Array | None = None) -> Array:
    """dL/dx_i = (1/n) dL/dy. Shapes: () -> (n,), or for some of the samples the size of `out`."""
    gradient = np.empty_like(x) if out is None else out
    gradient[...] = cotangent / len(x)
    return gradient
