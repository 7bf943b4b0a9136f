"""The samples that excite a unit of the first layer most."""

import numpy as np

from engine.arrays import Array
from engine.network import Network
from engine.samples import Gatherer, Samples

CHUNK = 2000


class Exciters:
    """Finds the samples with the largest w·x + b, a chunk of them at each call of `advance`.

    Shapes: `indices` and `values` (count,), the largest first, of the samples seen so far.
    """

    def __init__(self, network: Network, unit: int, samples: Samples, count: int) -> None:
        self._weights = network.parameters["layer1.weights"][unit].copy()
        self._bias = float(network.parameters["layer1.bias"][unit])
        self._samples = samples
        self._gatherer = Gatherer(samples, CHUNK, network.dtype)
        self._x = np.empty((CHUNK, samples.features), network.dtype)
        self._count = count
        self._position = 0
        self.indices: Array = np.empty(0, np.intp)
        self.values: Array = np.empty(0, network.dtype)

    @property
    def done(self) -> bool:
        """Whether every sample has been tried."""
        return self._position == len(self._samples)

    def advance(self) -> None:
        """Try the next chunk of samples."""
        stop = min(self._position + CHUNK, len(self._samples))
        chunk = np.arange(self._position, stop)
        x = self._x[: len(chunk)]
        self._gatherer.gather(chunk, x)
        indices = np.concatenate([self.indices, chunk])
        values = np.concatenate([self.values, x @ self._weights + self._bias])
        best = np.argsort(-values, kind="stable")[: self._count]
        self.indices, self.values = indices[best], values[best]
        self._position = stop
