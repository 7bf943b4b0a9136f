"""The derivative of the loss by one weight, both derived and measured."""

from dataclasses import asdict
from typing import Any

from app.runs.network import DataSet
from app.runs.studies.start import is_same
from app.runs.studies.study import PieceByPiece
from app.runs.view_parts import Tensors
from engine import TrainingLoop
from engine.measured_derivative import MeasuredDerivative, measure_derivative


class DerivativeStudy(PieceByPiece[MeasuredDerivative]):
    """∂loss/∂w for one weight w of one layer, on the batch at hand, in float64.

    w is the weight (unit, input) of that layer; layers are counted from 1.
    """

    def __init__(
        self, loop: TrainingLoop, data: DataSet, layer: int, unit: int, source: int
    ) -> None:
        self._name = f"layer{layer}.weights"
        self._index = unit, source
        self._loss = loop.last_loss or 0.0
        start, drawn = loop.parameters_of_gradient(), loop.drawn.copy()
        super().__init__(
            measure_derivative(loop.network, start, data.train, drawn, self._name, self._index)
        )

    def found(self) -> tuple[Tensors, dict[str, Any]]:
        """No tensors; both derivatives, the two losses, h and the relative difference.

        If W0 is lost, they would be those of other weights, and are left out.
        """
        result, of = self.result, {"tensor": self._name, "index": list(self._index)}
        if not is_same((result.loss_above + result.loss_below) / 2, self._loss):
            return {}, of | {"lost": True}
        return {}, asdict(result) | of | {"relative_difference": result.relative_difference}


def has_weight(loop: TrainingLoop, layer: int, unit: int, source: int) -> bool:
    """Whether that layer has a weight (unit, input); layers are counted from 1."""
    tensor = loop.network.parameters.get(f"layer{layer}.weights")
    return tensor is not None and unit < tensor.shape[0] and source < tensor.shape[1]
