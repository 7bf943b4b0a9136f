"""Many runs at once: how fast they are together, how evenly they share, what each takes up."""

import time
from pathlib import Path

from app.config import RunConfig
from bench.server import batches_a_second, serving
from tests.support.client import Run
from tests.support.server import Server

FEW, MANY = 2, 32
# Some epochs of the slowest: the ends of them are measured, of all runs at about the same time.
ROUNDS = 20
SECONDS = 3.0
WARM_UP_S = 5.0


def memory_mb(server: Server, *, whole: bool = False) -> float:
    """What the living workers hold by themselves, shared pages not counted; or the whole server."""
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
    rows, totals = [], []
    with serving() as (server, visitor):
        runs: list[Run] = []
        empty = memory_mb(server)
        for count in (FEW, MANY):
            while len(runs) < count:
                runs.append(visitor.make_run(**RunConfig().settings() | {"seed": len(runs)}))
                runs[-1].command("play")
            time.sleep(WARM_UP_S)
            rounds = [batches_a_second(runs, SECONDS) for _ in range(ROUNDS)]
            rates = [sum(of_one) / ROUNDS for of_one in zip(*rounds, strict=True)]
            totals.append(sum(rates))
            each = (memory_mb(server) - empty) / count
            share = max(rates) / min(rates)
            rows.append(f"| {count} | {sum(rates):.0f} | {share:.2f} | {each:.1f} |")
    lines = [
        f"Runs of the example network at full speed; means over {ROUNDS * SECONDS:.0f} s. Memory:",
        "what the workers hold more than before, by the number of runs.",
        "",
        "| runs | batches/s in all | largest / smallest share | MB a run |",
        "| --- | --- | --- | --- |",
        *rows,
        "| at least, at most | | 1.5 | 12 |",
        "",
        f"{MANY} runs in all reach {totals[1] / totals[0]:.1%} of the batches/s of {FEW}; at least",
        "95 %.",
    ]
    return "\n".join(lines)
