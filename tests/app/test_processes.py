"""Workers that die, servers that stop: what is left works, and nothing is left behind."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from tests.support.client import Run, Visitor, checked_error, error_of
from tests.support.server import (
    Server,
    is_running,
    keep_untrained_network,
    running_server,
    wait_until,
)
from tests.support.watcher import Watcher


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server of this test's own, with two workers."""
    with running_server(keep_untrained_network(tmp_path / "data")) as server:
        yield server


@pytest.fixture
def visitor(own_server: Server) -> Iterator[Visitor]:
    visitor = Visitor(own_server.address)
    yield visitor
    visitor.close()


@pytest.fixture
def runs(own_server: Server, visitor: Visitor) -> tuple[Run, Run]:
    """Two runs; each worker hosts one, the first worker the first."""
    first = visitor.make_run()
    hosted = [worker["runs"] for worker in visitor.http.get("/readyz").json()["workers"]]
    assert sorted(hosted) == [0, 1]
    second = visitor.make_run()
    hosted = [worker["runs"] for worker in visitor.http.get("/readyz").json()["workers"]]
    assert hosted == [1, 1]
    return first, second


def kill_first_worker(server: Server) -> int:
    pid = server.worker_pids[0]
    os.kill(pid, signal.SIGKILL)
    return pid


def is_lost(run: Run) -> bool:
    response = run.http.get(run.path)
    if response.status_code == 200:
        return False
    error_of(response, 503, "worker_lost")
    return True


def lost_and_other(server: Server, runs: tuple[Run, Run]) -> tuple[Run, Run]:
    """Kill a worker; the run that lived in it, and the other one."""
    kill_first_worker(server)
    wait_until(lambda: any(map(is_lost, runs)), what="a run to be lost")
    lost = runs[0] if is_lost(runs[0]) else runs[1]
    return lost, runs[1] if lost is runs[0] else runs[0]


def test_a_killed_workers_runs_say_so_and_the_others_go_on(
    own_server: Server, visitor: Visitor, runs: tuple[Run, Run]
) -> None:
    for run in runs:
        run.command("play")
    lost, other = lost_and_other(own_server, runs)
    before = other.state()["batch"]
    other.until(lambda state: state["batch"] > before + 20, what="the other run to go on")
    for response in (
        lost.post({"type": "play"}),
        visitor.http.get(f"{lost.path}/series"),
        visitor.http.get(f"{lost.path}/tensors/layer1.weights"),
        visitor.http.get(f"{lost.path}/weights"),
    ):
        error = error_of(response, 503, "worker_lost")
        assert "reset" in error["hint"]
    assert visitor.http.get("/healthz").status_code == 200
    assert visitor.http.get("/readyz").status_code == 200


def test_a_new_run_works_at_once_after_a_worker_was_killed(
    own_server: Server, visitor: Visitor, runs: tuple[Run, Run]
) -> None:
    kill_first_worker(own_server)
    new = [visitor.make_run() for _ in range(3)]
    assert [run.step(2)["batch"] for run in new] == [2, 2, 2]


def test_the_worker_is_replaced(
    own_server: Server, visitor: Visitor, runs: tuple[Run, Run]
) -> None:
    killed = kill_first_worker(own_server)
    wait_until(lambda: len(own_server.worker_pids) == 3, what="another worker")
    wait_until(
        lambda: all(worker["alive"] for worker in visitor.http.get("/readyz").json()["workers"]),
        what="all workers to answer",
    )
    assert not is_running(killed)
    assert "descent_worker_restarts 1.0" in visitor.http.get("/metrics").text


def test_a_reset_brings_a_lost_run_back(own_server: Server, runs: tuple[Run, Run]) -> None:
    weights = runs[0].tensor("layer1.weights")
    for run in runs:
        run.step(20)
    lost, _ = lost_and_other(own_server, runs)
    state = lost.command("reset")
    assert (state["state"], state["batch"], state["id"]) == ("paused", 0, lost.id)
    assert (lost.tensor("layer1.weights") == weights).all()
    assert lost.step(3)["batch"] == 3


def test_viewers_of_a_lost_run_are_told_and_follow_it_when_it_is_back(
    own_server: Server, runs: tuple[Run, Run]
) -> None:
    for run in runs:
        run.step(60)
    watchers = {run.id: Watcher.of(run) for run in runs}
    for watcher in watchers.values():
        watcher.follow(60)
    lost, other = lost_and_other(own_server, runs)
    watcher = watchers[lost.id]
    assert checked_error(watcher.event("error"))["code"] == "worker_lost"
    assert watcher.refusal({"type": "play"})["code"] == "worker_lost"
    assert watcher.command("reset")["batch"] == 0
    watcher.command("step", unit="batch", count=5)
    while watcher.series.length != 5:
        watcher.frame()
    assert watcher.series.columns["loss"] == lost.series()["loss"]
    other.step(1)
    watchers[other.id].follow(61)
    for watcher in watchers.values():
        watcher.close()


def test_a_lost_run_has_no_socket_until_it_is_back(
    own_server: Server, runs: tuple[Run, Run]
) -> None:
    lost, _ = lost_and_other(own_server, runs)
    lost.command("reset")
    with Watcher.of(lost) as watcher:
        assert watcher.hello["state"]["batch"] == 0


def test_the_last_worker_killed_is_replaced_too(tmp_path: Path) -> None:
    data_dir = keep_untrained_network(tmp_path)
    with running_server(data_dir, workers=1) as server:
        visitor = Visitor(server.address)
        run = visitor.make_run()
        kill_first_worker(server)
        wait_until(lambda: is_lost(run), what="the run to be lost")
        wait_until(lambda: visitor.http.get("/readyz").status_code == 200, what="a new worker")
        assert run.command("reset")["batch"] == 0
        assert visitor.make_run().step(2)["batch"] == 2
        visitor.close()


def test_a_server_that_is_stopped_says_goodbye_and_leaves_nothing_behind(
    own_server: Server, visitor: Visitor, runs: tuple[Run, Run]
) -> None:
    watchers = [Watcher.of(run) for run in runs]
    for watcher in watchers:
        watcher.send(type="look", views=["layer1.weights"], rate=60)
        watcher.command("play")
        watcher.follow(20)
    start = time.monotonic()
    own_server.process.send_signal(signal.SIGTERM)
    for watcher in watchers:
        error = checked_error(watcher.event("closing"))
        assert error["code"] == "server_stopping"
        with pytest.raises(ConnectionClosed) as raised:
            watcher.event("never")
        assert raised.value.rcvd is not None
        assert raised.value.rcvd.code == 1012  # the server restarts: come again
        watcher.close()
    own_server.wait()
    assert time.monotonic() - start < 5
    assert not any(map(is_running, own_server.worker_pids))
    assert "Traceback" not in own_server.output


def test_a_server_stops_in_time_though_a_viewer_does_not_read(
    own_server: Server, runs: tuple[Run, Run]
) -> None:
    silent = Watcher.of(runs[0], max_queue=1)
    silent.send(type="look", views=["layer1.weights", "layer1.weights.gradient"], rate=60)
    runs[0].command("play")
    runs[0].until(lambda state: state["batch"] > 100)
    start = time.monotonic()
    own_server.stop()
    assert time.monotonic() - start < 5
    assert not any(map(is_running, own_server.worker_pids))
    silent.drain()
    silent.close()


def test_a_server_stops_in_time_though_a_worker_is_busy(
    own_server: Server, runs: tuple[Run, Run]
) -> None:
    for run in runs:
        run.command("step", unit="epoch", count=1000)
    start = time.monotonic()
    own_server.stop()
    assert time.monotonic() - start < 5
    assert not any(map(is_running, own_server.worker_pids))


def test_workers_do_not_outlive_a_server_that_is_killed(
    own_server: Server, runs: tuple[Run, Run]
) -> None:
    runs[0].command("play")
    own_server.kill()
    wait_until(
        lambda: not any(map(is_running, own_server.worker_pids)),
        what="the workers to end by themselves",
    )


def test_control_c_stops_the_whole_group_in_good_order(tmp_path: Path) -> None:
    with running_server(keep_untrained_network(tmp_path), own_group=True) as server:
        os.killpg(server.process.pid, signal.SIGINT)
        server.wait()
        assert not any(map(is_running, server.worker_pids))
        assert "Traceback" not in server.output
        assert "worker lost" not in server.output
