"""Measurements on a machine that lacks something: what is left out, and that it is said."""

import math
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest
import threadpoolctl

from bench import keras_trajectories, machine, many_runs, training
from tests.support.server import Server

ENDS_AMID_AN_EPOCH = """#!/bin/sh
echo ready
read line
echo 'out of memory | killed' >&2
exit 1
"""


@pytest.fixture
def rival(tmp_path: Path) -> training.Rival:
    """One that has started, and ends as soon as it has to train."""
    python = tmp_path / "python"
    python.write_text(ENDS_AMID_AN_EPOCH)
    python.chmod(0o755)
    rival = training.Rival("a rival", "torch_eager", 2)
    rival.start(python, tmp_path / "mnist.npz")
    assert not rival.missing
    return rival


def test_a_rival_that_ends_amid_an_epoch_is_left_out(rival: training.Rival) -> None:
    ours = training.Rival("ours", "ours", 2, own=True, seconds=[1.0, 2.0])
    rival.train()
    rival.train()
    assert "| a rival | left out: out of memory / killed |" in training.table([ours, rival], 1000)


def test_without_five_epochs_there_is_no_accuracy() -> None:
    ours = training.Rival("ours", "ours", 2, own=True, seconds=[1.0])
    assert "nan" not in training.table([ours], 1000)


def test_in_turns_none_always_follows_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = []
    monkeypatch.setattr(training, "python_of_rivals", lambda: Path(sys.executable))
    monkeypatch.setattr(training, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(training.Rival, "start", lambda *_: None)
    monkeypatch.setattr(training.Rival, "train", lambda rival: trained.append(rival.label))
    training.take_turns(training.ROUNDS, 10)
    labels = [rival.label for rival in training.rivals()]
    assert sorted(trained) == sorted(labels * training.ROUNDS)
    for label in labels:
        before = [trained[at - 1] for at, name in enumerate(trained) if name == label and at]
        assert max(map(before.count, before)) <= training.ROUNDS / 2


def test_without_keras_its_section_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras_trajectories, "python_of_rivals", lambda: Path(sys.executable))
    assert keras_trajectories.section() == "Left out: ModuleNotFoundError: No module named 'keras'"


def test_a_blas_that_threadpoolctl_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threadpoolctl, "threadpool_info", list)
    assert "NumPy" in machine.machine()


def test_memory_is_not_taken_for_none_where_the_system_does_not_tell(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(many_runs, "OWN_ROLLUP", tmp_path / "missing")
    assert math.isnan(many_runs.memory_mb(Mock(Server, worker_pids=[])))
