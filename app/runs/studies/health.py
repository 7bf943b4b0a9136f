"""Is it learning well: every layer's figures over a larger sample, and what they call for."""

from dataclasses import asdict
from typing import Any

import numpy as np

from app.runs.network import DataSet
from app.runs.studies.diagnosis import diagnose
from app.runs.view_parts import Tensors
from engine import TrainingLoop
from engine.health import HealthCheck

SAMPLE = 2048


class HealthStudy:
    """The health of all layers, over samples spread evenly through the training images."""

    def __init__(self, loop: TrainingLoop, data: DataSet) -> None:
        size = min(SAMPLE, len(data.train))
        indices = np.linspace(0, len(data.train) - 1, size).astype(np.intp)
        self._check = HealthCheck(
            loop.network,
            loop.parameters_of_gradient(),
            loop.flat_gradient(),
            loop.flat_step(),
            data.train,
            indices,
        )
        self._sample = size

    @property
    def done(self) -> bool:
        """Whether the whole sample has been used."""
        return self._check.done

    def advance(self) -> None:
        """Use the next chunk of the sample."""
        self._check.advance()

    def found(self) -> tuple[Tensors, dict[str, Any]]:
        """No tensors; `layers` with their figures, `hints`, and the size of the sample."""
        layers = self._check.result()
        figures = [asdict(layer) | {"update_ratio": layer.update_ratio} for layer in layers]
        return {}, {
            "layers": figures,
            "hints": [asdict(hint) for hint in diagnose(layers)],
            "sample": self._sample,
        }


def health_study(loop: TrainingLoop, data: DataSet) -> HealthStudy | None:
    """The study of the present batch, once it has a gradient."""
    return HealthStudy(loop, data) if loop.has_gradient else None
