"""The arrays that a training loop computes in, and the plans that are bound to them."""

import numpy as np

from engine.arrays import Array
from engine.network import Network
from engine.planned_batch import PlannedBatch
from engine.samples import Samples
from engine.shared_memory import Zeros, zeros_beside
from engine.shared_update import SharedUpdate
from engine.team import Team

# Arrays may outlive their loop if the parameters and the values computed of a batch take at most so
# many bytes. All arrays together take up to eight times as much.
MOST_LEFT = 1 << 24


class LoopArrays:
    """A network's gradients and steps, flat and by name, its batches and their update.

    Making and planning them, and sending the plans to a helper, takes as long as some ten batches
    of the example. So a loop that has ended may leave them to the next one of the same network.
    """

    def __init__(self, network: Network) -> None:
        self.team = Team()
        self._compiled = network.compiled
        self._parameters = network.parameters
        self._batch: PlannedBatch | None = None  # made once the samples are known
        # Whether a helper can see the arrays. Shared memory costs more to get, and a process can
        # have less of it.
        self._is_shared = False
        self._make(np.zeros)

    def are_of(self, network: Network) -> bool:
        """Whether they belong to the network as it is now compiled, in this process."""
        return self._compiled is network.compiled and self._parameters is network.parameters

    @property
    def are_small(self) -> bool:
        """Whether they may outlive their loop."""
        flat, numbers = self._parameters.flat, self._parameters.flat.size
        if self._batch is not None:
            inputs = next(iter(self._parameters.shapes.values()))[1]
            widths = sum(layer.units for layer in self._compiled.layers)
            numbers += self._batch.capacity * (inputs + widths)
        return numbers * flat.itemsize <= MOST_LEFT

    def batch_of(
        self, samples: Samples, targets: Array, size: int, *, threads: int
    ) -> PlannedBatch:
        """The object that computes batches of up to `size` of these samples with `threads`."""
        self.team.threads = threads
        if threads > 1 and not self._is_shared:
            self._share()
        batch, n = self._batch, min(size, len(samples))
        if batch is None or batch.capacity < n or not batch.use(samples, targets):
            batch = self._batch = PlannedBatch(
                self._compiled,
                self._parameters,
                self.gradients,
                samples,
                targets,
                n,
                self.team,
                zeros_beside(self.gradients.flat),
            )
        return batch

    def let_go_of_samples(self) -> None:
        """Keep no samples alive; others may be used afterwards."""
        if self._batch is not None:
            self._batch.let_go_of_samples()

    def _make(self, zeros: Zeros) -> None:
        flat = self._parameters.flat
        self.gradients = self._parameters.beside(zeros(flat.size, flat.dtype), ".gradient")
        self.steps = self._parameters.beside(zeros(flat.size, flat.dtype), ".step")
        self.update = SharedUpdate(
            self.team, flat, self.gradients.flat, self.steps.flat, zeros((), np.int64)
        )

    def _share(self) -> None:
        before = self.gradients.flat, self.steps.flat
        self._batch = None
        self._make(zeros_beside(self._parameters.flat))
        for flat, values in zip((self.gradients.flat, self.steps.flat), before, strict=True):
            np.copyto(flat, values)
        self._is_shared = True
