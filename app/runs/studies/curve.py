"""Loss along this step: what a step of any length would have done, and what this one did."""

import math
from typing import Any

import numpy as np

from app.runs.network import DataSet
from app.runs.studies.study import Tensors
from engine import TrainingLoop
from engine.loss_curve import LossCurve

POINTS = 21
HELD_OUT = 256  # test images, which no step is ever made for
# How far the lines are drawn: this many times the learning rate, and along the gradient also
# this many times the step that would bring the loss to zero if it fell as it does at first.
LEARNING_RATES = 4
TANGENTS = 2
# With this many learning rates in between, the line still bends visibly where a step lands.
MOST_LEARNING_RATES = 1e6


class CurveStudy:
    """Four curves: along −gradient and along the step, for this batch and for unseen images.

    A distance is a learning rate: W0 − s * gradient, and W0 + s * step / learning rate. Without
    a step (the batch has not got to UPDATE) the two along it are left out.
    """

    def __init__(self, loop: TrainingLoop, data: DataSet) -> None:
        start, gradient = loop.parameters_of_gradient(), loop.flat_gradient()
        step, rate = loop.flat_step(), loop.learning_rate
        squared_norm = float(np.dot(gradient.astype(np.float64), gradient.astype(np.float64)))
        held_out = np.arange(min(HELD_OUT, len(data.test)))
        lines = {"gradient": (-gradient, _reach(rate, loop.last_loss or 0.0, squared_norm))}
        if step is not None:
            lines["step"] = (step / np.asarray(rate, step.dtype), LEARNING_RATES * rate)
        self._curves = {}
        for name, (direction, reach) in lines.items():
            distances = np.linspace(0, reach, POINTS)
            for who, samples, indices in (
                ("batch", data.train, loop.drawn),
                ("held_out", data.test, held_out),
            ):
                self._curves[f"{name}.{who}"] = LossCurve(
                    loop.network, start, direction, samples, indices, distances
                )
        self._about = {
            "learning_rate": rate,
            "slope": {"gradient": -squared_norm},
            "held_out": len(held_out),
        }
        if step is not None:
            slope = float(np.dot(gradient.astype(np.float64), step.astype(np.float64))) / rate
            self._about["slope"] = {"gradient": -squared_norm, "step": slope}

    @property
    def done(self) -> bool:
        """Whether all curves are known."""
        return all(curve.done for curve in self._curves.values())

    def advance(self) -> None:
        """One more point of the first curve that is not finished."""
        next(curve for curve in self._curves.values() if not curve.done).advance()

    def found(self) -> tuple[Tensors, dict[str, Any]]:
        """`gradient.distances`, `gradient.batch`, `gradient.held_out`, and the same of `step`.

        A loss that is not finite is NaN in the tensors.
        """
        tensors: Tensors = {name: curve.losses for name, curve in self._curves.items()}
        for name, curve in self._curves.items():
            tensors[f"{name.partition('.')[0]}.distances"] = curve.distances
        return tensors, self._about


def _reach(rate: float, loss: float, squared_norm: float) -> float:
    tangent = TANGENTS * loss / squared_norm if squared_norm else 0.0
    reach = max(LEARNING_RATES * rate, min(tangent, MOST_LEARNING_RATES * rate))
    return reach if math.isfinite(reach) else LEARNING_RATES * rate


def curve_study(loop: TrainingLoop, data: DataSet) -> CurveStudy | None:
    """The study of the present batch's step, once it has a gradient."""
    return CurveStudy(loop, data) if loop.has_gradient else None
