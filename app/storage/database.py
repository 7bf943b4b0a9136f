"""The database of all runs: one SQLite file in WAL mode, open in every process of the server."""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import structlog

FILE_NAME = "runs.sqlite"
VERSION = 1
# Writers wait so long for their turn; each holds the file for a few milliseconds.
BUSY_S = 5.0

SCHEMA = """
CREATE TABLE runs (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    key BLOB NOT NULL,          -- SHA-256 of the key that proves ownership
    owner BLOB NOT NULL,        -- SHA-256 of the visitor's secret
    name TEXT NOT NULL,
    config TEXT NOT NULL,       -- JSON
    branched_from TEXT,         -- JSON {"id", "batch"}
    follows_to INTEGER,         -- how far the recipe goes that it was made from
    progress TEXT NOT NULL,     -- JSON: where it is and what it is doing
    created REAL NOT NULL,      -- seconds since 1970
    used REAL NOT NULL
);
CREATE INDEX runs_by_owner ON runs (owner, used);
CREATE TABLE actions (
    run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    number INTEGER NOT NULL,    -- in the order they were made
    batch INTEGER NOT NULL,
    settings TEXT NOT NULL,     -- JSON
    PRIMARY KEY (run, number)
) WITHOUT ROWID;
CREATE TABLE series (
    run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    batch INTEGER NOT NULL,
    loss REAL NOT NULL,
    accuracy REAL NOT NULL,
    learning_rate REAL NOT NULL,
    gradient_norm REAL NOT NULL,
    PRIMARY KEY (run, batch)
) WITHOUT ROWID;
CREATE TABLE tests (
    run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
    batch INTEGER NOT NULL,
    loss REAL NOT NULL,
    accuracy REAL NOT NULL,
    PRIMARY KEY (run, batch)
) WITHOUT ROWID;
"""

log = structlog.get_logger()


class StorageVersionError(Exception):
    """The data directory has been written by another version of the program."""


def prepare(data_dir: Path) -> None:
    """Make the database if there is none; a damaged one is set aside, and the log reports it.

    Raises `StorageVersionError`, or `OSError` where the directory cannot be written.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / FILE_NAME
    try:
        _prepare(data_dir)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise OSError(f"cannot write the database {path}: {error}") from error
        aside = path.with_name(f"{FILE_NAME}.damaged-{time.time():.0f}")
        path.replace(aside)
        for leftover in ("-wal", "-shm"):
            path.with_name(FILE_NAME + leftover).unlink(missing_ok=True)
        log.error("database damaged, begun anew", set_aside=str(aside), reason=str(error))
        _prepare(data_dir)


def _prepare(data_dir: Path) -> None:
    with contextlib.closing(connect(data_dir)) as connection, transaction(connection):
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            for statement in SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")
        elif version != VERSION:
            raise StorageVersionError(
                f"expected a data directory of version {VERSION}, got version {version} in "
                f"{data_dir}; choose another with --data-dir, or the program that wrote it"
            )
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)


def connect(data_dir: Path) -> sqlite3.Connection:
    """A connection; use it from one thread at a time."""
    connection = sqlite3.connect(
        data_dir / FILE_NAME, timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )
    # A killed process loses nothing; only a power cut may cost the last seconds. Only the web
    # process copies the write-ahead log into the file, so that no trainer waits for a disk.
    for pragma in (
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "wal_autocheckpoint = 0",
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing of what the block writes."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.OperationalError):  # SQLite may have rolled back itself
            connection.execute("ROLLBACK")
        raise
