"""The series of a run: one value a batch, never lost, and the sparse test measurements."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

COLUMNS = ("loss", "accuracy", "learning_rate", "gradient_norm")


class Series:
    """Per-batch values in growing float64 columns; the first is batch 1's."""

    def __init__(self) -> None:
        self._columns = np.empty((len(COLUMNS), 1024))
        self._tests: dict[int, tuple[float, float]] = {}
        self.length = 0

    def append(self, **values: float) -> None:
        """Add the next batch's values, one for each of `COLUMNS`."""
        if self.length == self._columns.shape[1]:
            self._columns = np.concatenate([self._columns, np.empty_like(self._columns)], axis=1)
        self._columns[:, self.length] = [values[name] for name in COLUMNS]
        self.length += 1

    def extend(self, values: NDArray[np.float64]) -> None:
        """Add many batches' values: (n, 4), columns as in `COLUMNS`."""
        free = self._columns.shape[1] - self.length
        if free < len(values):
            more = np.empty((len(COLUMNS), len(values) - free + 1024))
            self._columns = np.concatenate([self._columns, more], axis=1)
        self._columns[:, self.length : self.length + len(values)] = values.T
        self.length += len(values)

    def rows(self, from_batch: int) -> NDArray[np.float64]:
        """The values from `from_batch` on, (n, 4), columns as in `COLUMNS`; a view."""
        return self._columns[:, from_batch - 1 : self.length].T

    def add_test(self, batch: int, loss: float, accuracy: float) -> None:
        """Add a measurement on the test images."""
        self._tests[batch] = (loss, accuracy)

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
        self._tests = {at: test for at, test in self._tests.items() if at <= batch}

    def column(
        self, name: str, from_batch: int = 1, to_batch: int | None = None
    ) -> NDArray[np.float64]:
        """The values of batches `from_batch` to `to_batch`, both included, as a view."""
        stop = self.length if to_batch is None else min(to_batch, self.length)
        return self._columns[COLUMNS.index(name), max(from_batch, 1) - 1 : stop]

    def tests(self, from_batch: int = 0) -> list[tuple[int, float, float]]:
        """The measurements (batch, loss, accuracy) from `from_batch` on, by batch."""
        return [(at, *self._tests[at]) for at in sorted(self._tests) if at >= from_batch]

    def tests_by_batch(self) -> dict[int, tuple[float, float]]:
        """The measurements (loss, accuracy) by batch; a copy."""
        return dict(self._tests)

    def to_json(self, from_batch: int) -> dict[str, Any]:
        """The series from `from_batch` on as plain lists."""
        first = max(from_batch, 1)
        return {
            "from_batch": first,
            "to_batch": self.length,
            **{name: self.column(name, first).tolist() for name in COLUMNS},
            "test": [list(row) for row in self.tests(from_batch)],
        }
