"""Evaluation: loss and accuracy over many samples, a chunk at a time."""

import math

import numpy as np

from engine import metrics
from engine.checks import whole_number
from engine.compilation import PER_SAMPLE, X, Y
from engine.errors import NonFiniteError, NotComputedError
from engine.network import Network
from engine.samples import Gatherer, Samples
from engine.training import TrainingLoop
from engine.workspace import Workspace


class Evaluation:
    """The loss and accuracy of a network as it is now, found in calls of `advance`.

    The parameters are copied first, so the network may train on between the calls. `network` is
    a Network or a TrainingLoop. `predicted` (n,) is each sample's class so far, the largest
    output, and `confidence` (n,) that output. Raises NonFiniteError where the loss is not finite.
    """

    def __init__(self, network: Network | TrainingLoop, samples: Samples, chunk: int = 500) -> None:
        self.batch = 0  # the batch whose parameters these are, if a loop trains them
        if isinstance(network, TrainingLoop):
            self.batch, network = network.batch, network.network
        network.build(samples.features)
        self.samples = samples
        self._compiled = network.compiled
        self._metric = metrics.get("accuracy") if "accuracy" in network.metrics else None
        self._targets = network.loss.prepare_targets(samples.y, network.outputs, network.dtype)
        capacity = min(whole_number(chunk, "the chunk"), len(samples))
        self._workspace = Workspace(
            self._compiled,
            network.parameters.beside(network.parameters.flat.copy()),
            self._targets,
            capacity,
        )
        self._gatherer = Gatherer(samples.x, samples.scale, capacity, network.dtype)
        self._position = 0
        self._loss_sum = 0.0
        self._right = 0
        self.predicted = np.zeros(len(samples), np.intp)
        self.confidence = np.zeros(len(samples), network.dtype)

    @property
    def done(self) -> bool:
        """Whether all samples have been used."""
        return self._position == len(self.samples)

    @property
    def position(self) -> int:
        """Samples used so far."""
        return self._position

    def advance(self) -> None:
        """Use the next chunk of samples; nothing happens when all have been used."""
        if self.done:
            return
        start, stop = self._position, min(self._position + self._workspace.capacity, len(self))
        values = self._workspace.values(stop - start)
        with np.errstate(all="ignore"):
            self._gatherer.gather(np.arange(start, stop), values[X])
            np.copyto(values[Y], self._targets[start:stop])
            self._compiled.forward.forward(values)
            self._compiled.loss.forward(values)
            loss_sum = float(np.add.reduce(values[PER_SAMPLE], dtype=np.float64))
        if not math.isfinite(loss_sum):
            raise NonFiniteError(batch=self.batch, phase="evaluation", what="loss", value=loss_sum)
        self._loss_sum += loss_sum
        predictions = values[self._compiled.predictions]
        predictions.argmax(axis=1, out=self.predicted[start:stop])
        predictions.max(axis=1, out=self.confidence[start:stop])
        if self._metric is not None:
            self._right += self._metric(values[self._compiled.predictions], values[Y])
        self._position = stop

    @property
    def result(self) -> tuple[float, float | None]:
        """(loss, accuracy), means over all samples; accuracy None if compiled without it."""
        if not self.done:
            raise NotComputedError(
                f"expected all {len(self)} samples to be used, got {self._position}",
                "call advance() until done is true",
            )
        accuracy = None if self._metric is None else self._right / len(self)
        return self._loss_sum / len(self), accuracy

    def run(self) -> tuple[float, float | None]:
        """Advance to the end; returns the result."""
        while not self.done:
            self.advance()
        return self.result

    def __len__(self) -> int:
        return len(self.samples)
