"""The loss along a line through parameter space: what a step of any length would have done."""

import numpy as np

from engine.arrays import Array
from engine.probe import Probe


class LossCurve:
    """L(W + s d) on a probe's batch, one distance s at each call of `advance`.

    `parameters` W and `direction` d are flat arrays like the network's; they must not change.
    `distances` are the values of s. `losses` is NaN where the loss is not finite or not known yet.
    The probe's parameters are set anew for each distance, so several curves may share one probe.
    """

    def __init__(self, probe: Probe, parameters: Array, direction: Array, distances: Array) -> None:
        self._start = parameters
        self._direction = direction
        self._probe = probe
        self._next = 0
        self.distances = np.asarray(distances, np.float64)
        self.losses = np.full(len(self.distances), np.nan)

    @property
    def done(self) -> bool:
        """Whether every distance has been tried."""
        return self._next == len(self.distances)

    def advance(self) -> None:
        """Try the next distance."""
        flat = self._probe.parameters.flat
        with np.errstate(all="ignore"):
            np.multiply(self._direction, self.distances[self._next], out=flat)
            np.add(self._start, flat, out=flat)
        loss = self._probe.loss()
        if np.isfinite(loss):
            self.losses[self._next] = loss
        self._next += 1
