"""The engine beside PyTorch, Keras, JAX and scikit-learn on the same work, taking turns.

Every trainer lives in a process of its own (`bench/rivals.py`) and trains one epoch when it is its
turn: a machine that is slower for a while is slower for all. The figures are medians over the
rounds, and medians of the ratios within a round. A rival that cannot run here, or that ends before
the last round, is left out, and the table says so.

`python -m bench.training --rounds 3 --only jax_scan` is a quick look, written nowhere.
"""

import argparse
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench import picture
from bench.environment import ROOT, python_of_rivals
from bench.machine import machine
from bench.results import last_line
from engine import load_mnist

BATCH = 128
ROUNDS = 15
# After its turn a rival's threads may spin for a moment, waiting for more.
PAUSE_SECONDS = 0.3
# When the accuracy is measured: as often as the example is trained.
EPOCHS = 5


@dataclass
class Rival:
    """One line of the table: what runs, in which Python, and the seconds of its epochs."""

    label: str
    name: str
    threads: int
    target: float | None = None  # what their time is to be by ours, at least
    own: bool = False  # runs in the project's environment
    seconds: list[float] = field(default_factory=list)
    accuracy: float = math.nan
    missing: str = ""  # why it is left out
    process: "subprocess.Popen[str] | None" = None
    said: Path = Path(os.devnull)

    def start(self, python: Path, data: Path) -> None:
        """Start the process and wait for its first, untimed epoch."""
        one = {"OPENBLAS_NUM_THREADS": "1"} if self.name == "products" else {}
        # A file takes whatever a rival has to say; a pipe that nobody reads would fill up.
        self.said = data.with_name(f"{self.name}-{self.threads}.log")
        with self.said.open("w") as log:
            self.process = subprocess.Popen(
                [python, "-m", "bench.rivals", self.name, str(self.threads), data],
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT)} | one,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        if not self._answer().startswith("ready"):
            self._leave_out()

    def train(self) -> None:
        """One epoch; after the fifth, with the untimed first, its accuracy."""
        if self.process is None:
            return
        try:
            self.seconds.append(self._ask("epoch")["seconds"])
            if len(self.seconds) == EPOCHS - 1:
                self.accuracy = self._ask("accuracy")["accuracy"]
        except (BrokenPipeError, json.JSONDecodeError):  # it has ended
            self._leave_out()

    def stop(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.communicate()

    def _leave_out(self) -> None:
        self.stop()
        self.process, self.missing = None, last_line(self.said.read_text())
        if self.own:
            sys.exit(f"expected {self.label} to run, got: {self.missing}")

    def _ask(self, line: str) -> dict[str, float]:
        if self.process is None or self.process.stdin is None:
            raise RuntimeError(f"{self.name} does not run")
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        answer: dict[str, float] = json.loads(self._answer())
        return answer

    def _answer(self) -> str:
        return self.process.stdout.readline() if self.process and self.process.stdout else ""


def rivals() -> list[Rival]:
    """Everybody, ours first. The targets are ratios that no change may bring us below."""
    return [
        Rival("ours, `fit`, 2 threads", "ours", 2, own=True),
        Rival("ours, `fit`, 1 thread", "ours", 1, own=True),
        Rival("matrix products alone, 2 cores", "products", 2, own=True),
        Rival("JAX, an epoch in one `lax.scan`", "jax_scan", 2, 1.15),
        Rival("Keras on JAX, `fit`", "keras_jax", 2, 1.5),
        Rival("torch.compile", "torch_compile", 2, 1.5),
        Rival("PyTorch, 2 threads", "torch_eager", 2, 1.8),
        Rival("PyTorch, 1 thread", "torch_eager", 1, 1.8),
        Rival("Keras on PyTorch, `fit`", "keras_torch", 2, 2.8),
        Rival("scikit-learn (Adam)", "scikit_learn", 2, 2.8),
    ]


def take_turns(rounds: int, samples: int, only: Collection[str] = ()) -> list[Rival]:
    """All who take part, ours first, with the times of their epochs; one that cannot has none."""
    python = python_of_rivals()
    taking_part = [one for one in rivals() if not only or one.name == "ours" or one.name in only]
    (x, y), (test_x, test_y) = load_mnist()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "mnist.npz"
        np.savez(data, x=x[:samples], y=y[:samples], test_x=test_x, test_y=test_y)
        try:
            for rival in taking_part:
                print(f"starting {rival.label}", flush=True)
                rival.start(Path(sys.executable) if rival.own else python, data)
            order = random.Random(0)
            for number in range(1, rounds + 1):
                # In another order each time: none always follows the same.
                for rival in order.sample(taking_part, len(taking_part)):
                    rival.train()
                    time.sleep(PAUSE_SECONDS)
                print(f"round {number} of {rounds}", flush=True)
        finally:
            for rival in taking_part:
                rival.stop()
    return taking_part


def table(taking_part: list[Rival], samples: int) -> str:
    """The figures as Markdown."""
    ours = taking_part[0]
    lines = [
        "784 → 512 relu → 10 softmax on MNIST, RMSprop (scikit-learn: Adam), float32, batches of",
        f"{BATCH}, epochs of {samples:,} samples, the loss of every batch computed. In turns, an",
        f"epoch each, {len(ours.seconds)} rounds. Medians; spreads from the 10th to the 90th",
        "percentile. The ratio is their time by ours on 2 threads in the same round: above 1 is",
        f"slower than ours. Accuracy: on the 10,000 test images after {EPOCHS} epochs.",
        "",
        "| | ms a batch | spread | ratio | spread | at least | accuracy, % |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for rival in taking_part:
        if rival.missing:
            lines.append(f"| {rival.label} | left out: {rival.missing} | | | | | |")
            continue
        batch = [1000 * seconds for seconds in _batch_seconds(rival, samples)]
        ratios = _ratios(rival, ours)
        target = "" if rival.target is None else f"{rival.target:g}"
        measured = rival.name != "products" and not math.isnan(rival.accuracy)
        accuracy = f"{100 * rival.accuracy:.2f}" if measured else ""
        lines.append(
            f"| {rival.label} | {statistics.median(batch):.2f} | {_spread(batch)} "
            f"| {statistics.median(ratios):.2f} | {_spread(ratios)} | {target} | {accuracy} |"
        )
    lines += [
        "",
        "“Matrix products alone” are the five products of a batch over all 784 inputs, half of the",
        "units on each core, nothing shared and nothing else computed. Ours leaves out the inputs",
        "that are off in the whole batch.",
    ]
    return "\n".join(lines)


def draw(taking_part: list[Rival], samples: int) -> str:
    """The table as a picture, an SVG: the median time of a batch, and its spread."""
    bars = []
    for rival in taking_part:
        if not rival.missing:
            batch = [1000 * seconds for seconds in _batch_seconds(rival, samples)]
            low, high = np.quantile(batch, (0.1, 0.9))
            ratio = statistics.median(_ratios(rival, taking_part[0]))
            bars.append(
                picture.Bar(
                    label=rival.label.replace("`", ""),
                    value=statistics.median(batch),
                    low=float(low),
                    high=float(high),
                    note=f"{ratio:.2f} ×",
                    kind=rival.name if rival.name in ("ours", "products") else "other",
                )
            )
    return picture.draw(bars, title="Milliseconds a batch, and their time by ours", unit="ms")


def section() -> str:
    """The section of bench/results.md; draws its picture beside it."""
    samples = 60_000
    taking_part = take_turns(ROUNDS, samples)
    picture.FILE.write_text(draw(taking_part, samples), encoding="utf-8")
    image = f"![The medians of the table below, as bars]({picture.FILE.name})"
    return f"{image}\n\n{table(taking_part, samples)}"


def _batch_seconds(rival: Rival, samples: int) -> list[float]:
    batches = -(-samples // BATCH)
    return [seconds / batches for seconds in rival.seconds]


def _ratios(rival: Rival, ours: Rival) -> list[float]:
    return [theirs / own for theirs, own in zip(rival.seconds, ours.seconds, strict=True)]


def _spread(values: list[float]) -> str:
    low, high = np.quantile(values, (0.1, 0.9))
    return f"{low:.2f}–{high:.2f}"


def main() -> None:
    """Print the table of a run of one's own choice."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--samples", type=int, default=60_000, help="of an epoch")
    parser.add_argument("--only", nargs="*", default=[], help="names of rivals, ours apart")
    options = parser.parse_args()
    taking_part = take_turns(options.rounds, options.samples, options.only)
    print(f"\n{table(taking_part, options.samples)}\n\n{machine()}")


if __name__ == "__main__":
    main()
