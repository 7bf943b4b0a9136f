"""Categorical cross-entropy of predictions that are not the output of a softmax.

Keras's rule: a row is divided by its sum and clipped to [1e-7, 1 − 1e-7] before the logarithm
(keras.ops.categorical_crossentropy with from_logits=False).
"""

import numpy as np

from engine.arrays import Array

EPSILON = 1e-7


def forward(predictions: Array, targets: Array, *, out: Array | None = None) -> Array:
    """loss = −Σ_i t_i log p_i, p = clip(q / Σ_j q_j, ε, 1 − ε), ε = 1e-7.

    Shapes: predictions q (n, k); targets integer classes (n,) or distributions t (n, k);
    loss (n,). Where Σ q = 0 Keras divides 0 by 0; here p is q, clipped.
    """
    clipped = np.clip(predictions / _row_sums(predictions), EPSILON, 1 - EPSILON)
    if targets.ndim == 1:
        picked = clipped[np.arange(len(targets)), targets]
        return np.negative(np.log(picked), out=out)
    return np.negative(np.add.reduce(targets * np.log(clipped), axis=-1), out=out)


def vjp_predictions(
    cotangent: Array, _y: Array, predictions: Array, targets: Array, *, out: Array | None = None
) -> Array:
    """dL/dq_i = dL/dloss (Σ_j r_j p_j − r_i) / Σ_j q_j, r = t / p where p is not clipped, else 0.

    Shapes: (n,) -> (n, k).
    """
    sums = _row_sums(predictions)
    p = predictions / sums
    inside = (p >= EPSILON) & (p <= 1 - EPSILON)
    ratio = np.zeros_like(p)
    if targets.ndim == 1:
        rows = np.arange(len(targets))
        ratio[rows, targets] = 1
        np.divide(ratio, p, out=ratio, where=inside)
    else:
        np.divide(targets, p, out=ratio, where=inside)
    ratio *= inside
    gradient = np.subtract(np.add.reduce(ratio * p, axis=-1, keepdims=True), ratio, out=out)
    gradient /= sums
    gradient *= cotangent[:, np.newaxis]
    return gradient


def _row_sums(predictions: Array) -> Array:
    sums: Array = np.add.reduce(predictions, axis=-1, keepdims=True)
    sums[sums == 0] = 1
    return sums
