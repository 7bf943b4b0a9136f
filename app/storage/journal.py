"""What is kept of one run in the database, read and written by the worker that hosts it."""

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.storage.database import transaction

VALUES = 4  # loss, accuracy, learning rate, gradient norm: the series' values of a batch


@dataclass(slots=True)
class Kept:
    """A run as it is kept.

    `actions` are (batch, settings) in the order in which they were made. `length` is how many
    batches have been trained, `series` float64 (4, n) has the values of the last ones. `tests` has
    (loss, accuracy) by batch. `progress` says where the run is and what it does; it is `{}` for a
    run that has never been hosted.
    """

    config: dict[str, Any]
    name: str
    branched_from: dict[str, Any] | None
    follows_to: int | None
    progress: dict[str, Any]
    actions: list[tuple[int, dict[str, Any]]]
    length: int
    series: NDArray[np.float64]
    tests: dict[int, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Changes:
    """What to change in the kept run: lists replace what is kept, each from its first place on.

    `series` (4, n) has the values of the batches from `first_batch` on.
    """

    name: str
    follows_to: int | None
    progress: dict[str, Any]
    first_action: int
    actions: list[tuple[int, dict[str, Any]]]
    first_batch: int
    series: NDArray[np.float64]
    tests: dict[int, tuple[float, float]]
    gone_tests: list[int]


class Journal:
    """Reads and writes the rows of one run."""

    def __init__(self, connection: sqlite3.Connection, run_id: str) -> None:
        self._connection = connection
        self._run_id = run_id
        self._number = 0

    def load(self, recent: int) -> Kept | None:
        """The kept run, with the last `recent` batches of its series; None if there is none."""
        execute = self._connection.execute
        found = execute(
            "SELECT number, config, name, branched_from, follows_to, progress"
            " FROM runs WHERE id = ?",
            (self._run_id,),
        ).fetchone()
        if found is None:
            return None
        self._number, config, name, branched_from, follows_to, progress = found
        mine = (self._number,)
        (length,) = execute(
            "SELECT ifnull(max(batch), 0) FROM series WHERE run = ?", mine
        ).fetchone()
        return Kept(
            json.loads(config),
            name,
            json.loads(branched_from) if branched_from else None,
            follows_to,
            json.loads(progress),
            [
                (batch, json.loads(settings))
                for batch, settings in execute(
                    "SELECT batch, settings FROM actions WHERE run = ? ORDER BY number", mine
                )
            ],
            length,
            self.series(max(1, length - recent + 1), length),
            {
                batch: (loss, accuracy)
                for batch, loss, accuracy in execute(
                    "SELECT batch, loss, accuracy FROM tests WHERE run = ?", mine
                )
            },
        )

    def series(self, first: int, last: int) -> NDArray[np.float64]:
        """The values of batches `first` to `last`, both included: (4, n).

        Raises `LookupError` if some are not kept, or `sqlite3.Error`.
        """
        rows = self._connection.execute(
            "SELECT loss, accuracy, learning_rate, gradient_norm"
            " FROM series JOIN runs ON number = run"
            " WHERE run = ? AND id = ? AND batch BETWEEN ? AND ? ORDER BY batch",
            (self._number, self._run_id, first, last),
        ).fetchall()
        if len(rows) != last - first + 1:
            raise LookupError(f"only {len(rows):,} of them are kept")
        return np.ascontiguousarray(np.array(rows, dtype=np.float64).reshape(-1, VALUES).T)

    def save(self, changes: Changes) -> None:
        """Keep the changes, all or none of them. Raises `sqlite3.Error`."""
        run = self._number
        connection = self._connection
        with transaction(connection):
            found = connection.execute(
                "UPDATE runs SET name = ?, follows_to = ?, progress = ?"
                " WHERE number = ? AND id = ?",
                (changes.name, changes.follows_to, json.dumps(changes.progress), run, self._run_id),
            )
            if found.rowcount == 0:
                raise sqlite3.IntegrityError("this run has been removed")
            connection.execute(
                "DELETE FROM actions WHERE run = ? AND number >= ?", (run, changes.first_action)
            )
            connection.executemany(
                "INSERT INTO actions VALUES (?, ?, ?, ?)",
                (
                    (run, changes.first_action + i, batch, json.dumps(settings))
                    for i, (batch, settings) in enumerate(changes.actions)
                ),
            )
            connection.execute(
                "DELETE FROM series WHERE run = ? AND batch >= ?", (run, changes.first_batch)
            )
            connection.executemany(
                "INSERT INTO series VALUES (?, ?, ?, ?, ?, ?)",
                (
                    (run, batch, *values)
                    for batch, values in enumerate(changes.series.T.tolist(), changes.first_batch)
                ),
            )
            connection.executemany(
                "DELETE FROM tests WHERE run = ? AND batch = ?",
                ((run, batch) for batch in changes.gone_tests),
            )
            connection.executemany(
                "REPLACE INTO tests VALUES (?, ?, ?, ?)",
                ((run, batch, *test) for batch, test in changes.tests.items()),
            )
