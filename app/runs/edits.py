"""Changes of weights by hand: one weight typed in, one step on a drawing."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from app.errors import AppError
from app.runs.network import DataSet, apply, drawing_samples, make_loop
from engine import Samples, TrainingLoop
from engine.probe import loss_at


@dataclass(frozen=True, slots=True)
class Edit:
    """What a change by hand did: the loss before and after it, on the samples it concerns.

    For a weight these samples are the batch that led here, or the first batch if none did; for a
    step on a drawing, the drawing itself. The loss before is None if it was not finite.
    """

    kind: str
    loss_before: float | None
    loss_after: float
    value_before: float | None = None
    value_after: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The value of the state's `edit`."""
        return asdict(self)


def make_edit(
    settings: dict[str, Any], loop: TrainingLoop, config: dict[str, Any], data: DataSet
) -> Edit:
    """Change the weights as `settings` say; if this raises anything, nothing has changed."""
    if "drawing" in settings:
        samples, indices = Samples(*drawing_samples(settings["drawing"])), np.arange(1)
    else:
        samples, indices = data.train, loop.drawn
    # Try it on a copy: a loop that is restored afterwards would have lost its batch's tensors.
    trial = make_loop(config, data)
    trial.restore(loop.state())
    apply(settings, trial)
    if len(indices) == 0:
        trial.draw()
        indices = trial.drawn
    after = loss_at(trial.network, trial.network.parameters.flat, samples, indices)
    if not math.isfinite(after):
        raise AppError(
            "not_finite",
            "expected a loss that stays finite, but this change would make it infinite",
            "Choose a smaller change; nothing has changed.",
            status=422,
        )
    before = loss_at(loop.network, loop.network.parameters.flat, samples, indices)
    value_before = _value(settings, loop)
    apply(settings, loop)
    return Edit(
        kind=next(iter(settings)),
        loss_before=before if math.isfinite(before) else None,
        loss_after=after,
        value_before=value_before,
        value_after=_value(settings, loop),
    )


def _value(settings: dict[str, Any], loop: TrainingLoop) -> float | None:
    """The value of the weight that the settings name, None if they name none."""
    weight = settings.get("weight")
    if weight is None:
        return None
    return float(loop.network.parameters[weight["tensor"]][tuple(weight["index"])])
