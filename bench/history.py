"""How long it takes to go back, forward, and to come back after a killed worker or server.

    PYTHONPATH=. .venv/bin/python bench/history.py [--write]

The example network, 5 epochs. `--write` also writes the table to bench/history.md. Ends with an
error where a seek takes more than 1 s, or a return more than 2 s, at the median.
"""

import argparse
import os
import platform
import re
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from app.config import RunConfig
from tests.support.client import Run, Visitor
from tests.support.server import Server, keep_untrained_network, running_server

REPORT = Path(__file__).with_suffix(".md")
BATCHES = 5 * 469
# From where to where, as in a lesson: far back, forward again, around checkpoints and epochs.
JOURNEYS = [(2300, 137), (137, 2300), (2300, 1), (1, 2345), (2345, 2344), (2344, 469), (469, 1407)]
TIMES = 5
ALLOWED_S = {"seek": 1.0, "worker": 2.0}


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


def row(what: str, times: Iterable[float]) -> str:
    """A row of the table."""
    found = sorted(times)
    return f"| {what} | {statistics.median(found):.2f} | {found[0]:.2f} | {found[-1]:.2f} |"


def main() -> int:
    """Print the table, or write it; the exit status."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--write", action="store_true")
    write = options.parse_args().write
    rows, worst_seek, kills = [], 0.0, []
    with tempfile.TemporaryDirectory() as folder:
        data_dir = keep_untrained_network(Path(folder))
        with running_server(data_dir) as server:
            visitor = Visitor(server.address)
            run = visitor.make_run(**RunConfig().settings())
            run.step(BATCHES)
            for start, end in JOURNEYS:
                times = []
                for _ in range(TIMES):
                    seek(run, start)
                    times.append(seconds(lambda end=end: seek(run, end)))  # type: ignore[misc]
                worst_seek = max(worst_seek, statistics.median(times))
                rows.append(row(f"seek from batch {start} to {end}", times))
            kept = sum(path.stat().st_size for path in (data_dir / "runs" / run.id).iterdir())
            seek(run, BATCHES)
            run.command("play")
            for _ in range(TIMES):
                before = run.state()["batch"]
                run.until(lambda state, b=before: state["batch"] > b + 130, what="it to play")  # type: ignore[misc]
                os.kill(host_of_the_run(visitor, server), signal.SIGKILL)
                kills.append(
                    seconds(lambda: run.until(lambda state: state["restored"] is not None))
                )
                run.command("play")
            rows.append(row("a playing run's worker killed, until it answers again", kills))
            run.command("pause")
            batch = run.state()["batch"]
        with running_server(data_dir) as server:
            visitor = Visitor(server.address)
            run.http = visitor.http
            stop = seconds(lambda: run.until(lambda state: state["batch"] == batch))
            rows.append(row("a server started again, until the run is where it was", [stop]))
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    text = "\n".join(
        [
            f"The example network, {BATCHES:,} batches; {machine}; {TIMES} times each; seconds.",
            "",
            "| what | median | least | most |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
            f"Checkpoints of these {BATCHES:,} batches: {kept / 1e6:.0f} MB on disk.",
        ]
    )
    print(text)
    if write:
        REPORT.write_text(text + "\n", encoding="utf-8")
    too_slow = worst_seek > ALLOWED_S["seek"] or statistics.median(kills) > ALLOWED_S["worker"]
    return 1 if too_slow else 0


if __name__ == "__main__":
    sys.exit(main())
