"""softmax and categorical cross-entropy in one function, whose derivative is p − y.

Computed from the logits, the loss stays exact even if a probability is too small for a float.
(Keras on JAX or PyTorch clips probabilities to 1e-7 first; on TensorFlow it does as here.)
"""

import numpy as np

from engine.arrays import Array


def forward(
    logits: Array,
    targets: Array,
    _probabilities: Array,
    *,
    out: Array | None = None,
) -> Array:
    """loss = log Σ_j exp(x_j) Σ_i t_i − Σ_i t_i x_i, which is −Σ_i t_i log softmax(x)_i.

    Shapes: logits x (n, k); targets integer classes (n,) or distributions t (n, k); loss (n,).
    `_probabilities`, softmax(x) (n, k), serve the derivative only.
    """
    shifted = logits - np.maximum.reduce(logits, axis=-1, keepdims=True)
    log_sum = np.log(np.add.reduce(np.exp(shifted), axis=-1))
    if targets.ndim == 1:
        picked = shifted[np.arange(len(targets)), targets]
    else:
        log_sum *= np.add.reduce(targets, axis=-1)
        picked = np.add.reduce(targets * shifted, axis=-1)
    loss: Array = np.subtract(log_sum, picked, out=out)
    return loss


def vjp_logits(
    cotangent: Array,
    _y: Array,
    _logits: Array,
    targets: Array,
    probabilities: Array,
    *,
    out: Array | None = None,
) -> Array:
    """dL/dx = dL/dloss (p Σ_i t_i − t), with p = softmax(x). Shapes: (n,) -> (n, k)."""
    gradient = np.positive(probabilities, out=out)
    if targets.ndim == 1:
        gradient[np.arange(len(targets)), targets] -= 1
    else:
        gradient *= np.add.reduce(targets, axis=-1, keepdims=True)
        gradient -= targets
    gradient *= cotangent[:, np.newaxis]
    return gradient
