"""What is kept of a run is all it takes to make it again, whenever it is kept."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.errors import AppError
from app.runs import history, series
from app.runs.keeping import Keeper, bring_back
from app.runs.network import DataSet
from app.runs.recipe import Action, Recipe
from app.runs.report import report
from app.runs.run import Run
from app.storage.checkpoints import Checkpoints
from app.storage.database import connect, prepare
from app.storage.index import RunIndex
from app.storage.journal import Journal
from engine import Phase
from tests.app.conftest import MakeRun
from tests.support.runs import HISTORY_BYTES, Clock, config_of, same_bits, snapshot, work

Open = Callable[..., Keeper]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A database with one run in it."""
    prepare(tmp_path)
    index = RunIndex(tmp_path)
    index.add("run", key=b"", owner=b"me", config=config_of())
    index.close()
    with contextlib.closing(connect(tmp_path)) as connection:
        yield connection


@pytest.fixture
def open_run(
    database: sqlite3.Connection,
    data: DataSet,
    clock: Clock,
    tmp_path: Path,
    writer: ThreadPoolExecutor,
) -> Open:
    """Opens the run from what is kept of it, as a worker does."""

    def checkpoints(recipe: Recipe) -> Checkpoints:
        return Checkpoints(tmp_path / "run", HISTORY_BYTES, writer, recipe.name_at, interval=32)

    def open_run(*, lost: bool = False) -> Keeper:
        journal = Journal(database, "run")
        kept = journal.load(series.RECENT)
        assert kept is not None
        run = bring_back(kept, data, checkpoints, clock, lost=lost)
        return Keeper(journal, run)

    return open_run


@pytest.fixture
def small_series(monkeypatch: pytest.MonkeyPatch) -> None:
    """Series hold fewer batches than the runs here have."""
    monkeypatch.setattr(series, "RECENT", 4)


def do(keeper: Keeper, clock: Clock, *commands: dict[str, Any]) -> None:
    for command in commands:
        keeper.run.command(command)
        work(keeper.run, clock)
        keeper.save()


def step(count: int, unit: str = "batch") -> dict[str, Any]:
    return {"type": "step", "unit": unit, "count": count}


def settled(keeper: Keeper, clock: Clock) -> Run:
    work(keeper.run, clock)
    return keeper.run


def told(run: Run) -> dict[str, Any]:
    """The state without what a stop makes different."""
    differs = ("edit", "batches_per_second", "version")
    return {name: value for name, value in report("run", run).items() if name not in differs}


LIVES: dict[str, list[dict[str, Any]]] = {
    "nothing": [],
    "a few batches": [step(5)],
    "beyond an epoch, with checkpoints": [step(75)],
    "in mid-batch": [step(3), step(3, "phase")],
    "changed": [step(3), {"type": "set", "learning_rate": 0.01}, step(4)],
    "another size set in mid-batch": [step(2, "phase"), {"type": "set", "batch_size": 50}],
    "another size in mid-batch": [step(2, "phase"), {"type": "set", "batch_size": 50}, step(2)],
    "sent back": [step(50), {"type": "seek", "batch": 20}],
    "sent back and changed": [
        *(step(50), {"type": "seek", "batch": 20}),
        *({"type": "set", "optimizer": "adam"}, step(7)),
    ],
    "reset": [step(9), {"type": "set", "optimizer": "sgd"}, {"type": "reset"}, step(2)],
    "a weight by hand": [
        step(2),
        {"type": "set_weight", "tensor": "layer1.weights", "index": [1, 400], "value": 0.5},
    ],
    "an undone weight": [
        step(2),
        {"type": "set_weight", "tensor": "layer1.bias", "index": [1], "value": 0.5},
        {"type": "undo"},
    ],
    "slow": [{"type": "set", "speed": 3.0}, step(1)],
}


def test_what_it_gets_wrong_is_known_when_it_is_back(open_run: Open, clock: Clock) -> None:
    keeper = open_run()
    do(keeper, clock, step(5))
    again = settled(open_run(), clock)
    assert again.measuring.last is not None
    assert keeper.run.measuring.last is not None
    assert np.array_equal(again.measuring.last.predicted, keeper.run.measuring.last.predicted)


@pytest.mark.parametrize("life", LIVES)
def test_it_comes_back_as_it_was(open_run: Open, clock: Clock, life: str) -> None:
    keeper = open_run()
    do(keeper, clock, *LIVES[life])
    before, tensors = told(settled(keeper, clock)), snapshot(keeper.run)
    keeper.save()
    again = settled(open_run(), clock)
    after = snapshot(again)
    # After a change by hand, gradients and steps are a drawing's or none: not part of the state.
    common = tensors.keys() & after.keys() if "hand" in life else tensors.keys()
    assert same_bits({n: tensors[n] for n in common}, {n: after[n] for n in common})
    if "hand" not in life:
        assert told(again) == before
    assert again.series.to_json(0) == keeper.run.series.to_json(0)
    assert again.restored is None


def test_how_often_it_was_sent_back_is_kept_where_not_every_time_is(
    open_run: Open, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "KNOWN_TIMELINES", 3)
    keeper = open_run()
    do(keeper, clock, *[step(1), {"type": "reset"}] * 5)
    for run in (keeper.run, settled(open_run(), clock)):
        assert (run.timeline, run.history.timeline_starts) == (5, [0, 0, 0])


@pytest.mark.parametrize("life", LIVES)
def test_what_its_series_lets_go_of_is_read_from_what_is_kept(
    open_run: Open, make_run: MakeRun, clock: Clock, life: str, small_series: None
) -> None:
    keeper, whole = open_run(), make_run()
    for command in LIVES[life]:
        do(keeper, clock, command)
        whole.command(command)
        work(whole, clock)
    for first, last in ((1, None), (2, 5), (6, 8), (9, 99)):
        held = keeper.run.series.columns(first, last)
        assert held.tolist() == whole.series.columns(first, last).tolist()
    again = settled(open_run(), clock)
    assert again.series.columns().tolist() == whole.series.columns().tolist()


def test_what_is_gone_from_the_database_is_said(
    open_run: Open, database: sqlite3.Connection, clock: Clock, small_series: None
) -> None:
    keeper = open_run()
    do(keeper, clock, step(20))
    database.execute("DELETE FROM series WHERE batch = 3")
    with pytest.raises(AppError, match="expected batches 1 to 16 in the database") as caught:
        keeper.run.series.to_json(1)
    assert caught.value.code == "not_readable"
    assert keeper.run.series.columns(17).shape == (4, 4)


@pytest.mark.parametrize("life", LIVES)
def test_what_follows_is_what_would_have_followed(open_run: Open, clock: Clock, life: str) -> None:
    keeper = open_run()
    do(keeper, clock, *LIVES[life])
    again = open_run()
    for run in (settled(keeper, clock), settled(again, clock)):
        run.command(step(10))
        work(run, clock)
    assert same_bits(snapshot(again.run), snapshot(keeper.run))
    assert again.run.series.to_json(1)["loss"] == keeper.run.series.to_json(1)["loss"]


def test_what_a_recipe_changes_after_a_batch_under_way_is_not_made_in_it(
    open_run: Open, clock: Clock
) -> None:
    keeper = open_run()
    keeper.run.recipe.record(4, {"learning_rate": 0.1})
    keeper.run.history.follows_to = 6
    do(keeper, clock, step(3), step(2, "phase"))
    again = open_run()
    for run in (settled(keeper, clock), settled(again, clock)):
        assert (run.loop.phase, run.loop.learning_rate) == (Phase.FORWARD, 0.001)
        run.command(step(1))
        work(run, clock)
    assert same_bits(snapshot(again.run), snapshot(keeper.run))


def test_what_a_lost_worker_was_doing_goes_on(open_run: Open, clock: Clock) -> None:
    keeper = open_run()
    keeper.run.command(step(300))
    work(keeper.run, clock, until=lambda: keeper.run.loop.batch >= 10)
    keeper.save()
    at = keeper.run.loop.batch
    again = open_run(lost=True).run
    work(again, clock)
    assert again.loop.batch == 300
    assert again.restored is not None
    assert again.restored.to_json() == {"batch": at, "reason": "worker_lost", "set_aside": []}


@pytest.mark.parametrize(
    ("command", "ends"),
    [
        (step(6), (6, None)),
        ({"type": "seek", "batch": 6}, (6, None)),
        (step(5 * 5 + 2, "phase"), (5, Phase.FORWARD)),
    ],
)
def test_a_step_lost_amid_changes_ends_where_it_was_to(
    open_run: Open, clock: Clock, command: dict[str, Any], ends: tuple[int, Phase | None]
) -> None:
    keeper = open_run()
    run = keeper.run
    run.recipe.actions += [Action(5, {"learning_rate": 0.001 + i / 1e6}) for i in range(9)]
    run.history.follows_to = 6
    run.command(command)
    for _ in range(1000):
        if len(run._due) == 4:
            break
        run._work()
    assert len(run._due) == 4
    keeper.save()
    again = settled(open_run(lost=True), clock)
    work(run, clock)
    for one in (again, run):
        phase = None if one.at_boundary else one.loop.phase
        assert (one.loop.batch, phase) == ends


def test_what_a_stopped_server_was_doing_rests(open_run: Open, clock: Clock) -> None:
    keeper = open_run()
    keeper.run.command({"type": "play"})
    work(keeper.run, clock, until=lambda: keeper.run.loop.batch >= 10)
    keeper.save()
    again = open_run()
    assert settled(again, clock).loop.batch == keeper.run.loop.batch
    assert again.run.restored is not None
    assert again.run.restored.reason == "server_restarted"
    with pytest.raises(AppError):
        again.run.command({"type": "seek", "batch": 10_000})
    assert again.run.restored is not None, "a refused command changes nothing"
    again.run.command({"type": "play"})
    assert again.run.restored is None


def test_a_full_disk_is_said_and_what_was_not_saved_is_saved_later(
    open_run: Open, clock: Clock, database: sqlite3.Connection
) -> None:
    keeper = open_run()
    do(keeper, clock, step(3))
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages}")
    do(keeper, clock, {"type": "set", "learning_rate": 0.01}, step(400))
    assert keeper.run.unsaved is not None
    assert "full" in keeper.run.unsaved.message
    assert report("run", keeper.run)["saved"]["code"] == "not_saved"
    assert settled(open_run(), clock).loop.batch == 3
    database.execute("PRAGMA max_page_count = 100000")
    do(keeper, clock, step(1))
    assert keeper.run.unsaved is None
    again = settled(open_run(), clock)
    assert again.loop.batch == 404
    assert same_bits(snapshot(again), snapshot(keeper.run))


def test_a_run_whose_checkpoints_cannot_be_written_is_kept_all_the_same(
    open_run: Open, clock: Clock, tmp_path: Path
) -> None:
    (tmp_path / "run").write_text("a file where the folder should be")
    keeper = open_run()
    do(keeper, clock, step(300))
    keeper.run.history.checkpoints.finish()
    do(keeper, clock, step(1))
    assert keeper.run.unsaved is None
    assert same_bits(snapshot(settled(open_run(), clock)), snapshot(keeper.run))


def test_in_the_middle_of_a_seek_nothing_is_saved(open_run: Open, clock: Clock) -> None:
    keeper = open_run()
    do(keeper, clock, step(60))
    keeper.run.command({"type": "seek", "batch": 31})
    assert not keeper.is_behind
    assert settled(open_run(), clock).loop.batch == 60
    work(keeper.run, clock)
    keeper.save()
    assert settled(open_run(), clock).loop.batch == 31


def test_a_run_that_has_failed_is_brought_back_as_one(open_run: Open, clock: Clock) -> None:
    keeper = open_run()
    run = keeper.run
    run.command({"type": "set", "optimizer": {"name": "sgd", "learning_rate": 1e12}})
    run.command({"type": "play"})
    work(run, clock)
    assert run.error is not None
    keeper.save()
    back = open_run(lost=True).run
    work(back, clock)
    assert back.error is not None
    assert back.error.body() == run.error.body()
    assert back.failure is not None
    assert run.failure is not None
    assert back.failure.sound == run.failure.sound == 0
    assert same_bits(snapshot(back), snapshot(run))
