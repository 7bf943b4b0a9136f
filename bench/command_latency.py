"""How soon a command is answered while a run trains at full speed and streams to two viewers.

Starts a server, the example network at full speed, and two viewers in processes of their own that
look at the loop, the first layer's weights and their gradient at 30 frames a second and
acknowledge each frame as it comes. Then asks, at random moments, over REST and on a socket.
`python -m bench.command_latency --write` renews the table beside this file.
"""

import argparse
import itertools
import json
import multiprocessing
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import httpx2
from websockets.sync.client import ClientConnection, connect

VIEWS = ["loop", "layer1.weights", "layer1.weights.gradient"]
RATE = 30
VIEWERS = 2
TARGET_MS = {"median": 50.0, "p99": 150.0}
TABLE = Path(__file__).with_suffix(".md")

Command = Callable[[dict[str, Any]], None]


def open_socket(address: str, run_id: str, key: str | None = None) -> ClientConnection:
    """A viewer's socket, after its hello."""
    socket = connect(
        f"{address.replace('http', 'ws', 1)}/ws/runs/{run_id}",
        additional_headers={"authorization": f"Bearer {key}"} if key else {},
        compression=None,
        proxy=None,
        max_size=None,
        legacy=True,
    )
    socket.recv()
    return socket


def view(address: str, run_id: str, stop: Event, frames: Any) -> None:
    """Watch as a page does, and count the frames."""
    socket = open_socket(address, run_id)
    socket.send(json.dumps({"type": "look", "views": VIEWS, "rate": RATE}))
    while not stop.is_set():
        data = socket.recv()
        if isinstance(data, str):
            continue
        length = int.from_bytes(data[:8], "little")
        about = json.loads(data[8 : 8 + length])["__metadata__"]
        if about["view"] == "series":
            socket.send(json.dumps({"type": "ack", "frame": int(about["frame"])}))
            frames.value += 1
    socket.close()


def over_rest(http: httpx2.Client, run: dict[str, Any]) -> Command:
    """Commands as a script sends them."""
    headers = {"authorization": f"Bearer {run['key']}"}

    def send(command: dict[str, Any]) -> None:
        path = f"/api/runs/{run['id']}/commands"
        http.post(path, json=command, headers=headers).raise_for_status()

    return send


def on_socket(socket: ClientConnection) -> Command:
    """Commands as the page sends them, on a socket that gets the series as well."""
    numbers = itertools.count()

    def send(command: dict[str, Any]) -> None:
        number = next(numbers)
        socket.send(json.dumps({**command, "id": number}))
        while True:
            data = socket.recv()
            if isinstance(data, bytes):
                length = int.from_bytes(data[:8], "little")
                frame = int(json.loads(data[8 : 8 + length])["__metadata__"]["frame"])
                socket.send(json.dumps({"type": "ack", "frame": frame}))
            elif json.loads(data).get("id") == number:
                return

    return send


def measure(send: Command, commands: int) -> list[float]:
    """Milliseconds until the answer, of commands sent at random moments."""
    moments = random.Random(0)
    taken = []
    for number in range(commands):
        time.sleep(moments.uniform(0.01, 0.04))
        command: dict[str, Any] = {"type": "set", "speed": None}
        if number % 10 == 0:
            command["learning_rate"] = 0.001 + number * 1e-6
        start = time.perf_counter()
        send(command)
        taken.append(1000 * (time.perf_counter() - start))
    return taken


def start_server(data_dir: Path) -> tuple[subprocess.Popen[str], str]:
    """`descent serve` on a free port, and its address."""
    command = [str(Path(sys.executable).with_name("descent")), "serve", "--port", "0", "--no-open"]
    log = (data_dir / "server.log").open("w+", encoding="utf-8")
    with log:
        process = subprocess.Popen(
            [*command, "--data-dir", str(data_dir)],
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    while not (printed := Path(log.name).read_text(encoding="utf-8")).endswith("\n"):
        time.sleep(0.05)
    return process, printed.split()[3].rstrip("/")


def run_bench(address: str, commands: int) -> tuple[dict[str, list[float]], str]:
    """Answer times by the way a command took, and what went on meanwhile."""
    http = httpx2.Client(base_url=address, timeout=60)
    print("waiting for the default network, which a first start trains")
    while not http.get("/api/classify").json()["ready"]:
        time.sleep(0.5)
    run = http.post("/api/runs").json()
    rest = over_rest(http, run)
    context = multiprocessing.get_context("spawn")
    stop, frames = context.Event(), [context.Value("i", 0) for _ in range(VIEWERS)]
    viewers = [
        context.Process(target=view, args=(address, run["id"], stop, count)) for count in frames
    ]
    for viewer in viewers:
        viewer.start()
    socket = open_socket(address, run["id"], run["key"])
    socket.send(json.dumps({"type": "look", "views": [], "rate": 1}))
    while not all(count.value for count in frames):
        time.sleep(0.05)
    rest({"type": "play"})
    time.sleep(1)
    before, start = http.get(f"/api/runs/{run['id']}").json()["batch"], time.perf_counter()
    seen = [count.value for count in frames]
    taken = {
        "REST": measure(rest, commands),
        "socket": measure(on_socket(socket), commands),
    }
    seconds = time.perf_counter() - start
    batches = http.get(f"/api/runs/{run['id']}").json()["batch"] - before
    shown = [(count.value - at) / seconds for count, at in zip(frames, seen, strict=True)]
    stop.set()
    for viewer in viewers:
        viewer.join()
    socket.close()
    http.close()
    rates = ", ".join(f"{rate:.0f}" for rate in shown)
    return taken, f"{batches / seconds:.0f} batches/s, viewers at {rates} frames/s"


def table(taken: dict[str, list[float]], meanwhile: str, commands: int, load: float) -> str:
    """The figures in Markdown."""
    rows = [
        f"| {way} | {statistics.median(times):.1f} | {percentile(times, 99):.1f} "
        f"| {max(times):.1f} |"
        for way, times in taken.items()
    ]
    about = (
        "Milliseconds from sending a command to its answer, while the example network trains at "
        f"full speed and streams to {VIEWERS} viewers ({', '.join(VIEWS)}, {RATE} frames a second, "
        f"acknowledged at once). {commands} commands each way, at random moments. Meanwhile: "
        f"{meanwhile}. {os.cpu_count()} cores, load average {load:.1f} before the "
        f"start, Python {platform.python_version()}. "
        'Renew with `make bench NAME=command_latency ARGS="--write"`.'
    )
    head = ["# Command latency", "", about, ""]
    columns = ["| way | median | p99 | longest |", "| --- | ---: | ---: | ---: |"]
    target = f"| target | {TARGET_MS['median']:.0f} | {TARGET_MS['p99']:.0f} | |"
    return "\n".join([*head, *columns, *rows, target, ""])


def percentile(times: list[float], percent: int) -> float:
    """The value that `percent` of the times do not exceed."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def main() -> None:
    """Measure, print, and say whether the targets are met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--commands", type=int, default=500, help="commands each way")
    parser.add_argument("--write", action="store_true", help=f"write {TABLE.name}")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        process, address = start_server(Path(folder))
        try:
            taken, meanwhile = run_bench(address, options.commands)
        finally:
            process.terminate()
            process.wait()
    report = table(taken, meanwhile, options.commands, load)
    print(report)
    if options.write:
        TABLE.write_text(report, encoding="utf-8")
    every = [time for times in taken.values() for time in times]
    if statistics.median(every) > TARGET_MS["median"] or percentile(every, 99) > TARGET_MS["p99"]:
        sys.exit("slower than the targets")


if __name__ == "__main__":
    main()
