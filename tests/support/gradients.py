"""How far a gradient that was derived is from one that was measured."""

import numpy as np

from engine.arrays import Array


def relative_error(a: Array, b: Array) -> float:
    """|a − b| / max(|a|, |b|) with |·| the L2 norm; 0 where both are zero."""
    assert a.shape == b.shape
    scale = max(np.linalg.norm(a.ravel()), np.linalg.norm(b.ravel()))
    return float(np.linalg.norm((a - b).ravel()) / scale) if scale else 0.0
