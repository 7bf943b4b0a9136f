"""The series of a run: one value a batch, never lost, and the sparse test measurements."""

from collections.abc import Callable
from itertools import takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

COLUMNS = ("loss", "accuracy", "learning_rate", "gradient_norm")
# Viewers, and readers who come back soon, ask for so many batches; seldom for earlier ones.
RECENT = 4096


class Series:
    """Per-batch values in growing float64 columns; the first is batch 1's.

    Values that are kept elsewhere can be freed here. `earlier(first, last)` then reads those of a
    range of batches, both included, as (4, n).
    """

    def __init__(self) -> None:
        self._columns = np.empty((len(COLUMNS), 1024))
        self._before = 0  # how many batches are not held in memory
        self._tests: dict[int, tuple[float, float]] = {}
        self._known_since: list[tuple[int, int]] = []  # (version of the run, batch) of each
        self.length = 0
        self.earlier: Callable[[int, int], NDArray[np.float64]] | None = None

    def append(self, **values: float) -> None:
        """Add the next batch's values, one for each of `COLUMNS`."""
        held = self._held
        if held.shape[1] == self._columns.shape[1]:
            # Only the values held are copied; new memory costs nothing until it is written to.
            self._columns = np.empty((len(COLUMNS), 2 * held.shape[1]))
            self._columns[:, : held.shape[1]] = held
        self._columns[:, held.shape[1]] = [values[name] for name in COLUMNS]
        self.length += 1

    @property
    def _held(self) -> NDArray[np.float64]:
        return self._columns[:, : self.length - self._before]

    def bring_back(self, values: NDArray[np.float64], length: int) -> None:
        """Begin with `length` batches; `values` (4, n) are those of the last n."""
        self._before = length - values.shape[1]
        self.length = length
        self._columns = np.empty((len(COLUMNS), values.shape[1] + 1024))
        self._held[:] = values

    @property
    def first_held(self) -> int:
        """The first batch whose values are held in memory."""
        return self._before + 1

    def let_go(self) -> None:
        """Free all values but those of the last `RECENT` batches; they are kept elsewhere."""
        gone = self._held.shape[1] - RECENT
        if gone >= RECENT:  # many at a time, since freeing copies the rest
            self._columns = self._held[:, gone:].copy()
            self._before += gone

    def add_test(self, batch: int, loss: float, accuracy: float, version: int) -> None:
        """Add a measurement on the test images, known from that version of the run on."""
        self._tests[batch] = loss, accuracy
        self._known_since.append((version, batch))

    def first_test_after(self, version: int) -> int | None:
        """The first batch whose measurement was not known yet at that version of the run."""
        news = takewhile(lambda known: known[0] > version, reversed(self._known_since))
        return min((batch for _, batch in news if batch in self._tests), default=None)

    def forget_test(self, batch: int) -> None:
        """Drop the measurement at `batch`: its weights have been changed."""
        self._tests.pop(batch, None)

    def has_test(self, batch: int) -> bool:
        """Whether the state at `batch` has been measured."""
        return batch in self._tests

    def test_at(self, batch: int) -> tuple[int, float, float] | None:
        """The newest measurement (batch, loss, accuracy) made at or before `batch`."""
        measured = max((at for at in self._tests if at <= batch), default=None)
        return None if measured is None else (measured, *self._tests[measured])

    def cut(self, batch: int) -> None:
        """Forget every batch after `batch`."""
        self.length = min(self.length, batch)
        self._before = min(self._before, batch)
        self._tests = {at: test for at, test in self._tests.items() if at <= batch}

    def columns(self, from_batch: int = 1, to_batch: int | None = None) -> NDArray[np.float64]:
        """The values of batches `from_batch` to `to_batch`, both included: (4, n), as `COLUMNS`.

        A view, if all of them are held in memory. Raises what `earlier` raises.
        """
        first = max(from_batch, 1)
        last = self.length if to_batch is None else min(to_batch, self.length)
        held = self._held[:, max(first - 1 - self._before, 0) : max(last - self._before, 0)]
        if first > self._before or last < first:
            return held
        if self.earlier is None:
            raise RuntimeError("what a series has let go of is kept elsewhere")
        return np.hstack([self.earlier(first, min(last, self._before)), held])

    def tests(self, from_batch: int = 0) -> list[tuple[int, float, float]]:
        """The measurements (batch, loss, accuracy) from `from_batch` on, by batch."""
        return [(at, *self._tests[at]) for at in sorted(self._tests) if at >= from_batch]

    def tests_by_batch(self) -> dict[int, tuple[float, float]]:
        """The measurements (loss, accuracy) by batch; a copy."""
        return dict(self._tests)

    def to_json(self, from_batch: int) -> dict[str, Any]:
        """The series from `from_batch` on as plain lists; only `test` may have a batch 0."""
        first = max(from_batch, 1)
        return {
            "from_batch": first,
            "to_batch": self.length,
            **dict(zip(COLUMNS, self.columns(first).tolist(), strict=True)),
            "test": [list(row) for row in self.tests(from_batch)],
        }
