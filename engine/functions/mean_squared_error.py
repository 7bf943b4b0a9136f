"""Mean squared error of each sample, averaged over its outputs as Keras does."""

import numpy as np

from engine.arrays import Array


def forward(predictions: Array, targets: Array, *, out: Array | None = None) -> Array:
    """loss = (1/k) Σ_i (p_i − t_i)².

    Shapes: predictions p (n, k); targets t real (n, k), or integer classes (n,), which stand for
    their one-hot rows; loss (n,).
    """
    difference = _difference(predictions, targets)
    difference *= difference
    return np.divide(np.add.reduce(difference, axis=-1), predictions.shape[-1], out=out)


def vjp_predictions(
    cotangent: Array, _y: Array, predictions: Array, targets: Array, *, out: Array | None = None
) -> Array:
    """dL/dp_i = dL/dloss (2/k) (p_i − t_i). Shapes: (n,) -> (n, k)."""
    gradient = _difference(predictions, targets, out=out)
    gradient *= (2 / predictions.shape[-1]) * cotangent[:, np.newaxis]
    return gradient


def _difference(predictions: Array, targets: Array, *, out: Array | None = None) -> Array:
    if targets.ndim == 2:
        return np.subtract(predictions, targets, out=out)
    difference = np.positive(predictions, out=out)
    difference[np.arange(len(targets)), targets] -= 1
    return difference
