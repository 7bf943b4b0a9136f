"""What a run has done, in the database: nothing of it is written into another run's rows."""

import contextlib
from pathlib import Path

from app.storage.database import connect
from app.storage.journal import Journal
from tests.support.hosting import Hosting, state_of
from tests.support.runs import Clock


def test_a_removed_run_is_not_written_into_the_next(tmp_path: Path, clock: Clock) -> None:
    hosting = Hosting(clock, tmp_path)
    hosting.create()
    hosting.step(3)
    keeper = hosting.host._runs["run"].keeper
    hosting.index.remove("run")
    hosting.create("other")  # has the number that has become free
    with contextlib.closing(connect(tmp_path)) as database:
        kept = Journal(database, "other").load(0)
        keeper.run.command({"type": "set", "learning_rate": 0.5})
        keeper.save()
        after = Journal(database, "other").load(0)
    assert keeper.run.unsaved is not None
    assert "has been removed" in keeper.run.unsaved.message
    assert kept is not None
    assert after is not None
    assert (after.progress, after.actions) == (kept.progress, kept.actions)
    assert state_of(hosting.ask("state", "other"))["batch"] == 0
