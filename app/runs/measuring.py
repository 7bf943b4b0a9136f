"""Measuring a run on all test images, in pieces between its other work."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.runs.series import Series
from engine import Evaluation, NonFiniteError, Phase, Samples, TrainingLoop

# While a run plays alone, it is measured at most this often besides the ends of its epochs.
EVERY_S = 2.0
CHUNK = 250


@dataclass(frozen=True, slots=True)
class Measured:
    """What a measurement found at `batch`: each test image's class, and how sure of it it was."""

    batch: int
    predicted: NDArray[np.intp]
    confidence: NDArray[np.floating]


class Measuring:
    """At most one measurement at a time, of a copy of the weights. Results go to `series`.

    `last` is the newest finished one. `every_s` is how much time there is at least, while the run
    plays, between the end of one and the beginning of the next.
    """

    def __init__(self, series: Series, test: Samples, clock: Callable[[], float]) -> None:
        self.last: Measured | None = None
        self.every_s = EVERY_S
        self._series = series
        self._test = test
        self._clock = clock
        self._under_way: Evaluation | None = None
        self._finished_at = -math.inf
        self._unmeasurable: int | None = None  # a batch at which the test loss is not finite

    @property
    def under_way(self) -> bool:
        """Whether there is a measurement to advance."""
        return self._under_way is not None

    @property
    def is_due(self) -> bool:
        """Whether the last one is so long ago that another may begin while the run plays."""
        return not self.under_way and self._clock() - self._finished_at > self.every_s

    def knows(self, loop: TrainingLoop) -> bool:
        """Whether the state of `loop` has been measured, or cannot be.

        A run that has been opened again, or gone back, has the figures of a batch, but not which
        images it took for what.
        """
        is_last = self.last is not None and self.last.batch == loop.batch
        return (is_last and self._series.has_test(loop.batch)) or loop.batch == self._unmeasurable

    def blocks(self, loop: TrainingLoop) -> bool:
        """Whether the end of an epoch is being measured: nothing changes before that is done."""
        return (
            self._under_way is not None
            and self._under_way.batch == loop.batch > 0
            and loop.batch_in_epoch == 0
            and loop.next_phase is Phase.DRAW
        )

    def begin(self, loop: TrainingLoop) -> None:
        """Measure the state of `loop` as it is now, unless that is known."""
        if not self.knows(loop):
            self._under_way = Evaluation(loop, self._test, chunk=CHUNK)

    def advance(self, threads: int, version: int) -> bool:
        """Use the next chunk of images; True where a measurement has been finished by it.

        It is known from that `version` of the run on.
        """
        evaluation = self._under_way
        if evaluation is None:
            return False
        try:
            evaluation.advance(threads)
        except NonFiniteError:
            self._unmeasurable = evaluation.batch
            self._under_way = None
            return False
        if not evaluation.done:
            return False
        loss, accuracy = evaluation.result
        if accuracy is None:
            raise RuntimeError("runs are compiled with accuracy")
        self._series.add_test(evaluation.batch, loss, accuracy, version)
        self._under_way = None
        self.last = Measured(evaluation.batch, evaluation.predicted, evaluation.confidence)
        self._finished_at = self._clock()
        return True

    def rest(self) -> None:
        """Give back what `advance` computes in, before another run advances; it is made anew."""
        if self._under_way is not None:
            self._under_way.rest()

    def abandon(self) -> None:
        """Drop the measurement under way: its batch belongs to another past."""
        self._under_way = self._unmeasurable = None

    def forget(self, batch: int) -> None:
        """The weights at `batch` have been changed by hand: it is to be measured again."""
        self._series.forget_test(batch)
        self.abandon()
