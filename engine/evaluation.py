"""Evaluation: loss and accuracy over many samples, a chunk at a time."""

import math
from functools import partial

import numpy as np

from engine import metrics
from engine.arrays import Array, FloatType
from engine.blas import one_blas_thread
from engine.checks import require_instance, whole_number
from engine.compilation import PER_SAMPLE, CompiledNetwork, X, Y
from engine.errors import NonFiniteError, NotComputedError
from engine.named_tensors import NamedTensors
from engine.network import NETWORK_HINT, Network
from engine.plan import Call, Stage, Task, parts
from engine.samples import Gatherer, Samples, scale_into
from engine.shared_memory import SHARED_FROM, Zeros, zeros_for
from engine.team import Team
from engine.training import TrainingLoop
from engine.workspace import Workspace


class Evaluation:
    """The loss and accuracy of a network as it is now, computed in calls of `advance`.

    The parameters are copied first, so the network may train on between the calls. `network` is
    a Network or a TrainingLoop. `predicted` (n,) has each sample's class, that of the largest
    output, as far as it is computed; `confidence` (n,) has that output. Raises NonFiniteError if
    the loss is not finite. `rest` gives back the arrays of the computation.
    """

    def __init__(self, network: Network | TrainingLoop, samples: Samples, chunk: int = 500) -> None:
        self.batch = 0  # the batch whose parameters these are, if a loop trains them
        if isinstance(network, TrainingLoop):
            self.batch, network = network.batch, network.network
        require_instance(network, Network, "a network or a training loop", NETWORK_HINT)
        chunk = whole_number(chunk, "the chunk")
        self._targets = network.build_for(samples)
        self._chunk = min(chunk, len(samples))
        self.samples = samples
        self._has_accuracy = "accuracy" in network.metrics
        self.predicted = np.zeros(len(samples), np.intp)
        self.confidence = np.zeros(len(samples), network.dtype)
        self._compiled = network.compiled
        # The number of shares does not depend on the number of threads, so neither does any bit.
        self._is_cut = network.count_params() >= SHARED_FROM
        self._parameters = network.parameters.beside(network.parameters.flat.copy())
        self._shares: list[_Share] = []
        self._stages: dict[tuple[int, ...], Stage] = {}
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
        """Use the next chunk of samples, shared by `threads`; does nothing once all are used."""
        threads = whole_number(threads, "the threads")
        if self.done:
            return
        self._shares = self._shares or self._make_shares(threads)
        stop = min(self._position + self._chunk, len(self))
        used, start = [], self._position
        for share in self._shares:
            used.append(slice(start, min(start + share.capacity, stop)))
            share.take(used[-1])
            start = used[-1].stop
        lengths = tuple(part.stop - part.start for part in used)
        if lengths not in self._stages:
            tasks = [share.calls(n) for share, n in zip(self._shares, lengths, strict=True)]
            self._stages[lengths] = Stage(tasks)
        with one_blas_thread, np.errstate(all="ignore"):
            Team(threads).run([self._stages[lengths]])
        loss_sum = sum(float(share.loss_sum) for share in self._shares)
        if not math.isfinite(loss_sum):
            raise NonFiniteError(batch=self.batch, phase="evaluation", what="loss", value=loss_sum)
        self._loss_sum += loss_sum
        for share, part in zip(self._shares, used, strict=True):
            self._right += share.give(self.predicted[part], self.confidence[part])
        self._position = stop

    def rest(self) -> None:
        """Give back the arrays of the computation; the next `advance` makes new ones."""
        self._shares, self._stages = [], {}

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
        with one_blas_thread:  # once here: setting it for every chunk takes longer
            while not self.done:
                self.advance(threads)
        return self.result

    def __len__(self) -> int:
        return len(self.samples)

    def _make_shares(self, threads: int) -> list["_Share"]:
        parameters = self._parameters
        zeros: Zeros = np.zeros
        if threads > 1:
            flat = parameters.flat
            zeros = zeros_for(flat.size)
            parameters = parameters.beside(zeros(flat.size, flat.dtype))
            np.copyto(parameters.flat, flat)
        return [
            _Share(
                self._compiled,
                parameters,
                self.samples,
                self._targets,
                part.stop - part.start,
                zeros,
            )
            for part in parts(self._chunk, cut=self._is_cut)
        ]


class _Share:
    """Some of the samples of every chunk, computed in arrays of their own."""

    def __init__(
        self,
        compiled: CompiledNetwork,
        parameters: NamedTensors,
        samples: Samples,
        targets: Array,
        capacity: int,
        zeros: Zeros,
    ) -> None:
        dtype: FloatType = parameters.flat.dtype
        self.capacity = capacity
        self.loss_sum = zeros((), np.float64)
        self._predicted = zeros(capacity, np.intp)
        self._confidence = zeros(capacity, dtype)
        self._compiled = compiled
        self._samples = samples
        self._targets = targets
        self._metric = metrics.get("accuracy")
        self._workspace = Workspace(compiled, parameters, targets, capacity, zeros=zeros)
        self._gatherer = Gatherer(samples, capacity, dtype, zeros)

    def take(self, part: slice) -> None:
        """Take these samples, at most `capacity`."""
        values = self._workspace.values(part.stop - part.start)
        np.copyto(self._gatherer.raw(values[X]), self._samples.x[part])
        np.copyto(values[Y], self._targets[part])

    def calls(self, n: int) -> Task:
        """The calls that compute the n samples that were taken."""
        values = self._workspace.values(n)
        predictions = values[self._compiled.predictions]
        raw, per_sample = self._gatherer.raw(values[X]), values[PER_SAMPLE]
        links = self._compiled.forward.links + self._compiled.loss.links
        return [
            partial(scale_into, values[X], raw, self._gatherer.scale),
            *(Call.forward(link, values).bound() for link in links),
            partial(np.add.reduce, per_sample, dtype=np.float64, out=self.loss_sum),
            partial(predictions.argmax, axis=1, out=self._predicted[:n]),
            partial(predictions.max, axis=1, out=self._confidence[:n]),
        ]

    def give(self, predicted: Array, confidence: Array) -> int:
        """Copy each sample's class and confidence to the arrays; returns how many are right."""
        n = len(predicted)
        np.copyto(predicted, self._predicted[:n])
        np.copyto(confidence, self._confidence[:n])
        values = self._workspace.values(n)
        return self._metric(values[self._compiled.predictions], values[Y])
