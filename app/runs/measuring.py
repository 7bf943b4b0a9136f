"""Measuring a run on all test images, in pieces between its other work."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.runs.series import Series
from engine import Evaluation, NonFiniteError, Phase, Samples, TrainingLoop

# A run that plays alone is measured at most this often, beside the ends of its epochs.
EVERY_S = 2.0
CHUNK = 250


@dataclass(frozen=True, slots=True)
class Measured:
    """What a measurement found at `batch`: each test image's predicted class and its confidence."""

    batch: int
    predicted: NDArray[np.intp]
    confidence: NDArray[np.floating]


class Measuring:
    """At most one measurement at a time, of a copy of the weights. Results go to `series`.

    `last` is the newest finished one. While the run plays, at least `every_s` lie between the end
    of one measurement and the beginning of the next.
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
        """Whether another may begin while the run plays: the last one is long enough ago."""
        return not self.under_way and self._clock() - self._finished_at > self.every_s

    def knows(self, loop: TrainingLoop) -> bool:
        """Whether the state of `loop` has been measured, or cannot be.

        A run that was opened again, or has gone back, knows the loss and accuracy of a batch, but
        not the classes it predicted; then this is False.
        """
        is_last = self.last is not None and self.last.batch == loop.batch
        return (is_last and self._series.has_test(loop.batch)) or loop.batch == self._unmeasurable

    def blocks(self, loop: TrainingLoop) -> bool:
        """Whether the end of an epoch is being measured: training waits until that is done."""
        return (
            self._under_way is not None
            and self._under_way.batch == loop.batch > 0
            and loop.batch_in_epoch == 0
            and loop.next_phase is Phase.DRAW
        )

    def begin(self, loop: TrainingLoop) -> None:
        """Begin to measure the state of `loop` as it is now, unless that is known."""
        if not self.knows(loop):
            self._under_way = Evaluation(loop, self._test, chunk=CHUNK)

    def advance(self, threads: int, version: int) -> bool:
        """Use the next chunk of images; True if that finishes a measurement.

        The result is then known from `version` of the run on.
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
        """Give back the arrays of `advance` before another run's turn; they are made anew later."""
        if self._under_way is not None:
            self._under_way.rest()

    def abandon(self) -> None:
        """Drop the measurement under way: its batch has been left behind."""
        self._under_way = self._unmeasurable = None

    def forget(self, batch: int) -> None:
        """Forget the measurement at `batch`, whose weights have been changed by hand."""
        self._series.forget_test(batch)
        self.abandon()
