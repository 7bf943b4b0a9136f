"""How soon a command is answered while a run trains at full speed and streams to two viewers."""

import itertools
import json
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

from websockets.sync.client import ClientConnection

from app.config import RunConfig
from bench.server import RATE, VIEWS, acknowledge, open_socket, serving, watching
from tests.support.client import Run

COMMANDS = 500
TARGET_MS = {"median": 50, "p99": 150}

Command = Callable[[dict[str, Any]], None]


def on_socket(socket: ClientConnection) -> Command:
    """Commands as the page sends them, on a socket that gets the series as well."""
    numbers = itertools.count()

    def send(command: dict[str, Any]) -> None:
        number = next(numbers)
        socket.send(json.dumps({**command, "id": number}))
        while True:
            data = socket.recv()
            if isinstance(data, bytes):
                acknowledge(socket, data)
            elif json.loads(data).get("id") == number:
                return

    return send


def milliseconds(send: Command) -> list[float]:
    """How long each of many commands takes to be answered, sent at random moments."""
    moments = random.Random(0)
    taken = []
    for number in range(COMMANDS):
        time.sleep(moments.uniform(0.01, 0.04))
        command: dict[str, Any] = {"type": "set", "speed": None}
        if number % 10 == 0:
            command["learning_rate"] = 0.001 + number * 1e-6
        start = time.perf_counter()
        send(command)
        taken.append(1000 * (time.perf_counter() - start))
    return taken


def over_rest(run: Run) -> Command:
    """Commands as a script sends them."""

    def send(command: dict[str, Any]) -> None:
        run.post(command).raise_for_status()

    return send


def row(way: str, taken: list[float]) -> str:
    """A row of the table."""
    ordered = sorted(taken)
    p99 = ordered[len(ordered) * 99 // 100]
    return f"| {way} | {statistics.median(ordered):.1f} | {p99:.1f} | {ordered[-1]:.1f} |"


def section() -> str:
    """The table as Markdown."""
    with serving() as (_, visitor):
        run = visitor.make_run(**RunConfig().settings())
        run.command("play")
        with watching(run) as first, watching(run) as second:
            before, start = run.state()["batch"], time.perf_counter()
            seen = [first.frames, second.frames]
            rest = milliseconds(over_rest(run))
            socket = open_socket(run)
            socket.send(json.dumps({"type": "look", "views": [], "rate": 1}))
            on_the_socket = milliseconds(on_socket(socket))
            socket.close()
            elapsed = time.perf_counter() - start
            rate = (run.state()["batch"] - before) / elapsed
            frames = [
                f"{(viewer.frames - at) / elapsed:.0f}"
                for viewer, at in zip((first, second), seen, strict=True)
            ]
    lines = [
        "Milliseconds from sending a command to its answer, while the example network trains at",
        f"full speed and streams to two viewers ({', '.join(VIEWS)}, {RATE} frames a second,",
        f"acknowledged at once). {COMMANDS} commands each way, at random moments. Meanwhile:",
        f"{rate:.0f} batches/s, viewers at {' and '.join(frames)} frames/s.",
        "",
        "| way | median | p99 | longest |",
        "| --- | ---: | ---: | ---: |",
        row("REST", rest),
        row("socket", on_the_socket),
        f"| at most | {TARGET_MS['median']} | {TARGET_MS['p99']} | |",
    ]
    return "\n".join(lines)
