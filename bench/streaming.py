"""What being watched costs a run: its speed with a viewer against its speed without, in turns."""

import os
import statistics
import time

from app.config import RunConfig
from bench.server import RATE, batches_a_second, serving, watching

VIEWS = ("layer1.weights", "layer1.weights.gradient")
ROUNDS = 30
SECONDS = 1.0
WARM_UP_S = 2.0
TARGETS = {1: "98 %", 2: "95 %"}  # by the threads of the run, which never uses more than two


def row(threads: int) -> str:
    """A row: a run of so many threads."""
    ratios, seen = [], []
    with serving(APP_THREADS=str(threads)) as (_, visitor):
        run = visitor.make_run(**RunConfig().settings())
        run.command("play")
        time.sleep(WARM_UP_S)
        alone = batches_a_second([run], SECONDS)
        for _ in range(ROUNDS):
            with watching(run, VIEWS) as viewer:
                time.sleep(0.3)
                first = viewer.frames
                (watched,) = batches_a_second([run], SECONDS)
                seen.append((viewer.frames - first) / SECONDS)
            alone += batches_a_second([run], SECONDS)
            ratios.append(watched / statistics.mean(alone[-2:]))  # just before and just after
    low, *_, high = statistics.quantiles(ratios, n=4)
    return (
        f"| {threads} | {statistics.median(alone):.0f} | {statistics.median(seen):.0f} | "
        f"{statistics.median(ratios):.1%} | {low:.1%} to {high:.1%} | "
        f"{TARGETS[threads]} |"
    )


def section() -> str:
    """The table as Markdown."""
    lines = [
        f"A run at full speed, watched by one viewer ({', '.join(VIEWS)}, {RATE} frames/s asked",
        f"for, acknowledged at once), against the same unwatched; {ROUNDS} turns of {SECONDS:g} s.",
        "Medians, and the middle half of the turns.",
        "The viewer runs on the same machine, in a process of its own.",
        "",
        "| threads | batches/s unwatched | frames/s | watched / unwatched | spread | at least |",
        "| --- | --- | --- | --- | --- | --- |",
        *(row(threads) for threads in TARGETS if threads <= (os.cpu_count() or 1)),
    ]
    return "\n".join(lines)
