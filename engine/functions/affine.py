"""affine(x, W, b) = x Wᵀ + b, and the only matrix products of the engine.

Row j of W holds the weights of unit j, so that a unit of the first layer is a picture, and
`relu(dot(W, x) + b)` reads as it is computed. Keras's kernel is Wᵀ.
"""

import numpy as np

from engine.arrays import Array
from engine.functions.tensor_function import Cut


def forward(x: Array, weights: Array, bias: Array, *, out: Array | None = None) -> Array:
    """y = x Wᵀ + b, for every row x of the batch.

    Shapes: x (n, inputs), W (units, inputs), b (units,), y (n, units).
    """
    y: Array = np.matmul(x, weights.T, out=out)
    y += bias
    return y


def term(x: Array, weights: Array, _bias: Array, *, out: Array | None = None) -> Array:
    """x Wᵀ over some of the inputs: their share of y. Shapes as in `forward`."""
    share: Array = np.matmul(x, weights.T, out=out)
    return share


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
    gradient: Array = np.add.reduce(cotangent, axis=0, out=out)
    return gradient


# Either a block is some of the inputs: columns of x, of W, of dL/dW and of dL/dx. Or it is some of
# the samples: dL/dW is a sum over them.
CUTS = {
    "forward": (Cut((1, 1, None), None, term), Cut((0, None, None), 0)),
    "x": (Cut((None, None, None, 1, None), 1), Cut((0, 0, 0, None, None), 0)),
    "weights": (
        Cut((None, None, 1, None, None), 1),
        Cut((0, None, 0, None, None), None),
    ),
}
