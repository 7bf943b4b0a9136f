"""The page on paper: light, without controls, all of what the run has shown and nothing else."""

import re
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from tests.support.page import DescentPage

# Of a paused run that has made a step, with nothing drawn and nothing compared.
PRINTED = [
    *["The loop", "Inside this step", "Weights", "Loss", "Along this step"],
    *["Is it learning well?", "What it gets wrong", "The chain rule"],
]

SHOWN_REGIONS = """() => [...document.querySelectorAll("[role=region]")]
  .filter((region) => region.checkVisibility()).map((region) => region.ariaLabel)"""

# How light what a canvas shows is: 0 is black, 255 white.
LIGHTNESS = """(selector) => {
  const canvas = document.querySelector(selector);
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  const drawn = [...data].filter((_, i) => i % 4 === 0 && data[i + 3] === 255);
  return drawn.reduce((sum, red) => sum + red, 0) / drawn.length;
}"""
BARS = '[data-phase="loss"] canvas'
GROUND = "() => getComputedStyle(document.body).backgroundColor"

# As wide as paper held upright and across, with a margin of a centimetre.
WIDTHS = {"portrait": 718, "landscape": 1047}
CLIPPED = """() => [...document.querySelectorAll("main *")]
  .filter((element) => element.checkVisibility({ visibilityProperty: true }))
  .filter((element) => !element.matches(".visually-hidden"))
  .filter((element) => element.getBoundingClientRect().right > innerWidth + 1
    || (element.scrollHeight > element.clientHeight + 1
      && getComputedStyle(element).overflowY !== "visible"))
  .map((element) => element.outerHTML.slice(0, 100))"""


def looked_through(page: DescentPage) -> None:
    """Bring all of the page into sight, and wait until it is there."""
    for named in PRINTED:
        page.region(named).scroll_into_view_if_needed()
        page.page.wait_for_function(
            "(named) => !document.querySelector(`main [aria-label='${named}'][data-unseen]`)",
            arg=named,
        )
        expect(page.region(named).locator("[data-part=empty]")).to_be_hidden()
    health = page.region("Is it learning well?")
    expect(health.get_by_text("batch 2", exact=True)).to_be_attached()
    expect(page.region("The chain rule").locator("[data-formula=f]")).not_to_have_text("…")
    # Measured last, after all that is studied; and not sent to a page that has scrolled past it.
    mistakes = page.region("What it gets wrong")
    mistakes.scroll_into_view_if_needed()
    expect(mistakes).to_contain_text("as of batch 2")
    page.page.evaluate("scrollTo(0, 0)")


def stepped(page: DescentPage) -> DescentPage:
    """The page after two batches, looked through."""
    for batch in ("1", "2"):
        page.press("Step batch")
        page.shows("batch", batch)
    looked_through(page)
    return page


def put_on_paper(page: Page) -> None:
    page.emulate_media(media="print")


def test_what_has_been_looked_at_is_printed(page_of_run: DescentPage) -> None:
    page = stepped(page_of_run)
    put_on_paper(page.page)
    assert page.page.evaluate(SHOWN_REGIONS) == PRINTED
    expect(page.page.locator(".promise:visible")).to_have_count(0)
    norm = page.region("Is it learning well?").locator(".vital-value").first
    expect(norm).to_have_text(re.compile(r"\d"))
    for named in ("Along this step", "What it gets wrong"):
        assert "batch 2" in page.region(named).inner_text()


def test_nothing_to_be_operated_is_printed(page_of_run: DescentPage) -> None:
    page = stepped(page_of_run)
    page.press("Share")
    put_on_paper(page.page)
    for hidden in ("transport-bar", ".skip", ".masthead-actions", "dialog[open]"):
        expect(page.page.locator(hidden)).to_be_hidden()
    for button in page.page.locator("button:visible").all():
        # What is chosen is said by the button that chose it.
        assert "true" in (
            button.get_attribute("aria-selected"),
            button.get_attribute("aria-pressed"),
        )
    expect(page.page.locator("input[type=range]:visible")).to_have_count(0)


@pytest.mark.parametrize("forced", ["none", "active"])
def test_paper_is_light_in_the_dark_theme_and_the_screen_is_dark_again(
    page_of_run: DescentPage, forced: Literal["none", "active"]
) -> None:
    page = page_of_run.page
    page.emulate_media(color_scheme="dark", forced_colors=forced)
    stepped(page_of_run)
    if forced == "none":
        for _ in ("light", "dark"):
            page.get_by_role("button", name="Theme").click()
    page_of_run.until(lambda: page.evaluate(LIGHTNESS, BARS) > 128, "light bars")
    put_on_paper(page)
    assert page.evaluate(GROUND) == "rgb(255, 255, 255)"
    assert page.evaluate(LIGHTNESS, BARS) < 128  # dark bars: drawn anew, without waiting
    page.emulate_media(media="screen")
    assert page.evaluate(GROUND) != "rgb(255, 255, 255)"
    assert page.evaluate(LIGHTNESS, BARS) > 128


def test_a_printer_waits_for_no_frame(page_of_run: DescentPage) -> None:
    page = page_of_run.page
    page.emulate_media(color_scheme="dark")
    stepped(page_of_run)
    bars = page.evaluate(
        f"""(bars) => ["beforeprint", "afterprint"].map((what) => {{
          dispatchEvent(new Event(what));
          return ({LIGHTNESS})(bars);
        }})""",
        BARS,
    )
    assert bars[0] < 128 < bars[1]


def test_compared_runs_are_light_on_paper_wherever_one_reads(page_of_run: DescentPage) -> None:
    page = page_of_run.page
    page.emulate_media(color_scheme="dark")
    page.get_by_role("button", name="Race…").first.click()
    page_of_run.press("SGD 0.1 against RMSprop 0.001")
    page_of_run.press("Hold all")
    images = "compare-region [data-cell=images]"
    page.locator(images).first.scroll_into_view_if_needed()
    page_of_run.until(lambda: 0 < page.evaluate(LIGHTNESS, images) < 128, "dark images")
    page.evaluate("scrollTo(0, 0)")
    expect(page_of_run.region("Compare runs")).not_to_be_in_viewport()
    put_on_paper(page)

    def lightness() -> float:
        page.evaluate(GROUND)  # a browser at rest notices that it prints when it is asked for this
        return float(page.evaluate(LIGHTNESS, images))

    page_of_run.until(lambda: lightness() > 128, "light images")
    page.emulate_media(media="screen")
    page_of_run.until(lambda: lightness() < 128, "dark images again")


@pytest.mark.parametrize("paper", WIDTHS)
def test_nothing_is_cut_off(page_of_run: DescentPage, paper: str) -> None:
    page = stepped(page_of_run).page
    put_on_paper(page)
    page.set_viewport_size({"width": WIDTHS[paper], "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDTHS[paper]
    assert page.evaluate(CLIPPED) == []
    images = page.locator(".grid").bounding_box()
    assert images is not None
    assert images["width"] > WIDTHS[paper] / 2


def test_what_has_not_been_in_sight_since_the_run_moved_is_not_printed(
    page_of_run: DescentPage,
) -> None:
    page = page_of_run
    behind = {"Is it learning well?", "What it gets wrong", "The chain rule"}
    page.press("Step batch")
    page.shows("batch", "1")
    put_on_paper(page.page)
    assert not behind & {*page.page.evaluate(SHOWN_REGIONS)}
    expect(page.page.locator(".promise:visible")).to_have_count(0)
    page.page.emulate_media(media="screen")
    page.press("Step batch")
    page.shows("batch", "2")
    looked_through(page)
    page.press("Step batch")
    page.shows("batch", "3")
    put_on_paper(page.page)
    shown = {*page.page.evaluate(SHOWN_REGIONS)}
    assert "The loop" in shown
    assert not behind & shown
