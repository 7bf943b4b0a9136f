"""Loss along this step: what a step of any length would have done, and what this one did."""

import math
from collections.abc import Generator
from typing import Any

import numpy as np

from app.runs.network import DataSet
from app.runs.studies.start import is_same
from app.runs.studies.study import PieceByPiece
from app.runs.view_parts import Tensors
from engine import Samples, TrainingLoop
from engine.arrays import Array
from engine.loss_curve import LossCurve
from engine.network import Network
from engine.probe import Probe

POINTS = 21
HELD_OUT = 256  # test images; no step is ever made on them
# How far the lines are drawn. Along the step: this many times the learning rate that made it. Along
# the gradient: this many times the step that would bring the loss to zero if it kept falling as at
# first. Both reach the present learning rate, with some room beyond it.
STEP_RATES = 4
TANGENTS = 2
ROOM = 1.25
# The gradient's line is at most so many learning rates long: it still bends visibly where a step
# lands.
MOST_LEARNING_RATES = 1e6
# Marked: the present learning rate, and ten times it.
MARKED = (1.0, 10.0)


class CurveStudy(PieceByPiece[Tensors]):
    """Four curves: along −gradient and along the step, for this batch and for unseen images.

    A distance s is a learning rate: W0 − s * gradient, and W0 + s * step / learning rate. The two
    curves along the step are left out before UPDATE, and for a step out of all proportion to its
    learning rate. There are no curves if W0 is lost in rounding, after a much larger step.
    """

    def __init__(self, loop: TrainingLoop, data: DataSet) -> None:
        start, gradient = loop.parameters_of_gradient(), loop.flat_gradient()
        step = loop.flat_step()
        rate = loop.learning_rate
        exact = gradient.astype(np.float64)
        slopes = {"gradient": -float(np.dot(exact, exact))}
        lines = {"gradient": (-gradient, _reach(rate, loop.last_loss or 0.0, -slopes["gradient"]))}
        if step is not None:
            made_with = loop.optimizer_at_hand.learning_rate
            with np.errstate(all="ignore"):
                direction = step / np.asarray(made_with, step.dtype)
                slope = float(np.dot(exact, direction.astype(np.float64)))
            if math.isfinite(slope):  # momentum moves weights even at a tiny learning rate
                slopes["step"] = slope
                lines["step"] = (direction, max(STEP_RATES * made_with, ROOM * rate))
        places: dict[str, tuple[Array, Array]] = {}
        for name, (direction, reach) in lines.items():
            places[name] = direction, _spread(reach, near=ROOM * rate < reach)
            places[f"{name}.marked"] = direction, rate * np.array(MARKED)
        held_out = np.arange(min(HELD_OUT, len(data.test)))
        batches = {"batch": (data.train, loop.drawn.copy()), "held_out": (data.test, held_out)}
        super().__init__(_losses_along(loop.network, start, places, batches))
        self._loss = loop.last_loss or 0.0
        self._distances = {f"{place}.distances": places[place][1] for place in places}
        self._about: dict[str, Any] = {
            "learning_rate": rate,
            "slope": slopes,
            "held_out": len(held_out),
        }

    def found(self) -> tuple[Tensors, dict[str, Any]]:
        """`gradient.distances`, `gradient.batch`, `gradient.held_out`, and the same of `step`.

        The same for `gradient.marked` and `step.marked`, at the learning rate and ten times it.
        Losses that are not finite are NaN. If W0 is lost, there are no tensors.
        """
        if not is_same(self.result["gradient.batch"][0], self._loss):  # the first distance is 0
            return {}, {"lost": True}
        return self.result | self._distances, self._about


def _losses_along(
    network: Network,
    start: Array,
    places: dict[str, tuple[Array, Array]],
    batches: dict[str, tuple[Samples, Array]],
) -> Generator[None, None, Tensors]:
    """The losses along each direction, at its distances, on each batch; one point at a time."""
    losses: Tensors = {}
    for who, (samples, indices) in batches.items():
        probe = Probe(network, start, samples, len(indices))
        probe.load(indices)
        for place, (direction, distances) in places.items():
            curve = LossCurve(probe, start, direction, distances)
            while not curve.done:
                yield
                curve.advance()
            losses[f"{place}.{who}"] = curve.losses
    return losses


def _spread(reach: float, *, near: bool) -> Array:
    """Evenly spaced, or denser near W0 if only a large learning rate moves the end far out."""
    even = np.linspace(0, 1, POINTS)
    return reach * (even if near else even**2)


def _reach(rate: float, loss: float, squared_norm: float) -> float:
    tangent = TANGENTS * loss / squared_norm if squared_norm else 0.0
    reach = max(ROOM * rate, min(tangent, MOST_LEARNING_RATES * rate))
    return reach if math.isfinite(reach) else ROOM * rate
