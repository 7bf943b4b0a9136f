"""What the page costs: bytes, time until it can be read and played, and its main thread in play.

Everything runs on this machine, the server and the browser too, and Chromium has no GPU here.

- Bytes are those of the files' bodies as they travel, without the heads of the answers; what the
  page asks of `/api` is data and not counted.
- Loads are each a new visitor's, with nothing cached, on a server that has served the page before.
  The page is readable at its first contentful paint, and playable once Play is enabled and its
  run's socket has said hello: then a press on Play is sent at once.
- Long tasks of the main thread are told by the browser itself (PerformanceObserver, "longtask":
  tasks of more than 50 ms, by the clock), layouts by its counters. A trace would tell more, and
  cost of the very time it measures.
- Lighthouse is installed into the environment of the rivals, build/bench-env; where it can't be,
  the table says so.
"""

import gzip
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.resources import BUILT
from bench.environment import ENVIRONMENT
from bench.results import last_line
from tests.support.chromium import LAUNCH_ARGUMENTS, find_chromium
from tests.support.devtools import Browser, Tab, running_browser
from tests.support.page import ASK
from tests.support.server import keep_untrained_network, running_server

# The last that runs on Node 20.
LIGHTHOUSE = "lighthouse@12.8.2"
PRESETS = {"mobile": [], "desktop": ["--preset=desktop"]}
FASTEST = "10"
WARM_UP_S = 3.0
PLAY_S = 60.0
LOADS, REPORTS = 7, 5

# Before the page's own scripts: when its run is open and Play can be pressed.
WATCH = (
    """
window.playable = new Promise((done) => {
  addEventListener("DOMContentLoaded", async () => {
    await customElements.whenDefined("page-header");
"""
    + ASK
    + """
    const play = document.querySelector('[data-action="play"]');
    const look = () => {
      const open = app.run.connection.peek() === "open";
      if (open && !play.disabled && !document.body.inert) done(performance.now());
      else setTimeout(look);
    };
    look();
  });
});
window.readable = new Promise((done) => {
  new PerformanceObserver((list) => {
    const [paint] = list.getEntriesByName("first-contentful-paint");
    if (paint) done(paint.startTime);
  }).observe({ type: "paint", buffered: true });
});
"""
)
MOMENTS = """(async () => ({ readable: await readable, playable: await playable }))()"""

# Once nothing more has come for a second.
FILES = """
(async () => {
  const kinds = ["navigation", "resource"];
  const entries = () => kinds.flatMap((kind) => performance.getEntriesByType(kind));
  for (let known = 0; known < entries().length; ) {
    known = entries().length;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  return entries().map(({ name, encodedBodySize }) => [new URL(name).pathname, encodedBodySize]);
})()
"""

PLAY = f"""
(() => {{
  const speed = document.querySelector('[data-part="speed"]');
  speed.value = {FASTEST};
  speed.dispatchEvent(new Event("input", {{ bubbles: true }}));
  document.querySelector('[data-action="play"]').click();
}})()
"""
WATCH_TASKS = """
(() => {
  window.longTasks = [];
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longTasks.push(duration);
  }).observe({ type: "longtask" });
})()
"""
BATCH = """document.querySelector('run-progress [data-field="batch"]').textContent"""


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    what: str
    values: Sequence[float]
    unit: str = ""
    digits: int = 0
    most: float | None = None
    least: float | None = None
    note: str = ""

    def __str__(self) -> str:
        def text(value: float) -> str:
            return f"{value:,.{self.digits}f}"

        if not self.values:
            return f"| {self.what} | left out | {self.note} | |"
        value = f"{text(statistics.median(self.values))} {self.unit}".strip()
        low, high = min(self.values), max(self.values)
        spread = f"{text(low)} to {text(high)}" if len(self.values) > 1 else self.note
        target = f"at most {self.most:g}" if self.most else ""
        target = f"at least {self.least:g}" if self.least else target
        return f"| {self.what} | {value} | {spread} | {target} |"


def loads(browser: Browser, address: str) -> list[Figure]:
    """What a new visitor loads, and how long it takes; the first load warms the server up."""
    moments, files = [], []
    for _ in range(LOADS + 1):
        with browser.visit() as tab:
            tab.before_scripts(WATCH)
            tab.goto(address)
            moments.append(tab.evaluate(MOMENTS))
            files = tab.evaluate(FILES)
    sizes = [size for name, size in files if not name.startswith("/api/")]
    loaded = {name.rsplit("/", 1)[-1] for name, _ in files}
    later = [
        len(gzip.compress(path.read_bytes(), 9))
        for path in BUILT.glob("part-*.js")
        if path.name not in loaded
    ]
    readable = [moment["readable"] / 1000 for moment in moments[1:]]
    playable = [moment["playable"] / 1000 for moment in moments[1:]]
    return [
        Figure(
            "all files, those of dialogs and of what lies further down too, gzipped",
            [sum(sizes + later) / 1000],
            "kB",
            1,
            most=150,
            note=f"{len(sizes + later)} files",
        ),
        Figure("those of the first view", [sum(sizes) / 1000], "kB", 1, note=f"{len(sizes)} files"),
        Figure("readable: first contentful paint", readable, "s", 2, most=1),
        Figure("playable: Play enabled, a run open", playable, "s", 2, most=1.5),
    ]


def play(tab: Tab, address: str) -> list[Figure]:
    """The main thread while a run trains as fast as it can."""
    tab.before_scripts(WATCH)
    tab.goto(address)
    tab.evaluate(MOMENTS)
    tab.evaluate(PLAY)
    time.sleep(WARM_UP_S)
    tab.evaluate(WATCH_TASKS)
    before = tab.metrics()
    first = _number(tab.evaluate(BATCH))
    time.sleep(PLAY_S)
    after = tab.metrics()
    tasks = [float(duration) for duration in tab.evaluate("longTasks")]
    batches = _number(tab.evaluate(BATCH)) - first
    cost = {name: after[name] - before[name] for name in after}
    took = cost["Timestamp"]
    in_play = f"in {took:.0f} s of play at full speed"
    longest = f"{len(tasks)} of them, the longest {max(tasks, default=0):.0f} ms"
    layouts = f"{1000 * cost['LayoutDuration'] / took:.1f} ms a second"
    share = 100 * sum(tasks) / 1000 / took
    script = f"scripts {100 * cost['ScriptDuration'] / took:.0f} %"
    return [
        Figure(f"tasks over 50 ms, {in_play}", [share], "%", 2, most=1, note=longest),
        Figure("all tasks", [100 * cost["TaskDuration"] / took], "%", note=script),
        Figure("layouts a second", [cost["LayoutCount"] / took], digits=1, note=layouts),
        Figure("batches a second meanwhile", [batches / took]),
    ]


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def install() -> str:
    """Install Lighthouse where it is missing; why it could not be, or ""."""
    if (ENVIRONMENT / "node_modules" / "lighthouse" / "package.json").exists():
        return ""
    print(f"installing {LIGHTHOUSE}", flush=True)
    ENVIRONMENT.mkdir(parents=True, exist_ok=True)
    quietly = ("--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    done = subprocess.run(
        ["npm", "install", "--prefix", ENVIRONMENT, *quietly, LIGHTHOUSE],
        capture_output=True,
        text=True,
        check=False,
    )
    return last_line(done.stderr) if done.returncode else ""


def audits(address: str) -> list[Figure]:
    """Lighthouse's scores for performance, on a telephone as it imagines one and on a desktop."""
    what = "Lighthouse, performance, {}"
    missing = install()
    if missing:
        return [Figure(what.format(preset), [], note=missing) for preset in PRESETS]
    figures = []
    for preset, options in PRESETS.items():
        scores = []
        for _ in range(REPORTS):
            report = audit(address, options)
            if isinstance(report, str):
                missing = report
                break
            scores.append(100 * report["categories"]["performance"]["score"])
        figures.append(Figure(what.format(preset), scores, least=95, note=missing))
    return figures


def audit(address: str, options: Sequence[str]) -> dict[str, Any] | str:
    """One report of Lighthouse's, or why there is none."""
    flags = " ".join(("--headless", *LAUNCH_ARGUMENTS))
    done = subprocess.run(
        [
            *(ENVIRONMENT / "node_modules" / ".bin" / "lighthouse", address, "--quiet"),
            *("--output=json", "--only-categories=performance", f"--chrome-flags={flags}"),
            *options,
        ],
        env=os.environ | {"CHROME_PATH": str(find_chromium()), "CI": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return last_line(done.stderr)
    report: dict[str, Any] = json.loads(done.stdout)
    if report["categories"]["performance"]["score"] is None:
        return str(report.get("runtimeError", {}).get("message", "no score"))[:120]
    return report


def section() -> str:
    """The table as Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir = keep_untrained_network(Path(folder))
        with running_server(data_dir, env={"APP_MAX_RUNS": "100"}) as server:
            with running_browser() as browser:
                version = browser.version
                figures = loads(browser, server.address)
                with browser.visit() as tab:
                    playing = play(tab, server.address)
            figures += audits(server.address)
            figures += playing
    lines = [
        f"{version}, headless, without a GPU, 1440 x 900, beside the server on one machine.",
        f"Medians and spreads of {LOADS} loads with nothing cached, and of {REPORTS} reports of",
        f"{LIGHTHOUSE}; shares are of the main thread's time, by the clock.",
        "",
        "| | median | spread | target |",
        "| --- | --- | --- | --- |",
        *map(str, figures),
    ]
    return "\n".join(lines)
