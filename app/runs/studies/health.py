"""Is the network learning well: every layer's figures over a larger sample, with hints."""

from collections.abc import Generator
from dataclasses import asdict
from typing import Any

import numpy as np

from app.runs.network import DataSet
from app.runs.studies.diagnosis import diagnose, lost_weights
from app.runs.studies.start import is_same
from app.runs.studies.study import PieceByPiece
from app.runs.view_parts import Tensors
from engine import TrainingLoop
from engine.health import HealthCheck, LayerHealth
from engine.probe import loss_at

SAMPLE = 2048


class HealthStudy(PieceByPiece[list[LayerHealth]]):
    """The health of all layers, over samples spread evenly through the training images."""

    def __init__(self, loop: TrainingLoop, data: DataSet) -> None:
        size = min(SAMPLE, len(data.train))
        indices = np.linspace(0, len(data.train) - 1, size).astype(np.intp)
        start, step = loop.parameters_of_gradient(), loop.flat_step()
        check = HealthCheck(loop.network, start, loop.flat_gradient(), step, data.train, indices)
        loss = loss_at(loop.network, start, data.train, loop.drawn)
        self._is_lost = not is_same(loss, loop.last_loss or 0.0)
        super().__init__(_measured(check, is_lost=self._is_lost))
        self._sample = size

    def found(self) -> tuple[Tensors, dict[str, Any]]:
        """No tensors; `layers` with their figures, `hints`, and the size of the sample.

        If W0 is lost, the figures would be of other weights: there are none, and a hint says so.
        """
        layers = self.result
        if self._is_lost:
            hints = [asdict(lost_weights(layers))]
            return {}, {"lost": True, "layers": [], "hints": hints, "sample": self._sample}
        figures = [asdict(layer) | {"update_ratio": layer.update_ratio} for layer in layers]
        return {}, {
            "layers": figures,
            "hints": [asdict(hint) for hint in diagnose(layers)],
            "sample": self._sample,
        }


def _measured(check: HealthCheck, *, is_lost: bool) -> Generator[None, None, list[LayerHealth]]:
    """The layers' figures; if W0 is lost, without looking at a larger sample."""
    while not is_lost and not check.done:
        yield
        check.advance()
    return check.result()
