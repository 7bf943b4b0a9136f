"""The index of kept runs, for the web process: who owns them, and where they stand."""

import contextlib
import json
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.errors import require_at_most, unknown_run
from app.storage import checkpoints
from app.storage.database import connect, transaction

FOLDER = "runs"
CURVE_POINTS = 64


@dataclass(frozen=True, slots=True)
class Entry:
    """One kept run; times in seconds since 1970."""

    run_id: str
    key: bytes
    owner: bytes
    name: str
    config: dict[str, Any]
    progress: dict[str, Any]
    created: float
    used: float

    @property
    def has_happened(self) -> bool:
        """Whether anything was done with it."""
        progress = self.progress
        return bool(progress.get("furthest") or progress.get("changed") or self.name)

    def figures(self) -> dict[str, Any]:
        """What a list of runs shows of it; before the first save, what its configuration says."""
        optimizer = self.config["optimizer"]
        untrained = {
            "state": "paused",
            "batch": 0,
            "furthest": 0,
            "phase": None,
            "epoch": 0,
            "loss": None,
            "accuracy": None,
            "test_accuracy": None,
            "optimizer": optimizer["name"],
            "learning_rate": optimizer["learning_rate"],
            "batch_size": self.config["batch_size"],
        }
        return {name: self.progress.get(name, value) for name, value in untrained.items()}


_ENTRY = "SELECT id, key, owner, name, config, progress, created, used FROM runs"


def folder_of(data_dir: Path, run_id: str) -> Path:
    """Where a run's checkpoints are."""
    return data_dir / FOLDER / run_id


class RunIndex:
    """Adds, finds and removes runs; may be used from any thread."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._connection = connect(data_dir)
        self._lock = threading.Lock()

    def add(
        self,
        run_id: str,
        *,
        key: bytes,
        owner: bytes,
        config: dict[str, Any],
        name: str = "",
        follows_to: int | None = None,
        actions: list[tuple[int, dict[str, Any]]] | None = None,
    ) -> None:
        """Keep a new run, at batch 0, with the actions of the recipe it is to follow."""
        with self._writing() as connection:
            number = _insert(
                connection, run_id, key, owner, name, json.dumps(config), None, follows_to, {}
            )
            connection.executemany(
                "INSERT INTO actions VALUES (?, ?, ?, ?)",
                (
                    (number, i, batch, json.dumps(settings))
                    for i, (batch, settings) in enumerate(actions or [])
                ),
            )

    def branch(self, source: str, run_id: str, *, key: bytes, owner: bytes, batch: int) -> None:
        """Keep a new run that shares the past of `source` up to `batch`, and stands there.

        Raises `AppError` if `source` has been removed, or has not been trained that far.
        """
        with self._writing() as connection:
            row = connection.execute(
                "SELECT number, name, config, progress FROM runs WHERE id = ?", (source,)
            ).fetchone()
            if row is None:
                raise unknown_run()
            number, name, config, progress = row
            (furthest,) = connection.execute(
                "SELECT ifnull(max(batch), 0) FROM series WHERE run = ?", (number,)
            ).fetchone()
            # It may have gone back since it was asked, and been changed there.
            require_at_most(furthest, "the furthest that run has been trained to", batch)
            stands = {"batch": batch, "phase": None, "speed": json.loads(progress).get("speed")}
            origin = json.dumps({"id": source, "batch": batch})
            copy = _insert(connection, run_id, key, owner, name, config, origin, None, stands)
            for table, columns in (
                ("actions", "number, batch, settings"),
                ("series", "batch, loss, accuracy, learning_rate, gradient_norm"),
                ("tests", "batch, loss, accuracy"),
            ):
                connection.execute(
                    f"INSERT INTO {table} SELECT ?, {columns} FROM {table}"  # noqa: S608 - names of our own
                    " WHERE run = ? AND batch <= ?",
                    (copy, number, batch),
                )
        checkpoints.share(
            folder_of(self._data_dir, source), folder_of(self._data_dir, run_id), batch
        )

    def find(self, run_id: str) -> Entry | None:
        """The run of that id."""
        with self._lock:
            row = self._connection.execute(f"{_ENTRY} WHERE id = ?", (run_id,)).fetchone()
        return _entry(row) if row else None

    def of_owner(self, owner: bytes) -> list[Entry]:
        """A visitor's runs, last used first."""
        with self._lock:
            rows = self._connection.execute(
                f"{_ENTRY} WHERE owner = ? ORDER BY used DESC, number DESC", (owner,)
            ).fetchall()
        return [_entry(row) for row in rows]

    def of_key(self, key: bytes) -> list[Entry]:
        """The run of a key."""
        with self._lock:
            rows = self._connection.execute(f"{_ENTRY} WHERE key = ?", (key,)).fetchall()
        return [_entry(row) for row in rows]

    def unused_since(self, when: float) -> list[str]:
        """The runs last used before `when`."""
        with self._lock:
            rows = self._connection.execute("SELECT id FROM runs WHERE used < ?", (when,))
            return [run_id for (run_id,) in rows]

    def beyond(self, most: int) -> list[str]:
        """The least used of the runs of visitors who have more than `most`."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT id FROM (SELECT id, row_number() OVER"
                " (PARTITION BY owner ORDER BY used DESC, number DESC) AS place FROM runs)"
                " WHERE place > ?",
                (most,),
            )
            return [run_id for (run_id,) in rows]

    def curve(self, run_id: str) -> list[tuple[int, float]]:
        """(last batch, mean loss) of at most `CURVE_POINTS` equal stretches of a run."""
        with self._lock:
            # Each stretch is looked up by its batches: GROUP BY would sort all of a long run.
            rows = self._connection.execute(
                "WITH RECURSIVE own (number, last) AS"
                " (SELECT number, (SELECT max(batch) FROM series WHERE run = number)"
                " FROM runs WHERE id = :run),"
                " parts (number, first, length, last) AS"
                " (SELECT number, 1, (last + :points - 1) / :points, last FROM own WHERE last > 0"
                " UNION ALL SELECT number, first + length, length, last FROM parts"
                " WHERE first + length <= last)"
                " SELECT min(first + length - 1, last), (SELECT avg(loss) FROM series"
                " WHERE run = number AND batch BETWEEN first AND first + length - 1) FROM parts",
                {"run": run_id, "points": CURVE_POINTS},
            ).fetchall()
        return [(batch, loss) for batch, loss in rows]

    def count_actions(self, run_id: str) -> int:
        """How many changes a run's log has."""
        with self._lock:
            (count,) = self._connection.execute(
                "SELECT count(*) FROM actions WHERE run = (SELECT number FROM runs WHERE id = ?)",
                (run_id,),
            ).fetchone()
        return int(count)

    def touch(self, run_ids: list[str]) -> None:
        """Note that these runs are in use now."""
        now = time.time()
        with self._writing() as connection:
            connection.executemany(
                "UPDATE runs SET used = ? WHERE id = ?", ((now, run_id) for run_id in run_ids)
            )

    def remove(self, run_id: str) -> None:
        """Remove a run and its files; files first, since removing rows takes room on the disk."""
        shutil.rmtree(folder_of(self._data_dir, run_id), ignore_errors=True)
        with self._writing() as connection:
            connection.execute("DELETE FROM runs WHERE id = ?", (run_id,))

    def tidy(self) -> None:
        """Copy the write-ahead log into the database file, so that the log stays short."""
        with self._lock:
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, transaction(self._connection):
            yield self._connection


def _insert(
    connection: sqlite3.Connection,
    run_id: str,
    key: bytes,
    owner: bytes,
    name: str,
    config: str,
    branched_from: str | None,
    follows_to: int | None,
    progress: dict[str, Any],
) -> int:
    now = time.time()
    cursor = connection.execute(
        "INSERT INTO runs (id, key, owner, name, config, branched_from, follows_to, progress,"
        " created, used) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(run_id, key, owner, name, config, branched_from, follows_to),
            *(json.dumps(progress), now, now),
        ),
    )
    return int(cursor.lastrowid or 0)


def _entry(row: tuple[Any, ...]) -> Entry:
    run_id, key, owner, name, config, progress, created, used = row
    return Entry(run_id, key, owner, name, json.loads(config), json.loads(progress), created, used)
