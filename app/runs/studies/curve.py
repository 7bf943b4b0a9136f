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


class CurveStudy(PieceByPiece[Tensors]):
    """Four curves: along −gradient and along the step, for this batch and for unseen images.

    A distance is a learning rate: W0 − s * gradient, and W0 + s * step / learning rate. Without
    a step (the batch has not got to UPDATE), or with one out of all proportion to its learning
    rate, the two along it are left out. There are none where W0 is lost in rounding: after a step
    that is much larger than it.
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
            if math.isfinite(slope):  # momentum moves on however small the rate has become
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

        Also of `gradient.marked` and `step.marked`: at the learning rate and at ten times it.
        A loss that is not finite is NaN in the tensors. Where W0 is lost there are none.
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
    """The losses along each direction, at its distances, on each batch: a point a piece."""
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
    """Evenly, or closer together near W0 where the far end is only there for a large rate."""
    even = np.linspace(0, 1, POINTS)
    return reach * (even if near else even**2)


def _reach(rate: float, loss: float, squared_norm: float) -> float:
    tangent = TANGENTS * loss / squared_norm if squared_norm else 0.0
    reach = max(ROOM * rate, min(tangent, MOST_LEARNING_RATES * rate))
    return reach if math.isfinite(reach) else ROOM * rate
