"""Changes of weights by hand: one weight typed in, one step on a drawing."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.errors import AppError
from app.runs.network import DataSet, apply, drawing_samples
from engine import Samples, TrainingLoop
from engine.probe import Probe


@dataclass(frozen=True, slots=True)
class Edit:
    """What a change by hand did: the loss before and after it, on the samples it concerns.

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


def make_edit(settings: dict[str, Any], loop: TrainingLoop, data: DataSet) -> Edit:
    """Change the weights as `settings` say; with an error, of any kind, nothing has changed."""
    saved = loop.state()
    before = _loss(settings, loop, data)
    value_before = _value(settings, loop)
    apply(settings, loop)
    after = _loss(settings, loop, data)
    if not math.isfinite(after):
        loop.restore(saved)
        raise AppError(
            "not_finite",
            "expected a loss that stays finite, and this change would make it infinite",
            "Choose a smaller change; nothing has changed.",
            status=422,
        )
    return Edit(next(iter(settings)), before, after, value_before, _value(settings, loop))


def _loss(settings: dict[str, Any], loop: TrainingLoop, data: DataSet) -> float:
    """The loss that the change is judged by, at the parameters as they are."""
    if "drawing" in settings:
        samples, indices = Samples(*drawing_samples(settings["drawing"])), np.arange(1)
    else:
        samples = data.train
        indices = loop.drawn if len(loop.drawn) else np.arange(loop.batch_size)
    return _mean_loss(loop, samples, indices)


def _mean_loss(loop: TrainingLoop, samples: Samples, indices: NDArray[np.intp]) -> float:
    probe = Probe(loop.network, loop.network.parameters.flat, samples, len(indices))
    probe.load(indices)
    return probe.loss()


def _value(settings: dict[str, Any], loop: TrainingLoop) -> float | None:
    """The weight in question; None where there is none, which `apply` refuses in words."""
    if "weight" not in settings:
        return None
    tensor = loop.network.parameters.get(settings["weight"]["tensor"])
    index = tuple(settings["weight"]["index"])
    if tensor is None or len(index) != tensor.ndim:
        return None
    inside = all(0 <= i < size for i, size in zip(index, tensor.shape, strict=True))
    return float(tensor[index]) if inside else None
