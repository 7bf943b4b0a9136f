"""affine(x, W, b) = x Wᵀ + b, and the only matrix products of the engine.

Weights are unit-major: row j of W holds the weights of unit j, so that a unit of the first layer
is a picture, and `relu(dot(W, x) + b)` reads as it is computed. Keras's kernel is Wᵀ.
"""

import numpy as np

from engine.arrays import Array
from engine.functions.tensor_function import Columns

# The units of a block: rows of W and of its derivative, columns of y and of dL/dy. Of dL/dx it is
# the columns, which are the units of the layer before.
COLUMNS = {
    "forward": Columns((None, 0, 0), 1),
    "x": Columns((None, None, None, 1, None), 1),
    "weights": Columns((1, None, None, None, None), 0),
    "bias": Columns((1, None, None, None, None), 0),
}


def forward(x: Array, weights: Array, bias: Array, *, out: Array | None = None) -> Array:
    """y = x Wᵀ + b, for every row x of the batch.

    Shapes: x (n, inputs), W (units, inputs), b (units,), y (n, units).
    """
    y: Array = np.matmul(x, weights.T, out=out)
    y += bias
    return y


def vjp_x(
    cotangent: Array,
    _y: Array,
    _x: Array,
    weights: Array,
    _bias: Array,
    *,
    out: Array | None = None,
) -> Array:
    """dL/dx = dL/dy W. Shapes: (n, units) (units, inputs) -> (n, inputs)."""
    gradient: Array = np.matmul(cotangent, weights, out=out)
    return gradient


def vjp_weights(
    cotangent: Array,
    _y: Array,
    x: Array,
    _weights: Array,
    _bias: Array,
    *,
    out: Array | None = None,
) -> Array:
    """dL/dW = (dL/dy)ᵀ x, a sum over the batch. Shapes: (units, n) (n, inputs) -> W's."""
    gradient: Array = np.matmul(cotangent.T, x, out=out)
    return gradient


def vjp_bias(
    cotangent: Array,
    _y: Array,
    _x: Array,
    _weights: Array,
    _bias: Array,
    *,
    out: Array | None = None,
) -> Array:
    """dL/db = sum of dL/dy over the batch. Shapes: (n, units) -> (units,)."""
    # As fast as np.sum where samples lie one by one, and three times as fast where units do.
    gradient: Array = np.einsum("nu->u", cotangent, out=out)
    return gradient
