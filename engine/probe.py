"""A network at parameters of the caller's choice: what its loss would be, and its gradient.

A probe never touches the parameters that are being trained: it changes a copy.
"""

from collections.abc import Mapping

import numpy as np

from engine.arrays import Array
from engine.compilation import LOSS, X, Y
from engine.named_tensors import NamedTensors
from engine.network import Network
from engine.samples import Gatherer, Samples
from engine.workspace import Workspace


class Probe:
    """Runs a network's chain on chosen samples, at `parameters`, a copy that may be changed.

    With a `dtype` other than the network's it runs the chain in that type: float64 to measure
    derivatives. There is room for `capacity` samples.
    """

    def __init__(
        self,
        network: Network,
        parameters: Array,
        samples: Samples,
        capacity: int,
        dtype: str | None = None,
    ) -> None:
        kind = network.dtype if dtype is None else np.dtype(dtype)
        self._compiled = network.compiled
        self.parameters: NamedTensors = network.parameters.beside(parameters.astype(kind))
        self.gradients = self.parameters.beside(np.zeros_like(self.parameters.flat), ".gradient")
        targets = network.loss.prepare_targets(samples.y, network.outputs, kind)
        self._targets = targets
        self._workspace = Workspace(
            self._compiled, self.parameters, targets, capacity, self.gradients
        )
        self._gatherer = Gatherer(samples, capacity, kind)
        self._n = 0

    def load(self, indices: Array) -> None:
        """Take these samples (m,) as the batch."""
        self._n = len(indices)
        values = self._workspace.values(self._n)
        self._gatherer.gather(indices, values[X])
        self._targets.take(indices, axis=0, out=values[Y], mode="clip")

    def loss(self) -> float:
        """The batch's mean loss at the present `parameters`; it may be infinite or NaN."""
        values = self._workspace.values(self._n)
        with np.errstate(all="ignore"):
            self._compiled.forward.forward(values)
            self._compiled.loss.forward(values)
        return float(values[LOSS])

    def backward(self) -> None:
        """After `loss`: compute its gradient with respect to every parameter into `gradients`."""
        with np.errstate(all="ignore"):
            self._compiled.gradient_function(
                self._workspace.values(self._n), self._workspace.gradients(self._n)
            )

    def values(self) -> Mapping[str, Array]:
        """What the last `loss` computed, by name."""
        return self._workspace.values(self._n)


def loss_at(network: Network, parameters: Array, samples: Samples, indices: Array) -> float:
    """The mean loss of these samples at `parameters`; it may be infinite or NaN."""
    probe = Probe(network, parameters, samples, len(indices))
    probe.load(indices)
    return probe.loss()
