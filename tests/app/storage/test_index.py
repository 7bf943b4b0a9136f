"""The list of all runs, in the database and on disk."""

import contextlib
import math
import sqlite3
from pathlib import Path

import pytest

from app.errors import AppError
from app.storage.database import connect, prepare
from app.storage.index import CURVE_POINTS, RunIndex, folder_of


def test_what_is_removed_gives_its_room_back_even_where_it_cannot_be_forgotten(
    tmp_path: Path,
) -> None:
    prepare(tmp_path)
    index = RunIndex(tmp_path)
    index.add("run", key=b"key", owner=b"owner", config={})
    folder = folder_of(tmp_path, "run")
    folder.mkdir(parents=True)
    (folder / "checkpoint").write_bytes(b"1")
    with contextlib.closing(connect(tmp_path)) as database:
        database.execute(
            "CREATE TRIGGER full BEFORE DELETE ON runs BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
        with pytest.raises(sqlite3.Error, match="full"):
            index.remove("run")
        assert not folder.exists()
        database.execute("DROP TRIGGER full")
    index.remove("run")
    assert index.find("run") is None
    index.close()


def test_a_run_that_is_sent_back_meanwhile_cannot_be_branched_beyond(tmp_path: Path) -> None:
    prepare(tmp_path)
    index = RunIndex(tmp_path)
    index.add("run", key=b"key", owner=b"owner", config={})
    with contextlib.closing(connect(tmp_path)) as database:
        database.execute("INSERT INTO series VALUES (1, 1, 2.3, 0.1, 0.001, 1.0)")
    index.branch("run", "branch", key=b"key", owner=b"owner", batch=1)
    with pytest.raises(AppError) as raised:
        index.branch("run", "beyond", key=b"key", owner=b"owner", batch=2)
    assert raised.value.code == "batch_not_reached"
    assert index.find("beyond") is None
    index.close()


@pytest.mark.parametrize("length", [0, 1, 64, 65, 1000])
def test_a_curve_has_the_mean_of_each_stretch(tmp_path: Path, length: int) -> None:
    prepare(tmp_path)
    index = RunIndex(tmp_path)
    for name in ("other", "run"):
        index.add(name, key=b"key", owner=b"owner", config={})
    with contextlib.closing(connect(tmp_path)) as database:
        for number, batches in ((1, 2000), (2, length)):
            database.executemany(
                "INSERT INTO series VALUES (?, ?, ?, 0.1, 0.001, 1.0)",
                ((number, batch, number / batch) for batch in range(1, batches + 1)),
            )
    stretch = math.ceil(length / CURVE_POINTS) or 1
    stretches = [range(1, length + 1)[at : at + stretch] for at in range(0, length, stretch)]
    expected = [(part[-1], sum(2 / batch for batch in part) / len(part)) for part in stretches]
    curve = index.curve("run")
    assert [batch for batch, _ in curve] == [batch for batch, _ in expected]
    assert [mean for _, mean in curve] == pytest.approx([mean for _, mean in expected])
    assert len(curve) <= CURVE_POINTS
    index.close()


def test_a_run_that_is_removed_meanwhile_cannot_be_branched(tmp_path: Path) -> None:
    prepare(tmp_path)
    index = RunIndex(tmp_path)
    with pytest.raises(AppError) as raised:
        index.branch("gone", "branch", key=b"key", owner=b"owner", batch=3)
    assert raised.value.code == "unknown_run"
    assert index.find("branch") is None
    index.close()
