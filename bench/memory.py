"""What the server holds over ten minutes, with ten runs and ten viewers."""

import math
import time

import numpy as np

from app.config import RunConfig
from bench.many_runs import memory_mb
from bench.server import serving, watching_all

RUNS = 10
MINUTES = 10
# Until buffers, plans and caches have all been used once.
WARM_UP_S = 60.0


def section() -> str:
    """The table as Markdown."""
    with serving() as (server, visitor):
        if math.isnan(memory_mb(server)):
            return "Left out: this system does not tell what a process holds by itself."
        runs = [visitor.make_run(**RunConfig().settings() | {"seed": n}) for n in range(RUNS)]
        for run in runs:
            run.command("play")
        with watching_all(runs):
            time.sleep(WARM_UP_S)
            held = [memory_mb(server, whole=True)]
            start = sum(run.state()["batch"] for run in runs)
            for _ in range(MINUTES):
                time.sleep(60)
                held.append(memory_mb(server, whole=True))
            batches = sum(run.state()["batch"] for run in runs) - start
    slope = float(np.polyfit(range(len(held)), held, 1)[0])
    minutes = " | ".join(str(minute) for minute in range(MINUTES + 1))
    figures = " | ".join(f"{megabytes:.0f}" for megabytes in held)
    lines = [
        f"{RUNS} runs of the example network at full speed, each with a viewer at 30 frames/s; the",
        "server's processes together, pages that are shared not counted.",
        "",
        f"| minute | {minutes} |",
        f"| --- |{' ---: |' * (MINUTES + 1)}",
        f"| MB | {figures} |",
        "",
        f"A straight line through them rises by {slope:+.2f} MB a minute; {batches:,} batches were",
        "trained meanwhile.",
    ]
    return "\n".join(lines)
