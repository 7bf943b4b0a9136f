"""What the server costs: watching a run, many runs at once, reading drawn digits.

    make bench NAME=serving ARGS=--write

Everything runs on this machine, the viewers too. `--write` also writes bench/serving.md.
"""

import argparse
import io
import os
import platform
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2
from PIL import Image, ImageDraw

from app.config import RunConfig
from engine import Dense, Sequential
from tests.support.client import Run, Visitor
from tests.support.server import KEPT_NETWORK, Server, running_server
from tests.support.watcher import Watcher

REPORT = Path(__file__).with_suffix(".md")
ROUNDS = 7
SECONDS = 3.0
MANY = 32
READINGS = 400
READERS = 8
VIEWS = ["layer1.weights", "layer1.weights.gradient"]


@contextmanager
def serving(**env: str) -> Iterator[Server]:
    """A server on which nothing else goes on; its default network is the example, untrained."""
    network = Sequential([Dense(512, activation="relu"), Dense(10, activation="softmax")])
    network.build(784)
    with tempfile.TemporaryDirectory() as folder:
        network.save(Path(folder) / KEPT_NETWORK)
        with running_server(Path(folder), env={"APP_MAX_RUNS": "100", **env}) as server:
            visitor = Visitor(server.address)
            while not visitor.http.get("/api/classify").json()["ready"]:
                time.sleep(0.1)
            visitor.close()
            yield server


def rate(runs: list[Run]) -> list[float]:
    """Batches a second of each run, over `SECONDS`."""
    before = [run.state()["batch"] for run in runs]
    start = time.perf_counter()
    time.sleep(SECONDS)
    after = [run.state()["batch"] for run in runs]
    took = time.perf_counter() - start
    return [(b - a) / took for a, b in zip(before, after, strict=True)]


@contextmanager
def watching(run: Run) -> Iterator[list[int]]:
    """A viewer that takes what it looks at 30 times a second, acknowledging at once."""
    frames: list[int] = []
    watcher = Watcher.of(run)
    watcher.send(type="look", views=VIEWS, rate=30)
    stop = threading.Event()

    def follow() -> None:
        while not stop.is_set():
            frames.append(watcher.frame().number)

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        yield frames
    finally:
        stop.set()
        thread.join()
        watcher.close()


def streaming(threads: int) -> str:
    """A row: the speed of a run that is watched against the same unwatched, in turns."""
    ratios, alone, seen = [], [], []
    with serving(APP_THREADS=str(threads)) as server:
        visitor = Visitor(server.address)
        run = visitor.make_run(**RunConfig().settings())
        run.command("play")
        time.sleep(2)
        for _ in range(ROUNDS):
            (unwatched,) = rate([run])
            with watching(run) as frames:
                first = len(frames)
                (watched,) = rate([run])
                seen.append((len(frames) - first) / SECONDS)
            ratios.append(watched / unwatched)
            alone.append(unwatched)
        visitor.close()
    low, high = min(ratios), max(ratios)
    return (
        f"| {threads} | {statistics.median(alone):.0f} | {statistics.median(seen):.0f} | "
        f"{statistics.median(ratios):.1%} | {low:.1%} to {high:.1%} |"
    )


def memory_mb(server: Server) -> float:
    """What the workers hold by themselves, shared pages not counted."""
    total = 0
    for pid in server.worker_pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Private_"):
                total += int(line.split()[1])
    return total / 1024


def many_runs() -> list[str]:
    """Two rows: 2 runs and 32."""
    rows, totals = [], []
    with serving() as server:
        visitor = Visitor(server.address)
        runs: list[Run] = []
        empty = memory_mb(server)
        for count in (2, MANY):
            while len(runs) < count:
                runs.append(visitor.make_run(**RunConfig().settings() | {"seed": len(runs)}))
                runs[-1].command("play")
            time.sleep(5)
            rates = [sum(each) / ROUNDS for each in zip(*(rate(runs) for _ in range(ROUNDS)))]  # noqa: B905 - equal by construction
            totals.append(sum(rates))
            each = (memory_mb(server) - empty) / count
            share = max(rates) / min(rates)
            rows.append(f"| {count} | {sum(rates):.0f} | {share:.2f} | {each:.1f} |")
        visitor.close()
    rows.append(f"\n{MANY} runs in all reach {totals[1] / totals[0]:.1%} of the batches/s of 2.")
    return rows


def drawn_digit() -> bytes:
    """A PNG of 280 x 280 pixels."""
    image = Image.new("L", (280, 280), 255)
    ImageDraw.Draw(image).line([(90, 60), (190, 60), (120, 230)], fill=0, width=24)
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


def classify() -> str:
    """A row: the time for one reading, and how many a second for several readers at once."""
    png, headers = drawn_digit(), {"content-type": "image/png"}
    with serving() as server:

        def read(http: httpx2.Client) -> float:
            start = time.perf_counter()
            http.post("/api/classify", content=png, headers=headers).raise_for_status()
            return time.perf_counter() - start

        with httpx2.Client(base_url=server.address) as http:
            times = sorted(1000 * read(http) for _ in range(READINGS))

        def many(_: int) -> None:
            with httpx2.Client(base_url=server.address) as http:
                for _ in range(READINGS // READERS):
                    read(http)

        start = time.perf_counter()
        with ThreadPoolExecutor(READERS) as readers:
            list(readers.map(many, range(READERS)))
        a_second = READINGS / (time.perf_counter() - start)
    return (
        f"| {statistics.median(times):.1f} | {times[int(0.99 * READINGS)]:.1f} | {a_second:.0f} |"
    )


def main() -> None:
    """Print the tables, or write them."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--write", action="store_true")
    write = options.parse_args().write
    cores = os.cpu_count() or 1
    text = "\n".join(
        [
            (
                f"{cores} cores, {platform.machine()}, Python {platform.python_version()}. "
                "Viewers and readers run on the same machine and take their share of it."
            ),
            "",
            (
                f"A run at full speed, watched by one viewer ({', '.join(VIEWS)}, 30 frames/s "
                f"asked for), against the same unwatched; {ROUNDS} turns of {SECONDS:g} s."
            ),
            "",
            "| threads | batches/s unwatched | frames/s | watched / unwatched | spread |",
            "| --- | --- | --- | --- | --- |",
            *(streaming(threads) for threads in sorted({1, cores})),
            "",
            "Many runs of the example network at full speed.",
            "",
            "| runs | batches/s in all | largest / smallest share | MB a run |",
            "| --- | --- | --- | --- |",
            *many_runs(),
            "",
            f"A drawn digit of 280 x 280 pixels read by an idle server; {READERS} readers at once.",
            "",
            "| median, ms | p99, ms | readings/s |",
            "| --- | --- | --- |",
            classify(),
        ]
    )
    print(text)
    if write:
        REPORT.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
