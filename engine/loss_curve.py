"""The loss along a line through parameter space: what a step of any length would have done."""

import numpy as np

from engine.arrays import Array
from engine.network import Network
from engine.probe import Probe
from engine.samples import Samples


class LossCurve:
    """L(W + s d) on chosen samples, one distance s at each call of `advance`.

    `parameters` W and `direction` d are flat arrays as the network's; `indices` name the samples,
    `distances` the values of s. `losses` holds NaN where the loss is not finite or not known yet.
    """

    def __init__(
        self,
        network: Network,
        parameters: Array,
        direction: Array,
        samples: Samples,
        indices: Array,
        distances: Array,
    ) -> None:
        self._start = parameters.copy()
        self._direction = direction.copy()
        self._probe = Probe(network, parameters, samples, len(indices))
        self._probe.load(indices)
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
