"""Loss along this step: what a step of any length would have done, and what this one did."""

import math
from typing import Any

import numpy as np

from app.runs.network import DataSet
from app.runs.view_parts import Tensors
from engine import TrainingLoop
from engine.arrays import Array
from engine.loss_curve import LossCurve

POINTS = 21
HELD_OUT = 256  # test images, which no step is ever made for
# How far the lines are drawn. Along the step: this many times the rate it was made with. Along the
# gradient: this many times the step that would bring the loss to zero if it fell as it does at
# first. Either way far enough to hold the present learning rate, with some room beyond it.
STEP_RATES = 4
TANGENTS = 2
ROOM = 1.25
# With this many learning rates in between, the line still bends visibly where a step lands.
MOST_LEARNING_RATES = 1e6
# Where the present learning rate lands, and ten times as large a one.
MARKED = (1.0, 10.0)


class CurveStudy:
    """Four curves: along −gradient and along the step, for this batch and for unseen images.

    A distance is a learning rate: W0 − s * gradient, and W0 + s * step / learning rate. Without
    a step (the batch has not got to UPDATE), or with one out of all proportion to its learning
    rate, the two along it are left out.
    """

    def __init__(self, loop: TrainingLoop, data: DataSet) -> None:
        start, gradient = loop.parameters_of_gradient(), loop.flat_gradient()
        step, made_by = loop.flat_step(), loop.step_optimizer
        rate = loop.learning_rate
        exact = gradient.astype(np.float64)
        slopes = {"gradient": -float(np.dot(exact, exact))}
        lines = {"gradient": (-gradient, _reach(rate, loop.last_loss or 0.0, -slopes["gradient"]))}
        if step is not None and made_by is not None:
            made_with = made_by.learning_rate
            with np.errstate(all="ignore"):
                direction = step / np.asarray(made_with, step.dtype)
                slope = float(np.dot(exact, direction.astype(np.float64)))
            if math.isfinite(slope):  # momentum moves on however small the rate has become
                slopes["step"] = slope
                lines["step"] = (direction, max(STEP_RATES * made_with, ROOM * rate))
        held_out = np.arange(min(HELD_OUT, len(data.test)))
        self._curves = {}
        for name, (direction, reach) in lines.items():
            places = {
                name: _spread(reach, near=ROOM * rate < reach),
                f"{name}.marked": rate * np.array(MARKED),
            }
            for place, distances in places.items():
                for who, samples, indices in (
                    ("batch", data.train, loop.drawn),
                    ("held_out", data.test, held_out),
                ):
                    self._curves[f"{place}.{who}"] = LossCurve(
                        loop.network, start, direction, samples, indices, distances
                    )
        self._about: dict[str, Any] = {
            "learning_rate": rate,
            "slope": slopes,
            "held_out": len(held_out),
        }

    @property
    def done(self) -> bool:
        """Whether all curves are known."""
        return all(curve.done for curve in self._curves.values())

    def advance(self) -> None:
        """One more point of the first curve that is not finished."""
        next(curve for curve in self._curves.values() if not curve.done).advance()

    def found(self) -> tuple[Tensors, dict[str, Any]]:
        """`gradient.distances`, `gradient.batch`, `gradient.held_out`, and the same of `step`.

        Also of `gradient.marked` and `step.marked`: at the learning rate and at ten times it.
        A loss that is not finite is NaN in the tensors.
        """
        tensors: Tensors = {name: curve.losses for name, curve in self._curves.items()}
        for name, curve in self._curves.items():
            tensors[f"{name.rpartition('.')[0]}.distances"] = curve.distances
        return tensors, self._about


def _spread(reach: float, *, near: bool) -> Array:
    """Evenly, or closer together near W0 where the far end is only there for a large rate."""
    even = np.linspace(0, 1, POINTS)
    return reach * (even if near else even**2)


def _reach(rate: float, loss: float, squared_norm: float) -> float:
    tangent = TANGENTS * loss / squared_norm if squared_norm else 0.0
    reach = max(ROOM * rate, min(tangent, MOST_LEARNING_RATES * rate))
    return reach if math.isfinite(reach) else ROOM * rate


def curve_study(loop: TrainingLoop, data: DataSet) -> CurveStudy | None:
    """The study of the present batch's step, once it has a gradient."""
    return CurveStudy(loop, data) if loop.has_gradient else None
