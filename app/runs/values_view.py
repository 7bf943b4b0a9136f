"""What the lines of the running code have computed: the shape and the size of each tensor."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.plain_json import json_text
from app.runs.run import Run
from app.runs.view_parts import ViewParts


def values_view(run: Run) -> ViewParts:
    """No tensors; `values`: JSON with the `shape` and `largest` |value| of each computed tensor.

    Tensors of phases that have yet to run in the batch at hand are those of the batch before.
    """
    loop = run.loop
    if loop.phase is None:
        return {}, {}
    values: dict[str, Any] = {}
    for name in loop.computed_tensor_names():
        tensor = loop.tensor(name)
        values[name] = {"shape": list(tensor.shape), "largest": _largest(tensor)}
    if loop.last_loss is not None:
        values["loss"] = {"shape": [], "largest": abs(loop.last_loss)}
    return {}, {"values": json_text(values)}


def _largest(tensor: NDArray[Any]) -> float | None:
    # Two passes over the array, but no temporary array of absolute values.
    largest = max(float(np.max(tensor)), -float(np.min(tensor)))
    return largest if math.isfinite(largest) else None
