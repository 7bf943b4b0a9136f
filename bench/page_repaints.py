"""Repaints a second of the page in headless Chromium, with the trainer paused and running.

A repaint is an animation frame in which the page has drawn on a canvas. While the run is paused,
the pointer moves from unit to unit in every frame; while it trains as fast as it can, the run
itself changes the pictures.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.support.chromium import LAUNCH_ARGUMENTS, find_chromium
from tests.support.server import keep_untrained_network, running_server

NEEDED = {"paused": 30, "running": 15}
# What lies there changes when it has been measured anew, about once a second.
BOTTOM = "bottom of the page"
SECONDS = 5.0
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


def measure(page: Page, state: str, what: str) -> Row:
    """Count for a time."""
    page.wait_for_timeout(WARM_UP_MS)
    counted = page.evaluate(COUNT, {"seconds": SECONDS, "pointing": state == "paused"})
    rate = page.locator('[data-field="batches_per_second"]').inner_text()
    return Row(
        state,
        what,
        counted["repaints"],
        counted["frames"],
        counted["longest"],
        float(rate.replace(",", "")),
    )


def measure_all(page: Page) -> list[Row]:
    """The page paused, then training, at its top and with what lies below in sight."""
    grid = page.locator('weights-region [data-part="grid"]')
    page.get_by_role("button", name="Step batch").click()
    page.locator('[data-field="batch"]', has_text="1").wait_for()
    grid.wait_for()
    rows = [measure(page, "paused", "pointer over the units")]
    page.get_by_label("Speed", exact=True).fill(FASTEST)
    page.get_by_role("button", name="Play").click()
    rows.append(measure(page, "running", "top of the page"))
    for tab in ("gradient", "step"):
        page.get_by_role("tab", name=tab, exact=True).click()
        rows.append(measure(page, "running", f"the same, {tab} tab"))
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    rows.append(measure(page, "running", BOTTOM))
    return rows


def section() -> str:
    """The table as Markdown."""
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        data_dir = keep_untrained_network(Path(directory))
        browser = playwright.chromium.launch(
            executable_path=str(find_chromium()), args=list(LAUNCH_ARGUMENTS)
        )
        with running_server(data_dir) as server:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.add_init_script(MARKS)
            page.goto(server.address)
            rows = measure_all(page)
            version = browser.version
            browser.close()
    lines = [
        f"Headless Chromium {version}, 1440 x 900, beside the server on one machine, {SECONDS:g} s",
        "each. A repaint is an animation frame in which the page has drawn on a canvas. At the",
        "bottom lies what is measured anew once a second.",
        "",
        (
            "| trainer | in sight | repaints/s | at least | animation frames/s | longest gap, ms "
            "| batches/s |"
        ),
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row.state} | {row.what} | {row.repaints:.1f} "
        f"| {'' if row.what == BOTTOM else NEEDED[row.state]} "
        f"| {row.frames:.1f} | {row.longest:.0f} | {row.batches:.0f} |"
        for row in rows
    ]
    return "\n".join(lines)
