"""softmax(x): each row of numbers becomes a distribution."""

import numpy as np

from engine.arrays import Array


def forward(x: Array, *, out: Array | None = None) -> Array:
    """y_i = exp(x_i) / Σ_j exp(x_j), in each row.

    Shapes: x (n, k), y (n, k). The row's maximum is subtracted first: the quotient stays the
    same, and exp does not overflow.
    """
    y = np.subtract(x, np.maximum.reduce(x, axis=-1, keepdims=True), out=out)
    np.exp(y, out=y)
    y /= np.add.reduce(y, axis=-1, keepdims=True)
    return y


def vjp(cotangent: Array, y: Array, _x: Array, *, out: Array | None = None) -> Array:
    """dL/dx_i = y_i (dL/dy_i − Σ_j dL/dy_j y_j), in each row."""
    gradient = np.multiply(cotangent, y, out=out)
    mean = np.add.reduce(gradient, axis=-1, keepdims=True)
    np.subtract(cotangent, mean, out=gradient)
    gradient *= y
    return gradient
