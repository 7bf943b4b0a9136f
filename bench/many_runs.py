"""Many runs at once: how fast they are together, how evenly they share, what each takes up."""

import math
import time
from pathlib import Path

from app.config import RunConfig
from bench.server import batches_a_second, serving
from tests.support.client import Run
from tests.support.server import Server

FEW, MANY = 2, 32
# Some epochs of the slowest: the ends of them are measured, of all runs at about the same time.
ROUNDS = 12
SECONDS = 6.0
WARM_UP_S = 5.0
# A run that comes to rest is measured first; so long for thirty of them.
REST_S = 4.0
# Where Linux tells what a process holds.
OWN_ROLLUP = Path("/proc/self/smaps_rollup")


def memory_mb(server: Server, *, whole: bool = False) -> float:
    """What the living workers hold by themselves, shared pages not counted; or the whole server.

    NaN where the system does not tell: only Linux does.
    """
    if not OWN_ROLLUP.exists():
        return math.nan
    pids = [*server.worker_pids, *([server.process.pid] if whole else [])]
    total = 0
    for pid in pids:
        rollup = Path(f"/proc/{pid}/smaps_rollup")
        if rollup.exists():
            for line in rollup.read_text(encoding="ascii").splitlines():
                if line.startswith("Private_"):
                    total += int(line.split()[1])
    return total / 1024


def section() -> str:
    """The table as Markdown."""
    rounds: dict[int, list[list[float]]] = {FEW: [], MANY: []}
    each: dict[int, float] = {}
    with serving() as (server, visitor):
        empty = memory_mb(server)
        runs: list[Run] = []
        for count in (FEW, MANY):
            while len(runs) < count:
                runs.append(visitor.make_run(**RunConfig().settings() | {"seed": len(runs)}))
                runs[-1].command("play")
            time.sleep(WARM_UP_S)
            each[count] = (memory_mb(server) - empty) / count
        for _ in range(ROUNDS):
            for run in runs[FEW:]:
                run.command("pause")
            time.sleep(REST_S)
            rounds[FEW].append(batches_a_second(runs[:FEW], SECONDS))
            for run in runs[FEW:]:
                run.command("play")
            rounds[MANY].append(batches_a_second(runs, SECONDS))
        each[MANY] = max(each[MANY], (memory_mb(server) - empty) / MANY)
    rows, totals = [], {}
    for count, of_all in rounds.items():
        rates = [sum(of_one) / ROUNDS for of_one in zip(*of_all, strict=True)]
        totals[count] = sum(rates)
        share = max(rates) / min(rates)
        rows.append(f"| {count} | {totals[count]:.0f} | {share:.2f} | {each[count]:.1f} |")
    reached = totals[MANY] / totals[FEW]
    lines = [
        f"Runs of the example network at full speed: {FEW}, the others at rest, and all {MANY},",
        f"in {ROUNDS} turns of {SECONDS:g} s; means. Memory: what the workers hold more than",
        "before, by the number of runs, at its largest.",
        "",
        "| runs | batches/s in all | largest / smallest share | MB a run |",
        "| --- | --- | --- | --- |",
        *rows,
        "| at least, at most | | 1.5 | 12 |",
        "",
        f"{MANY} runs in all reach {reached:.1%} of the batches/s of {FEW}; at least 95 %.",
    ]
    return "\n".join(lines)
