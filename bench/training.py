"""The engine beside PyTorch, Keras, JAX and scikit-learn on the same work, taking turns.

Every trainer lives in a process of its own (`bench/rivals.py`) and trains one epoch when it is its
turn: a machine that is slower for a while is slower for all. The figures are medians over the
rounds, and medians of the ratios within a round. The rivals are installed into an environment of
their own, build/bench-env; one that cannot be is left out, and the table says so.
`python -m bench.training --write` renews the table beside this file.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from engine import Dense, Sequential, load_mnist

ROOT = Path(__file__).resolve().parent.parent
TABLE = Path(__file__).with_suffix(".md")
ENVIRONMENT = ROOT / "build" / "bench-env"
PACKAGES = ("torch==2.13.0", "jax", "keras", "scikit-learn")
BATCH = 128
# After its turn a rival's threads may spin for a moment, waiting for more.
PAUSE_SECONDS = 0.3


@dataclass
class Rival:
    """One line of the table: what runs, in which Python, and the seconds of its epochs."""

    label: str
    name: str
    threads: int
    target: float | None = None  # what our time is to be divided into, at least
    own: bool = False  # runs in the project's environment
    seconds: list[float] = field(default_factory=list)
    loss: float = float("nan")
    missing: str = ""
    process: "subprocess.Popen[str] | None" = None

    def start(self, python: Path, data: Path) -> None:
        """Start the process and wait for its first, untimed epoch."""
        one = {"OPENBLAS_NUM_THREADS": "1"} if self.name == "products" else {}
        # A file takes whatever a rival has to say; a pipe that nobody reads would fill up.
        said = data.with_name(f"{self.name}-{self.threads}.log")
        with said.open("w") as log:
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
            self.stop()
            self.process, self.missing = None, _last_line(said.read_text())
            if self.own:
                sys.exit(f"expected {self.label} to run, got: {self.missing}")

    def train(self) -> None:
        """One epoch."""
        if self.process is None or self.process.stdin is None:
            return
        self.process.stdin.write("epoch\n")
        self.process.stdin.flush()
        answer = json.loads(self._answer())
        self.seconds.append(answer["seconds"])
        self.loss = answer["loss"]

    def stop(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.communicate()

    def _answer(self) -> str:
        return self.process.stdout.readline() if self.process and self.process.stdout else ""


def rivals() -> list[Rival]:
    """Everybody, ours first. The targets are those of the project's fourth stage."""
    return [
        Rival("**ours, `fit`, 2 threads**", "ours", 2, own=True),
        Rival("**ours, `fit`, 1 thread**", "ours", 1, own=True),
        Rival("matrix products alone, 2 cores", "products", 2, own=True),
        Rival("JAX, an epoch in one `lax.scan`", "jax_scan", 2, 1.15),
        Rival("Keras on JAX, `fit`", "keras_jax", 2, 1.5),
        Rival("torch.compile", "torch_compile", 2, 1.5),
        Rival("PyTorch, 2 threads", "torch_eager", 2, 1.8),
        Rival("PyTorch, 1 thread", "torch_eager", 1),
        Rival("Keras on PyTorch, `fit`", "keras_torch", 2, 2.8),
        Rival("scikit-learn (Adam)", "scikit_learn", 2, 2.8),
    ]


def install(environment: Path) -> Path:
    """Make the environment, and install what is missing; returns its Python."""
    python = environment / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    for package in PACKAGES:
        name = package.partition("==")[0]
        known = subprocess.run(
            [python, "-m", "pip", "show", "--quiet", name], capture_output=True, check=False
        )
        if known.returncode:
            print(f"installing {package}", flush=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", package], check=False)
    return python


def accuracy_after(epochs: int) -> float:
    """Our accuracy on the test images."""
    train, test = load_mnist()
    network = Sequential([Dense(512, activation="relu"), Dense(10, activation="softmax")])
    network.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
    network.fit(*train, batch_size=128, epochs=epochs, verbose=0)
    figures = network.evaluate(*test, verbose=0)
    return figures[1] if isinstance(figures, list) else float("nan")


def table(all_of_them: list[Rival], samples: int, accuracy: float) -> str:
    """The figures as Markdown."""
    ours = all_of_them[0]
    lines = [
        "# The engine beside others",
        "",
        "784 → 512 relu → 10 softmax on MNIST, RMSprop (scikit-learn: Adam), float32, batches of",
        f"128, epochs of {samples:,} samples, the loss of every batch computed. In turns, an",
        "epoch each; medians of the rounds, spread from the 10th to the 90th percentile. The ratio",
        "is their time by ours on 2 threads in the same round: above 1 is slower than ours.",
        f"{platform.machine()}, {os.cpu_count()} cores, NumPy {np.__version__}, Python",
        f"{platform.python_version()}, {len(ours.seconds)} rounds, load {os.getloadavg()[0]:.1f}.",
        "",
        "| | ms a batch | spread | ratio | spread | at least | last epoch's loss |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for rival in all_of_them:
        if rival.missing:
            lines.append(f"| {rival.label} | left out: {rival.missing} | | | | | |")
            continue
        batch = [1000 * s / -(-samples // BATCH) for s in rival.seconds]
        ratios = [a / b for a, b in zip(rival.seconds, ours.seconds, strict=True)]
        target = "" if rival.target is None else f"{rival.target:g}"
        lines.append(
            f"| {rival.label} | {statistics.median(batch):.2f} | {_spread(batch)} "
            f"| {statistics.median(ratios):.2f} | {_spread(ratios)} | {target} "
            f"| {rival.loss:.4f} |"
        )
    lines += [
        "",
        "“Matrix products alone” are the five products of a batch over all 784 inputs, half of the",
        "units on each core, nothing shared and nothing else computed. Ours leaves out the inputs",
        "that are off in the whole batch.",
        "",
        f"Our accuracy on the test images after 5 epochs: {100 * accuracy:.2f} %.",
    ]
    return "\n".join(lines) + "\n"


def _spread(values: list[float]) -> str:
    low, high = np.quantile(values, (0.1, 0.9))
    return f"{low:.2f}–{high:.2f}"


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no answer"])[-1][:120]


def main() -> None:
    """Install, take turns, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--samples", type=int, default=60_000, help="of an epoch")
    parser.add_argument("--environment", type=Path, default=ENVIRONMENT)
    parser.add_argument("--only", nargs="*", default=[], help="names of rivals, ours apart")
    parser.add_argument("--write", action="store_true", help=f"write {TABLE.name}")
    options = parser.parse_args()

    python = install(options.environment.absolute())
    all_of_them = [
        rival
        for rival in rivals()
        if not options.only or rival.name == "ours" or rival.name in options.only
    ]
    (x, y), _ = load_mnist()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "mnist.npz"
        np.savez(data, x=x[: options.samples], y=y[: options.samples])
        try:
            for rival in all_of_them:
                print(f"starting {rival.label}", flush=True)
                rival.start(Path(sys.executable) if rival.own else python, data)
            for number in range(1, options.rounds + 1):
                # Another one first each time: none always follows the same.
                first = number % len(all_of_them)
                for rival in all_of_them[first:] + all_of_them[:first]:
                    rival.train()
                    time.sleep(PAUSE_SECONDS)
                print(f"round {number} of {options.rounds}", flush=True)
        finally:
            for rival in all_of_them:
                rival.stop()
    text = table(all_of_them, options.samples, accuracy_after(5))
    print(f"\n{text}")
    if options.write:
        TABLE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
