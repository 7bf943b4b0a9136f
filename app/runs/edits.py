"""Changes of weights by hand: one weight typed in, one step on a drawing."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from app.runs.network import DataSet, drawing_samples
from engine import Samples, TrainingLoop
from engine.probe import Probe


@dataclass(frozen=True, slots=True)
class Edit:
    """What the last change by hand did: the loss before and after it, on the samples it concerns.

    They are the batch that led here for a weight, the drawing itself for a step on a drawing.
    """

    kind: str
    loss_before: float
    loss_after: float
    value_before: float | None = None
    value_after: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The form in which it travels."""
        return asdict(self)


def loss_of_samples(loop: TrainingLoop, samples: Samples, indices: Any) -> float:
    """The mean loss of these samples at the loop's parameters as they are."""
    probe = Probe(loop.network, loop.network.parameters.flat, samples, len(indices))
    probe.load(indices)
    return probe.loss()


def loss_concerned(loop: TrainingLoop, settings: dict[str, Any], data: DataSet) -> float:
    """The loss that an edit is judged by, now."""
    if "drawing" in settings:
        x, y = drawing_samples(settings["drawing"])
        return loss_of_samples(loop, Samples(x, y), np.arange(1))
    indices = loop.drawn if len(loop.drawn) else np.arange(loop.batch_size)
    return loss_of_samples(loop, data.train, indices)
