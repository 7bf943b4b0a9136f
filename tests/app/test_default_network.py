"""The network that reads drawings when no run is named: trained on the first start, and kept."""

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from app import default_network
from app.config import RunConfig
from app.default_network import DefaultNetwork
from app.runs.network import make_network
from app.storage import database
from app.storage.index import RunIndex
from app.storage.sealed import seal
from app.workers.pool import WorkerPool
from engine import Sequential, load_mnist
from tests.support.client import Visitor, answer, error_of
from tests.support.server import KEPT_NETWORK, Server, running_server, wait_until


def pixels_of(image: Any) -> dict[str, Any]:
    return {"pixels": np.rint(image.reshape(28, 28) * 255).tolist()}


def status(visitor: Visitor) -> dict[str, Any]:
    return answer(visitor.http.get("/api/classify"))


def share_read(visitor: Visitor, samples: int = 100) -> float:
    """The share of test digits that are read right."""
    _, (images, labels) = load_mnist()
    read = [
        answer(visitor.http.post("/api/classify", json=pixels_of(image)))["digit"]
        for image in images[:samples]
    ]
    return float(np.mean(read == labels[:samples]))


def test_it_is_trained_on_the_first_start_and_kept(tmp_path: Path) -> None:
    data_dir = tmp_path / "made" / "by" / "the server"
    with running_server(data_dir) as server:
        visitor = Visitor(server.address)
        first = status(visitor)
        assert (first["ready"], first["test_accuracy"], first["epochs"]) == (False, None, 5)
        assert 0 <= first["progress"] < 1
        picture = json.loads(json.dumps(pixels_of(np.eye(28))))
        error = error_of(visitor.http.post("/api/classify", json=picture), 503, "network_not_ready")
        assert "epoch 1 of 5" in error["message"]
        run = visitor.make_run()  # a run reads, and trains, meanwhile
        assert answer(visitor.http.post(f"/api/classify?run={run.id}", json=picture))
        assert run.step(2)["batch"] == 2
        seen = []

        def ready() -> bool:
            seen.append(status(visitor))
            return bool(seen[-1]["ready"])

        wait_until(ready, within=120, what="the default network to be trained")
        progress = [one["progress"] for one in seen]
        assert progress == sorted(progress)
        assert any(0 < share < 1 for share in progress)
        assert 0.97 < seen[-1]["test_accuracy"] < 0.99
        assert share_read(visitor) > 0.9
        assert "descent_default_network_ready 1.0" in visitor.http.get("/metrics").text
        assert "descent_runs 1.0" in visitor.http.get("/metrics").text  # its own run is not counted
        visitor.close()
    kept = data_dir / KEPT_NETWORK
    assert not list((data_dir / "runs").iterdir())  # nothing is left of its training
    assert Sequential.load(kept).count_params() == 407_050
    with running_server(data_dir) as server:
        visitor = Visitor(server.address)
        wait_until(lambda: status(visitor)["ready"], within=10, what="the kept network to be read")
        assert status(visitor)["test_accuracy"] == seen[-1]["test_accuracy"]
        visitor.close()


class BegunError(Exception):
    """It has come to be trained."""


async def begin_to_train(_: str) -> None:
    raise BegunError


@pytest.mark.parametrize("damage", ["cut short", "one byte", "no network", "a folder"])
def test_a_damaged_file_is_trained_anew_and_said_so(
    tmp_path: Path, damage: str, trained_network: Sequential, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / KEPT_NETWORK
    if damage == "a folder":
        kept.mkdir()
    else:
        trained_network.save(kept)
        data = kept.read_bytes()
        contents = {
            "cut short": data[: len(data) // 2],
            "one byte": data[:800_003] + b"\x7f" + data[800_004:],
            "no network": b"not a network",
        }
        kept.write_bytes(contents[damage])
    database.prepare(tmp_path)
    index = RunIndex(tmp_path)
    pool = WorkerPool(1, data_dir=tmp_path, history_bytes=0, threads=1)
    monkeypatch.setattr(pool, "state", begin_to_train)
    default = DefaultNetwork(tmp_path, pool, index)
    with capture_logs() as logs, pytest.raises(BegunError):
        asyncio.run(default.prepare())
    assert any("default network unreadable" in entry["event"] for entry in logs)
    assert default.status()["ready"] is False
    index.close()


def test_its_training_goes_on_after_its_worker_or_the_server_has_died(tmp_path: Path) -> None:
    with (
        running_server(tmp_path, workers=1) as server,
        contextlib.closing(Visitor(server.address)) as visitor,
    ):
        wait_until(lambda: status(visitor)["progress"] > 0.02, what="some training")
        os.kill(server.worker_pids[0], signal.SIGKILL)
        wait_until(lambda: len(server.worker_pids) == 2, what="another worker")
        wait_until(lambda: status(visitor)["progress"] > 0.05, what="training to go on")
        server.kill()
    with (
        running_server(tmp_path, workers=1) as server,
        contextlib.closing(Visitor(server.address)) as visitor,
    ):
        seen: list[float] = []

        def begun() -> bool:
            seen.append(status(visitor)["progress"])
            return seen[-1] > 0

        wait_until(begun, what="the training to be looked at")
        assert seen[-1] > 0.04  # not from the start


def test_a_disk_that_is_full_for_a_while_only_delays_its_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(default_network, "RETRY_S", 0)
    database.prepare(tmp_path)
    index, tries = RunIndex(tmp_path), []

    def refuse_once(*_: Any, **__: Any) -> None:
        tries.append("add")
        if len(tries) == 1:
            raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(index, "add", refuse_once)
    pool = WorkerPool(1, data_dir=tmp_path, history_bytes=0, threads=1)
    monkeypatch.setattr(pool, "state", begin_to_train)
    with pytest.raises(BegunError):
        asyncio.run(DefaultNetwork(tmp_path, pool, index).prepare())
    assert len(tries) == 2
    index.close()


@pytest.mark.parametrize("full", ["files", "the database"])
def test_a_disk_that_is_full_at_the_end_loses_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: str
) -> None:
    network = make_network(RunConfig().settings())
    network.build(784)
    trained = b"".join(bytes(piece) for piece in seal(network.parameters, {}))
    database.prepare(tmp_path)
    index = RunIndex(tmp_path)
    pool = WorkerPool(1, data_dir=tmp_path, history_bytes=0, threads=1)

    async def end_of_training(*_: object) -> dict[str, Any]:
        return {"epoch": default_network.EPOCHS, "state": "paused"}

    async def weights(_: str) -> bytes:
        return trained

    def refuse(*_: object, **__: object) -> None:
        raise OSError("No space left") if full == "files" else sqlite3.OperationalError("disk full")

    monkeypatch.setattr(pool, "state", end_of_training)
    monkeypatch.setattr(pool, "weights", weights)
    if full == "files":
        monkeypatch.setattr(os, "fsync", refuse)
        monkeypatch.setattr(Path, "write_bytes", refuse)
    else:
        monkeypatch.setattr(index, "remove", refuse)
    default = DefaultNetwork(tmp_path, pool, index)
    asyncio.run(asyncio.wait_for(default.prepare(), 30))
    assert len(default.classify([0] * 784)) == 10
    assert index.find(default_network.RUN_ID) is not None  # for the next start
    index.close()


def test_the_kept_network_reads_digits_at_once(server: Server, visitor: Visitor) -> None:
    wait_until(lambda: status(visitor)["ready"], what="the kept network to be read")
    assert status(visitor)["test_accuracy"] > 0.95
    assert share_read(visitor) > 0.9
