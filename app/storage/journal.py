"""What is kept of one run in the database, read and written by the worker that hosts it."""

import json
import sqlite3
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.storage.database import transaction

COLUMNS = ("batch", "loss", "accuracy", "learning_rate", "gradient_norm")


@dataclass(slots=True)
class Kept:
    """A run as it is kept.

    `actions` are (batch, settings) in the order they were made; `series` float64 (batches, 5) rows
    of `COLUMNS` from batch 1 on; `tests` (loss, accuracy) by batch; `progress` where the run is and
    what it does, `{}` for one that has never been hosted.
    """

    config: dict[str, Any]
    name: str = ""
    branched_from: dict[str, Any] | None = None
    follows_to: int | None = None
    progress: dict[str, Any] = field(default_factory=dict)
    actions: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    series: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, len(COLUMNS))))
    tests: dict[int, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Changes:
    """What is different from what is kept: lists replace what is kept from a place on."""

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
    """The rows of one run."""

    def __init__(self, connection: sqlite3.Connection, run_id: str) -> None:
        self._connection = connection
        self._run_id = run_id
        self._number = 0

    def load(self) -> Kept | None:
        """What is kept, None if there is no such run."""
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
        series = execute(
            f"SELECT {', '.join(COLUMNS)} FROM series WHERE run = ? ORDER BY batch",  # noqa: S608 - names of our own
            mine,
        ).fetchall()
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
            np.array(series, dtype=np.float64).reshape(-1, len(COLUMNS)),
            {
                batch: (loss, accuracy)
                for batch, loss, accuracy in execute(
                    "SELECT batch, loss, accuracy FROM tests WHERE run = ?", mine
                )
            },
        )

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
                ((run, *row) for row in changes.series.tolist()),
            )
            connection.executemany(
                "DELETE FROM tests WHERE run = ? AND batch = ?",
                ((run, batch) for batch in changes.gone_tests),
            )
            connection.executemany(
                "REPLACE INTO tests VALUES (?, ?, ?, ?)",
                ((run, batch, *test) for batch, test in changes.tests.items()),
            )
