"""Evaluation: loss and accuracy over many samples, a chunk at a time."""

import math
from functools import partial

import numpy as np

from engine import metrics
from engine.arrays import Array
from engine.blas import one_blas_thread
from engine.checks import whole_number
from engine.compilation import PER_SAMPLE, CompiledNetwork, X, Y
from engine.errors import NonFiniteError, NotComputedError
from engine.named_tensors import NamedTensors
from engine.network import Network
from engine.plan import shares
from engine.samples import Gatherer, Samples
from engine.team import Team
from engine.training import SHARED_FROM, TrainingLoop
from engine.workspace import Workspace


class Evaluation:
    """The loss and accuracy of a network as it is now, found in calls of `advance`.

    The parameters are copied first, so the network may train on between the calls. `network` is
    a Network or a TrainingLoop. `predicted` (n,) is each sample's class so far, the largest
    output, and `confidence` (n,) that output. Raises NonFiniteError where the loss is not finite.
    Who leaves it for a while can take back the arrays in which it computes by `rest`.
    """

    def __init__(self, network: Network | TrainingLoop, samples: Samples, chunk: int = 500) -> None:
        self.batch = 0  # the batch whose parameters these are, if a loop trains them
        if isinstance(network, TrainingLoop):
            self.batch, network = network.batch, network.network
        network.build(samples.features)
        self.samples = samples
        self._chunk = min(whole_number(chunk, "the chunk"), len(samples))
        self._has_accuracy = "accuracy" in network.metrics
        self.predicted = np.zeros(len(samples), np.intp)
        self.confidence = np.zeros(len(samples), network.dtype)
        self._compiled = network.compiled
        # As many shares whoever computes them: no bit depends on the number of threads.
        self._cut_in = 2 if network.count_params() >= SHARED_FROM else 1
        self._targets = network.loss.prepare_targets(samples.y, network.outputs, network.dtype)
        self._parameters = network.parameters.beside(network.parameters.flat.copy())
        self._shares: list[_Share] = []
        self._position = 0
        self._loss_sum = 0.0
        self._right = 0

    @property
    def done(self) -> bool:
        """Whether all samples have been used."""
        return self._position == len(self.samples)

    @property
    def position(self) -> int:
        """Samples used so far."""
        return self._position

    def advance(self, threads: int = 1) -> None:
        """Use the next chunk of samples, `threads` sharing it; nothing happens at the end."""
        if self.done:
            return
        self._shares = self._shares or self._make_shares()
        stop = min(self._position + self._chunk, len(self))
        start, tasks = self._position, []
        for share in self._shares:
            end = min(start + share.capacity, stop)
            tasks.append([partial(share.use, start, end)])
            start = end
        with one_blas_thread:
            Team(threads).run([tasks])
        loss_sum = sum(share.loss_sum for share in self._shares)
        if not math.isfinite(loss_sum):
            raise NonFiniteError(batch=self.batch, phase="evaluation", what="loss", value=loss_sum)
        self._loss_sum += loss_sum
        self._right += sum(share.right for share in self._shares)
        self._position = stop

    def rest(self) -> None:
        """Give back the arrays of the computation; the next `advance` makes others."""
        self._shares = []

    @property
    def result(self) -> tuple[float, float | None]:
        """(loss, accuracy), means over all samples; accuracy None if compiled without it."""
        if not self.done:
            raise NotComputedError(
                f"expected all {len(self)} samples to be used, got {self._position}",
                "call advance() until done is true",
            )
        accuracy = self._right / len(self) if self._has_accuracy else None
        return self._loss_sum / len(self), accuracy

    def run(self, threads: int = 1) -> tuple[float, float | None]:
        """Advance to the end; returns the result."""
        with one_blas_thread:  # here already: to set it for every chunk takes longer
            while not self.done:
                self.advance(threads)
        return self.result

    def __len__(self) -> int:
        return len(self.samples)

    def _make_shares(self) -> list["_Share"]:
        return [
            _Share(self, self._compiled, self._parameters, self._targets, share.stop - share.start)
            for share in shares(self._chunk, self._cut_in)
        ]


class _Share:
    """Some of the samples of every chunk, computed in arrays of their own."""

    def __init__(
        self,
        evaluation: Evaluation,
        compiled: CompiledNetwork,
        parameters: NamedTensors,
        targets: Array,
        capacity: int,
    ) -> None:
        samples = evaluation.samples
        self.capacity = capacity
        self.loss_sum = 0.0  # of the chunk at hand
        self.right = 0
        self._predicted, self._confidence = evaluation.predicted, evaluation.confidence
        self._compiled = compiled
        self._targets = targets
        self._metric = metrics.get("accuracy")
        self._workspace = Workspace(compiled, parameters, targets, capacity)
        self._gatherer = Gatherer(samples.x, samples.scale, capacity, parameters.flat.dtype)

    def use(self, start: int, stop: int) -> None:
        """Compute the samples from `start` to `stop`, at most `capacity`."""
        values = self._workspace.values(stop - start)
        with np.errstate(all="ignore"):
            self._gatherer.gather(np.arange(start, stop), values[X])
            np.copyto(values[Y], self._targets[start:stop])
            self._compiled.forward.forward(values)
            self._compiled.loss.forward(values)
            self.loss_sum = float(np.add.reduce(values[PER_SAMPLE], dtype=np.float64))
        predictions = values[self._compiled.predictions]
        predictions.argmax(axis=1, out=self._predicted[start:stop])
        predictions.max(axis=1, out=self._confidence[start:stop])
        self.right = self._metric(predictions, values[Y])
