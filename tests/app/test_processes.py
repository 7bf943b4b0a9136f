"""Workers that die, servers that stop: what is left works, and nothing is left behind."""

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from app.config import RunConfig
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
    data_dir = keep_untrained_network(tmp_path / "data")
    with running_server(data_dir, env={"APP_THREADS": "3"}) as server:
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


def test_the_runs_of_the_other_worker_do_not_notice(
    own_server: Server, visitor: Visitor, runs: tuple[Run, Run]
) -> None:
    for run in runs:
        run.command("play")
    kill_first_worker(own_server)
    wait_until(lambda: len(own_server.worker_pids) == 3, what="another worker")
    for run in runs:
        before = run.state()["batch"]
        run.until(lambda state: state["batch"] > before + 20, what="the run to go on")  # noqa: B023
    assert [run.state()["restored"] is None for run in runs].count(True) == 1
    assert visitor.http.get("/healthz").status_code == 200
    assert visitor.http.get("/readyz").status_code == 200


def test_a_lost_run_that_was_at_rest_is_brought_back_when_it_is_asked_for(
    own_server: Server, visitor: Visitor, runs: tuple[Run, Run]
) -> None:
    def hosted() -> int:
        return sum(worker["runs"] for worker in visitor.http.get("/readyz").json()["workers"])

    moving, resting = runs[0], visitor.make_run()
    batch = moving.command("play")["batch"]
    resting.step(3)
    kill_first_worker(own_server)
    wait_until(lambda: len(own_server.worker_pids) == 3, what="another worker")
    moving.until(lambda state: state["batch"] > batch + 20, what="the run to go on")
    assert hosted() == 2
    state = resting.state()
    assert (state["batch"], state["restored"]["reason"]) == (3, "worker_lost")
    assert hosted() == 3


def test_a_lost_run_is_back_before_its_new_neighbour_goes_on(tmp_path: Path) -> None:
    batches = 1500
    data_dir = keep_untrained_network(tmp_path)
    env = {"APP_HISTORY_MB": "0"}  # no checkpoint: all of it has to be computed again
    with (
        running_server(data_dir, env=env) as server,
        contextlib.closing(Visitor(server.address)) as visitor,
    ):
        lost, neighbour = visitor.make_run(), visitor.make_run()
        lost.step(batches)
        for run in (lost, neighbour):
            run.command("play")
        before = neighbour.until(lambda state: state["batch"] > 20)["batch"]
        kill_first_worker(server)
        state = lost.state()  # waits until it is back
        gained = neighbour.state()["batch"] - before
        assert state["restored"]["reason"] == "worker_lost"
        assert state["batch"] >= batches
        assert gained < batches / 2  # as many as were computed again, if they took turns


def test_a_new_run_works_at_once_after_a_worker_was_killed(
    own_server: Server, visitor: Visitor, runs: tuple[Run, Run]
) -> None:
    kill_first_worker(own_server)
    new = [visitor.make_run() for _ in range(3)]
    assert [run.step(2)["batch"] for run in new] == [2, 2, 2]


def test_a_run_that_is_alone_may_use_more_threads(visitor: Visitor, runs: tuple[Run, Run]) -> None:
    def threads() -> list[int]:
        return sorted(worker["threads"] for worker in visitor.http.get("/readyz").json()["workers"])

    runs[0].command("play")
    wait_until(lambda: threads() == [1, 3], what="the lone run to get them all")
    runs[1].command("play")
    wait_until(lambda: threads() == [1, 1], what="the two to share")
    runs[0].command("pause")
    wait_until(lambda: threads() == [1, 3], what="the other to get them all")
    runs[1].command("set", speed=1)
    wait_until(lambda: threads() == [1, 1], what="a slow run to leave the cores alone")


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


def test_viewers_of_a_lost_run_follow_it_on(own_server: Server, runs: tuple[Run, Run]) -> None:
    for run in runs:
        run.step(60)
    with contextlib.ExitStack() as stack:
        watchers = [stack.enter_context(Watcher.of(run)) for run in runs]
        for watcher in watchers:
            watcher.follow(60)
        kill_first_worker(own_server)
        wait_until(lambda: len(own_server.worker_pids) == 3, what="another worker")
        for run, watcher in zip(runs, watchers, strict=True):
            watcher.send(type="look", views=["layer1.weights"], rate=30)
            watcher.command("step", unit="batch", count=5)
            watcher.follow(65)
            assert watcher.series.columns["loss"] == run.series()["loss"]


def test_the_last_worker_killed_is_replaced_too(tmp_path: Path) -> None:
    data_dir = keep_untrained_network(tmp_path)
    with running_server(data_dir, workers=1) as server:
        visitor = Visitor(server.address)
        run = visitor.make_run()
        kill_first_worker(server)
        wait_until(lambda: len(server.worker_pids) == 2, what="a new worker")
        assert run.step(3)["batch"] == 3
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


def test_who_waits_for_an_answer_when_a_server_stops_is_told(
    own_server: Server, visitor: Visitor, runs: tuple[Run, Run]
) -> None:
    workers = own_server.worker_pids
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(visitor.http.get, f"/api/runs/{runs[0].id}")
        time.sleep(0.3)  # it is on its way
        own_server.process.send_signal(signal.SIGTERM)
        error_of(asked.result(), 503, "server_stopping")
    for pid in workers:
        os.kill(pid, signal.SIGCONT)
    own_server.wait()
    assert "Traceback" not in own_server.output


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


def helpers_of(server: Server) -> list[int]:
    """The helper processes of the workers."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            parent = int(file.read_text().rpartition(")")[2].split()[1])
            if parent in server.worker_pids:
                found.append(int(file.parent.name))
    return found


def goes_on(run: Run) -> None:
    """Wait for some more batches."""
    batch = run.state()["batch"]
    run.until(lambda state: state["batch"] > batch + 200, what="the run to go on")


def test_a_run_goes_on_as_it_would_have_when_a_helper_is_killed(
    own_server: Server, visitor: Visitor
) -> None:
    run = visitor.make_run(**RunConfig().settings())  # large enough to be shared
    run.command("play")
    for _ in range(20):
        wait_until(lambda: bool(helpers_of(own_server)), what="a helper")
        helpers = helpers_of(own_server)
        time.sleep(0.5)  # now it helps; that it is killed amid its calls is likely, not certain
        for pid in helpers:
            os.kill(pid, signal.SIGKILL)
        goes_on(run)
        if "HelperLostError" in own_server.output:
            break
    run.command("pause")
    assert "HelperLostError" in own_server.output
    batch = run.state()["batch"]
    undisturbed = visitor.make_run(**RunConfig().settings())
    undisturbed.step(batch)
    assert run.series()["loss"] == undisturbed.series()["loss"]
    weights = [one.tensor("layer1.weights") for one in (run, undisturbed)]
    assert weights[0].tobytes() == weights[1].tobytes()


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="needs glibc")
def test_what_many_runs_have_held_goes_back_once_they_are_deleted(tmp_path: Path) -> None:
    with (
        running_server(keep_untrained_network(tmp_path / "data"), workers=1) as server,
        contextlib.closing(Visitor(server.address)) as visitor,
    ):
        before = private_bytes(server.worker_pids[0])
        runs = [visitor.make_run(layers=RunConfig().settings()["layers"]) for _ in range(16)]
        for run in runs:
            run.step(2)
        held = private_bytes(server.worker_pids[0]) - before
        for run in runs:
            visitor.http.delete(run.path)
        wait_until(
            lambda: private_bytes(server.worker_pids[0]) - before < held / 3,
            what="a worker without runs to be small",
        )


def private_bytes(pid: int) -> int:
    """The memory that a process has for itself."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return 1024 * sum(int(line.split()[1]) for line in rollup if line.startswith("Private_"))
