"""Saved states in files: within the budget, never far from any batch, and never a wrong one."""

import errno
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from app.storage import checkpoints
from app.storage.checkpoints import Checkpoints, share
from engine import LoopState

STATE_BYTES = 400
INTERVAL = 32

Make = Callable[..., Checkpoints]


@pytest.fixture
def make(tmp_path: Path, writer: ThreadPoolExecutor) -> Make:
    """Checkpoints in one and the same folder."""

    def make(budget: int = 10, recipe: str = "recipe", folder: str = "run") -> Checkpoints:
        return Checkpoints(
            tmp_path / folder,
            budget * STATE_BYTES,
            writer,
            lambda batch: f"{recipe} to {batch}",
            interval=INTERVAL,
        )

    return make


def state_at(batch: int) -> LoopState:
    return LoopState(
        parameters=np.full(STATE_BYTES // 8, batch, np.float32),
        optimizer={"name": "sgd", "learning_rate": 0.01, "momentum": 0.9},
        iterations=batch,
        slots={"momentum": np.full(STATE_BYTES // 8, -batch, np.float32)},
        batch=batch,
        epoch=0,
        batch_in_epoch=batch,
        position=batch,
        batch_size=1,
    )


def play(checkpoints: Checkpoints, batches: int) -> Checkpoints:
    for batch in range(1, batches + 1):
        if checkpoints.due(batch):
            checkpoints.add(state_at(batch))
    checkpoints.finish()
    return checkpoints


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def batch_before(checkpoints: Checkpoints, batch: int) -> int:
    found = checkpoints.before(batch)
    return 0 if found is None else found.batch


def test_one_is_due_at_each_multiple_of_the_interval(make: Make) -> None:
    checkpoints = make()
    assert [batch for batch in range(1, 100) if checkpoints.due(batch)] == [32, 64, 96]
    checkpoints.add(state_at(32))
    assert not checkpoints.due(32)


@pytest.mark.parametrize("batches", [100, 500, 3000])
@pytest.mark.parametrize("budget", [2, 5, 10])
def test_any_batch_is_near_one_within_the_budget(
    make: Make, tmp_path: Path, batches: int, budget: int
) -> None:
    checkpoints = play(make(budget), batches)
    assert len(files(tmp_path / "run")) <= budget
    farthest = max(INTERVAL, 2 * batches / budget)
    for batch in range(0, batches, 7):
        assert batch - batch_before(checkpoints, batch) <= farthest


def test_without_a_budget_there_are_none(make: Make, tmp_path: Path) -> None:
    checkpoints = play(make(0), 300)
    assert checkpoints.before(300) is None
    assert files(tmp_path / "run") == []


def test_what_comes_back_is_what_was_saved(make: Make) -> None:
    play(make(), 100)
    state = make().before(70)
    assert state is not None
    expected = state_at(64)
    assert state.parameters.tobytes() == expected.parameters.tobytes()
    assert state.slots["momentum"].tobytes() == expected.slots["momentum"].tobytes()
    for name in ("optimizer", "iterations", "batch", "epoch", "position", "batch_size"):
        assert getattr(state, name) == getattr(expected, name)


def test_another_process_finds_them_and_makes_more_where_there_is_room(
    make: Make, tmp_path: Path
) -> None:
    play(make(budget=5), 1000)
    found = make(budget=5)
    assert batch_before(found, 1000) == 1000 - 1000 % 256
    for batch in range(1001, 1400):
        if found.due(batch):
            found.add(state_at(batch))
    assert batch_before(found, 1400) == 1400 - 1400 % 256
    assert len(files(tmp_path / "run")) <= 5
    assert make(budget=50).due(1024 + INTERVAL)


def test_those_after_a_cut_are_gone(make: Make, tmp_path: Path) -> None:
    checkpoints = play(make(), 100)
    checkpoints.cut(64)
    assert batch_before(checkpoints, 500) == 64
    assert checkpoints.due(96)
    assert files(tmp_path / "run") == [f"checkpoint-{n:07}.safetensors" for n in (32, 64)]


@pytest.mark.parametrize("cut", [0, 9000])
def test_after_a_cut_they_are_as_near_as_the_budget_allows(
    make: Make, tmp_path: Path, cut: int
) -> None:
    checkpoints = play(make(5), 30_000)
    checkpoints.cut(cut)
    for batch in range(cut + 1, cut + 7001):
        if checkpoints.due(batch):
            checkpoints.add(state_at(batch))
    checkpoints.finish()
    assert len(files(tmp_path / "run")) <= 5
    for batch in range(cut, cut + 7000, 7):
        assert batch - batch_before(checkpoints, batch) <= 2 * (cut + 7000) / 5


@pytest.mark.parametrize("place", [0.0, 0.02, 0.3, 0.6, 0.999])
@pytest.mark.parametrize("damage", ["flipped", "cut short", "empty"])
def test_a_damaged_one_is_set_aside_and_the_one_before_it_taken(
    make: Make, tmp_path: Path, place: float, damage: str
) -> None:
    play(make(), 100)
    path = tmp_path / "run" / "checkpoint-0000096.safetensors"
    data = bytearray(path.read_bytes())
    at = int(place * len(data))
    if damage == "flipped":
        data[at] ^= 0x10
    path.write_bytes(bytes({"flipped": data, "cut short": data[:at], "empty": b""}[damage]))
    checkpoints = make()
    assert batch_before(checkpoints, 500) == 64
    assert checkpoints.set_aside == [path.name]
    assert not path.exists()
    assert path.with_name(path.name + ".damaged").exists()
    assert checkpoints.due(96)


def test_one_of_another_recipe_is_not_taken(make: Make) -> None:
    play(make(recipe="one"), 100)
    checkpoints = make(recipe="other")
    assert checkpoints.before(100) is None
    assert checkpoints.set_aside == []


def test_one_under_another_batch_s_name_is_not_taken(make: Make, tmp_path: Path) -> None:
    play(make(), 64)
    folder = tmp_path / "run"
    path = folder / "checkpoint-0000064.safetensors"
    (folder / "checkpoint-0000032.safetensors").replace(path)
    assert make().before(100) is None


def test_where_the_disk_refuses_it_goes_on_and_says_why(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run").write_text("a file where the folder should be")
    checkpoints = make()
    play(checkpoints, 40)
    assert checkpoints.before(40) is None
    assert "File exists" in capsys.readouterr().out
    (tmp_path / "run").unlink()
    play(checkpoints, 40)
    assert batch_before(checkpoints, 40) == 32


def test_a_branch_shares_the_files_up_to_its_batch(make: Make, tmp_path: Path) -> None:
    play(make(), 100)
    share(tmp_path / "run", tmp_path / "branch", 70)
    checkpoints = make(folder="branch")
    assert batch_before(checkpoints, 500) == 64
    checkpoints.cut(0)
    assert batch_before(make(), 500) == 96


def test_a_file_that_vanishes_meanwhile_is_not_shared(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(make(), 100)
    listed = list((tmp_path / "run").iterdir())
    (tmp_path / "run" / "checkpoint-0000064.safetensors").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "_files", lambda _: listed)
        share(tmp_path / "run", tmp_path / "branch", 100)
    assert len(files(tmp_path / "branch")) == 2
    assert batch_before(make(folder="branch"), 90) == 32


def test_a_full_disk_leaves_no_part_of_a_file_in_a_branch(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(make(), 100)

    def has_no_links(_self: Path, _target: Path) -> None:
        raise OSError(errno.EPERM, "no links here")

    def runs_full(_source: Path, target: Path) -> None:
        target.write_bytes(b"a part")
        raise OSError(errno.ENOSPC, "no space left")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "hardlink_to", has_no_links)
        patch.setattr(shutil, "copyfile", runs_full)
        share(tmp_path / "run", tmp_path / "branch", 100)
    assert files(tmp_path / "branch") == []
    assert make(folder="branch").before(100) is None
