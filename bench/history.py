"""How long it takes to go back, forward, and to come back after a killed worker or server."""

import os
import re
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from app.config import RunConfig
from tests.support.client import Run, Visitor
from tests.support.server import Server, keep_untrained_network, running_server

BATCHES = 5 * 469
# From where to where, as in a lesson: far back, forward again, around checkpoints and epochs.
JOURNEYS = [(2300, 137), (137, 2300), (2300, 1), (1, 2345), (2345, 2344), (2344, 469), (469, 1407)]
TIMES = 5
SEEK_S, RETURN_S = 1, 2  # what is allowed


def seconds(act: Callable[[], object]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def seek(run: Run, batch: int) -> None:
    """Go to a batch, and stay until it is there."""
    run.command("seek", batch=batch)
    run.until(lambda state: state["state"] == "paused" and state["batch"] == batch, what="it")


def host_of_the_run(visitor: Visitor, server: Server) -> int:
    """The process number of the worker that hosts the only run."""
    pids = dict(re.findall(r"worker started\s.*\bpid=(\d+) worker=(\d+)", server.output))
    newest = {number: int(pid) for pid, number in pids.items()}
    workers = visitor.http.get("/readyz").json()["workers"]
    return newest[str(next(worker["worker"] for worker in workers if worker["runs"]))]


def row(what: str, times: Iterable[float], allowed: float | None = None) -> str:
    """A row of the table."""
    found = sorted(times)
    least, most, at_most = found[0], found[-1], "" if allowed is None else f"{allowed:g}"
    return f"| {what} | {statistics.median(found):.2f} | {least:.2f} | {most:.2f} | {at_most} |"


def journeys(run: Run) -> list[str]:
    """Rows: from one batch to another."""
    rows = []
    for start, end in JOURNEYS:
        times = []
        for _ in range(TIMES):
            seek(run, start)
            times.append(seconds(lambda end=end: seek(run, end)))  # type: ignore[misc]
        rows.append(row(f"seek from batch {start} to {end}", times, SEEK_S))
    return rows


def deaths(run: Run, visitor: Visitor, server: Server) -> str:
    """A row: the worker of the run is killed as it plays."""
    seek(run, BATCHES)
    run.command("play")
    times = []
    for _ in range(TIMES):
        before = run.state()["batch"]
        run.until(lambda state, b=before: state["batch"] > b + 130, what="it to play")  # type: ignore[misc]
        os.kill(host_of_the_run(visitor, server), signal.SIGKILL)
        times.append(seconds(lambda: run.until(lambda state: state["restored"] is not None)))
        run.command("play")
    return row("a playing run's worker killed, until it answers again", times, RETURN_S)


def section() -> str:
    """The table as Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir = keep_untrained_network(Path(folder))
        with running_server(data_dir) as server:
            visitor = Visitor(server.address)
            run = visitor.make_run(**RunConfig().settings())
            run.step(BATCHES)
            rows = journeys(run)
            kept = sum(path.stat().st_size for path in (data_dir / "runs" / run.id).iterdir())
            rows.append(deaths(run, visitor, server))
            batch = run.command("pause")["batch"]
        with running_server(data_dir) as server:
            run.http = Visitor(server.address).http
            again = seconds(lambda: run.until(lambda state: state["batch"] == batch))
            rows.append(row("a server started again, until the run is where it was", [again]))
    lines = [
        f"The example network, {BATCHES:,} batches; seconds, {TIMES} times each, the last once.",
        f"The checkpoints of these batches take {kept / 1e6:.0f} MB of disk.",
        "",
        "| what | median | least | most | at most |",
        "| --- | --- | --- | --- | --- |",
        *rows,
    ]
    return "\n".join(lines)
