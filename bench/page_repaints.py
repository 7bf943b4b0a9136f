"""Repaints a second of the page in headless Chromium, with the trainer paused and running.

    PYTHONPATH=. .venv/bin/python bench/page_repaints.py

A repaint is an animation frame in which the page has drawn on a canvas. While the run is paused,
the pointer moves from unit to unit in every frame; while it trains as fast as it can, the run
itself changes the pictures. `--write` also writes the table to bench/page_repaints.md. Ends with
an error below 30 repaints a second paused, or 15 running.
"""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.support.chromium import LAUNCH_ARGUMENTS, find_chromium
from tests.support.server import keep_untrained_network, running_server

REPORT = Path(__file__).with_suffix(".md")
NEEDED = {"paused": 30.0, "running": 15.0}
FASTEST = "10"
WARM_UP_MS = 1500

# Before the page's own scripts: every way in which the page draws on a canvas leaves a mark.
MARKS = """
window.drawn = false;
const context = CanvasRenderingContext2D.prototype;
for (const name of ["drawImage", "putImageData", "fillRect", "fill", "stroke"]) {
  const draw = context[name];
  context[name] = function (...given) {
    window.drawn = true;
    return draw.apply(this, given);
  };
}
"""

# Counts for a time, moving a pointer over the units in every frame if it is asked to.
COUNT = """
({ seconds, pointing }) => new Promise((done) => {
  const grid = document.querySelector('weights-region [data-part="grid"]');
  const { width, height } = grid.getBoundingClientRect();
  const start = performance.now();
  let [frames, repaints, longest, last] = [0, 0, 0, start];
  const frame = (now) => {
    if (window.drawn) {
      repaints += 1;
      longest = Math.max(longest, now - last);
      last = now;
    }
    window.drawn = false;
    frames += 1;
    if (pointing) {
      const offset = (frames * 29) % Math.floor(width * 0.9);
      const { left, top } = grid.getBoundingClientRect();
      const place = { clientX: left + offset, clientY: top + height / 2, bubbles: true };
      grid.dispatchEvent(new PointerEvent("pointermove", place));
    }
    if (now - start < 1000 * seconds) requestAnimationFrame(frame);
    else {
      const elapsed = (now - start) / 1000;
      done({ frames: frames / elapsed, repaints: repaints / elapsed, longest });
    }
  };
  requestAnimationFrame(frame);
})
"""


@dataclass(frozen=True)
class Row:
    """One measurement."""

    state: str
    what: str
    repaints: float
    frames: float
    longest: float
    batches: float

    @property
    def enough(self) -> bool:
        """Whether it is what it must be at least."""
        return self.repaints >= NEEDED[self.state]


def measure(page: Page, state: str, what: str, seconds: float) -> Row:
    """Count for a time."""
    page.wait_for_timeout(WARM_UP_MS)
    counted = page.evaluate(COUNT, {"seconds": seconds, "pointing": state == "paused"})
    rate = page.locator('[data-field="batches_per_second"]').inner_text()
    return Row(
        state,
        what,
        counted["repaints"],
        counted["frames"],
        counted["longest"],
        float(rate.replace(",", "")),
    )


def measure_all(page: Page, seconds: float) -> list[Row]:
    """The page paused, then training, at its top and with what lies below in sight."""
    grid = page.locator('weights-region [data-part="grid"]')
    page.get_by_role("button", name="Step batch").click()
    page.locator('[data-field="batch"]', has_text="1").wait_for()
    grid.wait_for()
    rows = [measure(page, "paused", "pointer over the units", seconds)]
    page.get_by_label("Speed", exact=True).fill(FASTEST)
    page.get_by_role("button", name="Play").click()
    rows.append(measure(page, "running", "top of the page", seconds))
    for tab in ("gradient", "step"):
        page.get_by_role("tab", name=tab, exact=True).click()
        rows.append(measure(page, "running", f"the same, {tab} tab", seconds))
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    rows.append(measure(page, "running", "bottom of the page", seconds))
    return rows


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    lines = [
        "| trainer | in sight | repaints/s | animation frames/s | longest gap, ms | batches/s |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row.state} | {row.what} | {row.repaints:.1f} | {row.frames:.1f} "
        f"| {row.longest:.0f} | {row.batches:.0f} |"
        for row in rows
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--write", action="store_true", help=f"also write {REPORT.name}")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        data_dir = keep_untrained_network(Path(directory))
        browser = playwright.chromium.launch(
            executable_path=str(find_chromium()), args=list(LAUNCH_ARGUMENTS)
        )
        with running_server(data_dir) as server:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.add_init_script(MARKS)
            page.goto(server.address)
            rows = measure_all(page, options.seconds)
            version = browser.version
            browser.close()
    where = (
        f"Headless Chromium {version}, 1440 x 900, {os.cpu_count()} cores, "
        f"{platform.machine()}, Python {platform.python_version()}; {options.seconds:g} s each."
    )
    text = f"{where}\n\n{table(rows)}\n"
    sys.stdout.write(text)
    if options.write:
        REPORT.write_text(f"# Repaints a second\n\n{text}", encoding="utf-8")
    low = [f"{row.state}, {row.what}: {row.repaints:.1f}" for row in rows if not row.enough]
    if low:
        sys.exit(f"expected at least {NEEDED} repaints a second, got {'; '.join(low)}")


if __name__ == "__main__":
    main()
