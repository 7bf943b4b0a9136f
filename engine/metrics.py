"""Metrics: what is reported about a batch beside its loss."""

from collections.abc import Callable

import numpy as np

from engine.arrays import Array
from engine.checks import one_of

Metric = Callable[[Array, Array], int]


def correct_predictions(predictions: Array, targets: Array) -> int:
    """How many predictions are right; divided by n, this is the accuracy.

    Shapes: predictions (n, k); targets integer classes (n,) or rows (n, k). With several outputs
    the largest must be the class's (Keras's categorical accuracy); with one output, it must lie
    on the target's side of 0.5 (binary accuracy).
    """
    if targets.ndim == 1:
        return int(np.count_nonzero(predictions.argmax(axis=-1) == targets))
    if predictions.shape[-1] == 1:
        return int(np.count_nonzero((predictions > 0.5) == (targets > 0.5)))
    return int(np.count_nonzero(predictions.argmax(axis=-1) == targets.argmax(axis=-1)))


METRICS: dict[str, Metric] = {"accuracy": correct_predictions}


def get(name: str) -> Metric:
    """The metric of that name: it counts samples; divide the count by their number."""
    return METRICS[one_of(name, METRICS, "the metric")]
