"""The functions that a formula can call, by name; activations are the network's own."""

from collections.abc import Callable, Mapping

import numpy as np

from engine.arrays import Array
from engine.functions import FUNCTIONS


def _step(x: Array) -> Array:
    return np.asarray(np.greater(x, 0), np.float64)


NAMED_FUNCTIONS: Mapping[str, Callable[[Array], Array]] = {
    "sin": np.sin,
    "cos": np.cos,
    "exp": np.exp,
    "step": _step,
    **{name: FUNCTIONS[name].forward for name in ("tanh", "sigmoid", "relu")},
}
