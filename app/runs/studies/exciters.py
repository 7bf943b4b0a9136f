"""The training digits that excite one unit of the first layer most."""

from typing import Any

import numpy as np

from app.runs.network import DataSet
from app.runs.view_parts import Tensors
from engine import TrainingLoop
from engine.exciters import Exciters

COUNT = 12


class ExcitersStudy:
    """Tries all training images on one unit."""

    def __init__(self, loop: TrainingLoop, data: DataSet, unit: int) -> None:
        self._data = data
        self._unit = unit
        self._exciters = Exciters(loop.network, unit, data.train, COUNT)

    @property
    def done(self) -> bool:
        """Whether every image has been tried."""
        return self._exciters.done

    def advance(self) -> None:
        """Try the next chunk of images."""
        self._exciters.advance()

    def found(self) -> tuple[Tensors, dict[str, Any]]:
        """`images` uint8 (12, features), `labels` uint8, `values` float32: w·x + b, largest first.

        `indices` are their numbers among the training images.
        """
        best = self._exciters
        return {
            "images": self._data.train.x[best.indices],
            "labels": self._data.train.y[best.indices].astype(np.uint8),
            "values": best.values.astype(np.float32),
            "indices": best.indices.astype(np.uint32),
        }, {"unit": self._unit}


def has_unit(loop: TrainingLoop, unit: int) -> bool:
    """Whether the first layer has that unit."""
    return unit < loop.network.layers[0].units
