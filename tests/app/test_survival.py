"""A run is its recipe: it comes back after a killed worker or a stopped server, bit for bit."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosedOK

from tests.support.client import Run, Visitor, checked_error, error_of
from tests.support.server import (
    Server,
    is_running,
    keep_untrained_network,
    running_server,
    wait_until,
)
from tests.support.watcher import Watcher

BATCHES = 600

Visit = Callable[[Server], Visitor]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return keep_untrained_network(tmp_path / "data")


@pytest.fixture
def own_server(data_dir: Path) -> Iterator[Server]:
    """A server whose workers a test may kill or keep busy."""
    with running_server(data_dir) as server:
        yield server


@pytest.fixture
def visit() -> Iterator[Visit]:
    """Visits servers; what it opens is closed at the end."""
    with contextlib.ExitStack() as opened:

        def visit(server: Server) -> Visitor:
            visitor = Visitor(server.address)
            opened.callback(visitor.close)
            return visitor

        yield visit


def changed_run(visitor: Visitor) -> Run:
    """A run of `BATCHES` batches with changes of every kind."""
    run = visitor.make_run(batch_size=256)  # 235 batches an epoch, the last one of 96
    run.step(100)
    run.command("set", learning_rate=0.003)
    run.step(77)
    run.command("set", optimizer="adam")
    run.step(23)
    run.command("set_weight", tensor="layer1.weights", index=[3, 400], value=0.25)
    run.step(50)
    run.command("train_on", pixels=[[9 * (i % 28)] * 28 for i in range(28)], label=4)
    run.command("set", batch_size=100)
    run.step(BATCHES - 250)
    return run


def tensors_at(run: Run, batch: int) -> dict[str, bytes]:
    # All there are at any batch: only Adam has an m.
    names = [name for name in run.state()["tensors"] if not name.endswith(".m")]
    return {name: run.tensor(name, batch).tobytes() for name in names}


def comparable(series: dict[str, Any]) -> dict[str, Any]:
    return {name: series[name] for name in ("loss", "accuracy", "learning_rate", "gradient_norm")}


def test_a_recipe_gives_the_same_bits_on_another_server(
    own_server: Server, tmp_path: Path, visit: Visit
) -> None:
    visitor = visit(own_server)
    busy = visitor.make_run()
    busy.command("play")
    run = changed_run(visitor)
    recipe = run.recipe()
    with running_server(keep_untrained_network(tmp_path / "other"), workers=1) as other_server:
        other_visitor = visit(other_server)
        other = other_visitor.make_run_of(recipe)
        assert (other.state()["batch"], other.state()["pending"]) == (0, BATCHES)
        other.command("seek", batch=BATCHES)
        assert other.at_rest()["batch"] == BATCHES
        assert other.recipe() == recipe
        assert other.state()["pending"] is None
        assert comparable(other.series()) == comparable(run.series())
        for batch in (1, 100, 101, 177, 200, 235, 249, 251, 599, 600):
            assert tensors_at(other, batch) == tensors_at(run, batch), f"batch {batch} differs"


def kept_batch(visitor: Visitor) -> int:
    """Where the run used last was when it was last saved."""
    batch: int = visitor.http.get("/api/runs").json()["runs"][0]["batch"]
    return batch


def test_a_killed_workers_run_goes_on_by_itself(own_server: Server, visit: Visit) -> None:
    visitor = visit(own_server)
    undisturbed = visitor.make_run()
    undisturbed.step(400)
    run = visitor.make_run()
    with Watcher(visitor.address, run.id) as watcher:
        run.command("play")
        wait_until(lambda: kept_batch(visitor) > 100, what="some batches to be kept")
        for pid in own_server.worker_pids:
            os.kill(pid, signal.SIGKILL)
        run.until(lambda state: state["restored"] is not None, what="the run to be back")
        state = run.until(lambda state: state["batch"] > 400, what="it to go on")
        assert state["restored"]["reason"] == "worker_lost"
        assert state["restored"]["batch"] > 100
        run.command("pause")
        assert run.state()["restored"] is None
        batch = run.state()["batch"]
        watcher.frame_with(lambda frame: frame.batch == batch and frame.state["state"] == "paused")
        series = run.series()
        assert len(series["loss"]) == batch
        assert watcher.series.columns["loss"] == series["loss"]
    assert series["loss"][:400] == undisturbed.series()["loss"]
    assert tensors_at(run, 400) == tensors_at(undisturbed, 400)


def test_a_step_under_way_is_finished_after_its_worker_was_killed(
    own_server: Server, visit: Visit
) -> None:
    run = visit(own_server).make_run()
    run.post({"type": "step", "unit": "batch", "count": 5000})
    os.kill(own_server.worker_pids[0], signal.SIGKILL)
    os.kill(own_server.worker_pids[1], signal.SIGKILL)
    state = run.until(lambda state: state["state"] == "paused", what="the step to end")
    assert state["batch"] == 5000
    assert len(run.series()["loss"]) == 5000


def test_reading_a_run_while_its_worker_is_killed_waits_for_it(
    own_server: Server, visit: Visit
) -> None:
    run = visit(own_server).make_run()
    run.step(130)
    weights = run.tensor("layer1.weights")
    for pid in own_server.worker_pids:
        os.kill(pid, signal.SIGKILL)
    assert run.tensor("layer1.weights").shape == weights.shape
    run.until(lambda state: state["batch"] == 130, what="the run to be back")
    assert (run.tensor("layer1.weights") == weights).all()


@pytest.mark.parametrize("end", [Server.stop, Server.kill])
def test_a_stopped_servers_runs_are_there_when_it_starts_again(
    data_dir: Path, end: Any, visit: Visit
) -> None:
    with running_server(data_dir) as server:
        visitor = visit(server)
        runs = [visitor.make_run(seed=seed) for seed in range(3)]
        runs[0].command("set", learning_rate=0.002, speed=200)
        runs[1].step(3, "phase")
        for run in (runs[0], runs[2]):
            run.command("play")
            run.until(lambda state: state["batch"] > 20, what="some batches")
        told = {run.id: run.state() for run in runs}
        losses = {run.id: run.series()["loss"][:20] for run in runs}
        started = time.monotonic()
        end(server)
        assert time.monotonic() - started < 5
        pids = server.worker_pids
        wait_until(lambda: not any(map(is_running, pids)), what="the workers to end")
    with running_server(data_dir, workers=1) as again:
        back = [Run(visitor.http, run.made) for run in runs]
        for run in back:
            run.http = visit(again).http
            state = run.at_rest()
            assert state["state"] == "paused"
            assert state["actions"] == told[run.id]["actions"]
            assert state["speed"] == told[run.id]["speed"]
            assert run.series()["loss"][:20] == losses[run.id]
            assert len(run.series()["loss"]) == state["batch"]
        first, stepped, third = (run.state() for run in back)
        assert (stepped["batch"], stepped["phase"], stepped["restored"]) == (0, "loss", None)
        assert first["restored"]["reason"] == third["restored"]["reason"] == "server_restarted"
        visitor = visit(again)
        for run, seed in ((back[0], 0), (back[2], 2)):
            same = visitor.make_run(seed=seed)
            if seed == 0:
                same.command("set", learning_rate=0.002)
            run.step(60)
            batch = run.state()["batch"]
            same.step(batch)
            assert same.series()["loss"] == run.series()["loss"]
            assert tensors_at(same, batch) == tensors_at(run, batch)


def test_a_damaged_checkpoint_is_set_aside_and_said(data_dir: Path, visit: Visit) -> None:
    with running_server(data_dir) as server:
        run = visit(server).make_run()
        run.step(300)
        weights = run.tensor("layer1.weights")
    path = data_dir / "runs" / run.id / "checkpoint-0000256.safetensors"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with running_server(data_dir) as server:
        run.http = visit(server).http
        state = run.at_rest()
        assert state["batch"] == 300
        assert state["restored"]["set_aside"] == [path.name]
        assert run.tensor("layer1.weights").tobytes() == weights.tobytes()
    assert path.with_name(path.name + ".damaged").exists()


def test_a_data_directory_that_cannot_be_written_is_refused_in_words(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("")
    server = Server(place / "data", "--port", "0")
    assert server.wait() == 1
    assert f"descent: cannot keep anything in {place / 'data'}: " in server.output
    assert "--data-dir" in server.output
    assert "Traceback" not in server.output


def test_a_damaged_database_is_set_aside(data_dir: Path, visit: Visit) -> None:
    (data_dir / "runs.sqlite").write_bytes(b"no database" * 1000)
    with running_server(data_dir) as server:
        assert visit(server).make_run().step(2)["batch"] == 2
        assert "database damaged" in server.output
    assert list(data_dir.glob("runs.sqlite.damaged-*"))


def test_a_branch_shares_the_past_and_goes_its_own_way(visitor: Visitor) -> None:
    run = visitor.make_run()
    run.step(40)
    run.command("set", learning_rate=0.01)
    run.step(110)
    branch = visitor.branch(run, 140, {"optimizer": "sgd", "learning_rate": 0.1})
    state = branch.at_rest()
    assert (state["batch"], state["state"]) == (140, "paused")
    assert state["branched_from"] == {"id": run.id, "batch": 140}
    assert state["optimizer"] == {"name": "sgd", "learning_rate": 0.1, "momentum": 0.0}
    assert branch.series()["loss"] == run.series()["loss"][:140]
    assert tensors_at(branch, 140).keys() >= {"batch.x", "layer1.weights"}
    shared = ("batch.x", "batch.y", "layer1.weights", "layer2.weights.gradient")
    for batch in (39, 40, 41, 135, 140):
        for name in shared:
            assert np.array_equal(branch.tensor(name, batch), run.tensor(name, batch))
    branch.step(10)
    assert np.array_equal(branch.tensor("batch.x"), run.tensor("batch.x", 150))
    assert branch.series()["loss"][140:] != run.series()["loss"][140:]
    assert run.state()["batch"] == 150


def test_anyone_may_branch_but_only_up_to_where_it_was_trained(
    server: Server, visitor: Visitor, visit: Visit
) -> None:
    run = visitor.make_run()
    run.step(5)
    stranger = visit(server)
    branch = stranger.branch(run, 3)
    assert branch.step(1)["batch"] == 4
    error_of(stranger.http.post(f"{run.path}/branch", json={"batch": 6}), 409, "batch_not_reached")
    refused = stranger.http.post(
        f"{run.path}/branch", json={"batch": 3, "set": {"learning_rate": -1.0}}
    )
    error_of(refused, 422)
    listed = stranger.http.get("/api/runs").json()["runs"]
    assert [entry["id"] for entry in listed] == [branch.id]


def test_a_network_file_is_accepted_back(visitor: Visitor) -> None:
    run = visitor.make_run()
    run.step(10)
    run.command("set", learning_rate=0.01)
    run.step(10)
    file = visitor.http.get(f"{run.path}/weights").content
    again = visitor.open_file(file)
    again.command("seek", batch=20)
    assert again.at_rest()["batch"] == 20
    assert again.tensor("layer1.weights").tobytes() == run.tensor("layer1.weights").tobytes()


@pytest.mark.parametrize(
    "damage", ["flipped", "cut", "foreign", "text", "empty", "empty object", "large"]
)
def test_a_damaged_or_foreign_file_makes_nothing(visitor: Visitor, damage: str) -> None:
    run = visitor.make_run()
    file = bytearray(visitor.http.get(f"{run.path}/weights").content)
    if damage == "flipped":
        file[-1000] ^= 1
    made = {
        "flipped": bytes(file),
        "cut": bytes(file[:-7]),
        "foreign": visitor.http.get(f"{run.path}/tensors/layer1.weights").content,
        "text": b"hello",
        "empty": b"",
        "large": bytes(6 * 1024 * 1024),
        "empty object": b"{}",
    }[damage]
    for media_type in ("application/octet-stream", "Application/Octet-Stream; charset=binary"):
        response = visitor.http.post(
            "/api/runs", content=made, headers={"content-type": media_type}
        )
        error_of(response, 422, "invalid_file")
    assert len(visitor.http.get("/api/runs").json()["runs"]) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"batch": -1, "set": {"learning_rate": 0.1}},
        {"batch": 1, "set": {}},
        {"batch": 1, "set": {"learning_rate": -0.1}},
        {"batch": 1, "set": {"momentum": 0.9}},
        {"batch": 1, "set": {"weight": {"tensor": "layer9.bias", "index": [0], "value": 1.0}}},
        {"batch": 1, "set": {"weight": {"tensor": "layer1.bias", "index": [99], "value": 1.0}}},
        {"batch": 1, "set": {"drawing": {"label": 3, "pixels": [0] * 783}}},
        {"batch": 1, "set": {"colour": "red"}},
    ],
)
def test_a_recipe_that_cannot_be_followed_makes_nothing(
    visitor: Visitor, change: dict[str, Any]
) -> None:
    recipe = visitor.make_run().recipe() | {"actions": [change]}
    error = error_of(visitor.http.post("/api/runs", json={"recipe": recipe}), 422)
    assert error["message"]
    assert len(visitor.http.get("/api/runs").json()["runs"]) == 1


def test_a_change_on_the_way_leaves_the_recipe(visitor: Visitor) -> None:
    run = visitor.make_run()
    run.step(10)
    run.command("set", learning_rate=0.01)
    run.step(10)
    again = visitor.make_run_of(run.recipe())
    again.step(5)
    again.command("set", learning_rate=0.002)
    state = again.step(15)
    assert state["pending"] is None
    assert state["actions"] == [{"batch": 5, "set": {"learning_rate": 0.002}}]
    error_of(again.post({"type": "seek", "batch": 21}), 409, "batch_not_reached")


def test_the_list_of_runs_shows_and_renames_and_deletes_them(
    server: Server, visitor: Visitor, visit: Visit
) -> None:
    runs = [visitor.make_run(seed=seed) for seed in range(2)]
    for count, unit in ((100, "batch"), (3, "phase")):
        runs[0].step(count, unit)
    runs[0].command("set", learning_rate=0.01)
    named = visitor.http.patch(runs[0].path, json={"name": "Too fast?"})
    assert named.json()["name"] == "Too fast?"
    assert runs[0].state()["name"] == "Too fast?"
    listing = visitor.http.get("/api/runs").json()
    entry = next(entry for entry in listing["runs"] if entry["id"] == runs[0].id)
    state = runs[0].state()
    of_now = ("batch", "phase", "epoch", "loss", "accuracy", "learning_rate", "batch_size", "name")
    for name in of_now:
        assert entry[name] == state[name], name
    assert (entry["changes"], entry["optimizer"], entry["layers"][0]["units"]) == (1, "rmsprop", 16)
    assert entry["expires"] == entry["used"] + listing["expires_after_s"]
    loss = runs[0].series()["loss"]
    assert [batch for batch, _ in entry["curve"]] == list(range(2, 101, 2))
    assert np.allclose([mean for _, mean in entry["curve"]], np.reshape(loss, (50, 2)).mean(1))
    other = next(entry for entry in listing["runs"] if entry["id"] == runs[1].id)
    assert (other["batch"], other["phase"], other["accuracy"]) == (0, None, None)
    stranger = visit(server)
    assert stranger.http.get("/api/runs").json()["runs"] == []
    error_of(stranger.http.patch(runs[0].path, json={"name": "mine"}), 403, "not_your_run")
    error_of(stranger.http.delete(runs[0].path), 403, "not_your_run")
    with Watcher.of(runs[0]) as watcher:
        watcher.frame()
        assert visitor.http.delete(runs[0].path).status_code == 204
        assert checked_error(watcher.event("closing"))["code"] == "run_deleted"
        with pytest.raises(ConnectionClosedOK):  # unlike a restart: nobody is to come again
            watcher.event("never")
    error_of(visitor.http.get(runs[0].path), 404, "unknown_run")
    assert [entry["id"] for entry in visitor.http.get("/api/runs").json()["runs"]] == [runs[1].id]
    assert not (server.data_dir / "runs" / runs[0].id).exists()
