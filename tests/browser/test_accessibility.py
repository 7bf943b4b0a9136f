"""The page without a mouse and without sight: axe-core, names, live texts, and the keyboard."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.support.page import DescentPage, asking_the_page

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
PHASES = ("draw", "forward", "loss", "backward", "update")
THEMES = ("light", "dark")
# As between a step and the frame that shows it, or where another phase's inside is kept open.
PAST = "document.querySelectorAll('.detail.is-shown').forEach((d) => d.classList.add('is-past'))"
COLOUR = "(element) => getComputedStyle(element).color"

INK = asking_the_page("return app.colours.peek().ink")
# Of the upper left corner of a canvas, a number for each pixel.
COLOURS_OF = """canvas => [...new Uint32Array(
  canvas.getContext("2d").getImageData(0, 0, 60, 60).data.buffer)]"""
LIT = re.compile(r"\bis-lit\b")

# What a screen reader says when a phase has been stepped through, of the second batch.
SAID = {
    "draw": r"^Draw a batch, batch 2: 128 of 60,000, following an? \d\.$",
    "forward": r"^Forward pass, batch 2: says \d at [\d.]+ %, "
    r"(which is right|the \d gets [\d.]+ %)\.$",
    "loss": r"^Loss, batch 2: mean of −log p = [\d.]+; \d+ of 128 right\.$",
    "backward": r"^Backward pass, batch 2: gradient of W₁ of 16 units, ±[\d.e-]+; "
    r"gradient of W₂ below, ±[\d.e-]+\.$",
    "update": r"^Update, batch 2: median step to weight ratio = [\d.]+ %; [\d,]+ did not move\.$",
}


def violations(page: DescentPage) -> list[str]:
    """What axe-core finds, a line each."""
    page.page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = json.loads(
        page.page.evaluate("async () => JSON.stringify(await axe.run(document))")
    )
    assert found["passes"], "axe-core has looked at nothing"
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:120]} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def settled(page: DescentPage) -> None:
    """Wait until nothing fades any more: half a colour has half a contrast."""
    page.page.wait_for_function("document.getAnimations().every((a) => a.playState !== 'running')")


def press_until_focused(page: DescentPage, target: Locator, key: str = "Tab") -> int:
    """Press a key until the element has the focus; how often."""
    for presses in range(1, 120):
        page.page.keyboard.press(key)
        if target.evaluate("element => element === document.activeElement"):
            return presses
    raise AssertionError(f"120 times {key} did not lead to {target}")


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_in_any_phase(page_of_run: DescentPage, theme: str) -> None:
    page = page_of_run
    page.page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    found = {"untrained": violations(page)}
    page.press("Step batch")
    page.shows("batch", "1")
    for phase in PHASES:
        page.press("Step phase")
        expect(page.page.locator(f'.station[data-phase="{phase}"]')).to_have_class(LIT)
        settled(page)
        found[phase] = violations(page)
        page.page.evaluate(PAST)
        settled(page)
        found[f"{phase}, of an earlier batch"] = violations(page)
    page.page.keyboard.press("Shift")
    page.field("loss").focus()
    expect(page.page.locator("#number-popover")).to_be_visible()
    settled(page)
    found["an explanation"] = violations(page)
    page.page.keyboard.press("Escape")
    assert not any(found.values()), json.dumps(found, indent=1)


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_in_the_dialogs_nor_after_a_step_back(
    page_of_run: DescentPage, theme: str
) -> None:
    page = page_of_run
    page.page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    page.press("Step batch")
    page.shows("batch", "1")
    page.input("Optimizer").select_option("sgd")
    page.press("Step batch")
    page.shows("batch", "2")
    page.press("Back one batch")
    page.shows("batch", "1")
    page.region("Loss").get_by_text("History").click()
    page.input("Optimizer").focus()
    expect(page.page.get_by_text("Changing a setting now discards batch 2")).to_be_visible()
    found = {"after a step back": violations(page)}
    page.press("Share")
    expect(page.page.get_by_text("1 change, up to batch 2")).to_be_visible()
    found["share"] = violations(page)
    page.press("Close")
    page.press("Branch from here")
    expect(page.page.get_by_role("dialog", name="Branch at batch 1")).to_be_visible()
    found["branch"] = violations(page)
    assert not any(found.values()), json.dumps(found, indent=1)


def test_a_full_step_by_keyboard(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.press("Step batch")
    page.shows("batch", "1")
    page.page.reload()
    page.wait_open()
    step = page.page.get_by_role("button", name="Step phase")
    press_until_focused(page, step)
    announcer = page.page.locator('loop-region [data-part="announcer"]')
    expect(announcer).to_have_attribute("aria-live", "polite")
    for phase in PHASES:
        page.page.keyboard.press("Enter")
        expect(announcer).to_have_text(re.compile(SAID[phase]))
        current = page.page.locator('.station[aria-current="step"]')
        expect(current).to_have_attribute("data-phase", phase)
        expect(step).to_be_focused()
    page.shows("batch", "2")


def test_numbers_are_reached_by_tab_and_say_what_they_are(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.press("Step batch")
    page.shows("batch", "1")
    loss = page.field("loss")
    press_until_focused(page, loss)
    expect(loss).to_have_role("button")
    expect(loss).to_have_accessible_name(re.compile(r"^\d\.\d+$"))
    expect(loss).to_have_accessible_description(re.compile(r"^loss = mean of −log p\[true digit\]"))
    page.page.keyboard.press("Tab")
    expect(page.field("accuracy")).to_be_focused()
    expect(page.field("accuracy")).to_have_accessible_description(re.compile("^batch accuracy ="))


def test_a_part_of_the_page_is_two_keys_away(page_of_run: DescentPage) -> None:
    page = page_of_run.page
    page.keyboard.press("Tab")
    link = page.get_by_role("navigation", name="Skip to").get_by_role("link", name="The loop")
    expect(link).to_be_focused()
    assert link.bounding_box() is not None
    names = page.get_by_role("navigation", name="Skip to").get_by_role("link").all_inner_texts()
    assert names[4] == "Compare runs"
    for name in names[1:]:
        page.keyboard.press("Tab")
        if name in ("Compare runs", "The chain rule"):  # loaded by now, though it is far off
            expect(page.get_by_role("region", name=name)).not_to_have_attribute("inert", "")
    page.keyboard.press("Enter")
    chain = page.get_by_role("region", name="The chain rule")
    expect(chain).to_be_focused()
    expect(chain).to_be_in_viewport()


def test_keys_lead_on_to_what_is_far_off_on_an_enlarged_page(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.page.set_viewport_size({"width": 360, "height": 225})  # 1440 x 900 at 400 %
    page.page.get_by_role("button", name="Play").focus()
    region = page.region("Compare runs")
    press_until_focused(page, region.get_by_role("button", name="Race…"))
    press_until_focused(page, page.region("The chain rule").get_by_label("Operation c"))


def test_every_control_has_a_name(page_of_run: DescentPage) -> None:
    controls = page_of_run.page.locator(
        ":is(button, select, input, [role=slider], [tabindex='0']):visible"
    )
    assert controls.count() > 20
    for control in controls.all():
        expect(control).to_have_accessible_name(re.compile(r"\S"))


def test_the_digits_of_the_batch_are_followed_by_arrow_keys(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.press("Step batch")
    page.shows("batch", "1")
    digits = page.page.get_by_role("slider", name="Followed digit").first
    digits.focus()
    page.page.keyboard.press("ArrowRight")
    expect(digits).to_have_attribute(
        "aria-valuetext", re.compile(r"^sample 2 of 128, true digit \d$")
    )


def test_the_arrows_that_lead_through_the_mistakes_do_not_step(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.press("Step batch")
    page.shows("test_batch", "1")
    cells = page.region("What it gets wrong").locator("td[data-row]")
    cells.first.scroll_into_view_if_needed()
    expect(cells.first).to_have_text(re.compile(r"^\d+$"))
    cells.first.focus()
    cells.first.press("ArrowRight")
    expect(cells.nth(1)).to_be_focused()
    cells.nth(1).press("Space")
    expect(cells.nth(1)).to_have_attribute("aria-selected", "true")
    assert violations(page) == []
    assert page.run.state()["state"] == "paused"
    page.press("Step phase")
    expect(page.page.locator('loop-region [data-part="announcer"]')).to_have_text(
        re.compile(SAID["draw"])
    )
    assert page.run.state()["phase"] == "draw"


def test_escape_gives_up_what_was_typed_and_no_station(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.press("Open loss")
    rate = page.input("Learning rate")
    rate.fill("0.5")
    rate.press("Escape")
    expect(rate).to_have_value("0.001")
    opened = page.page.get_by_role("button", name="Open loss")
    expect(opened).to_have_attribute("aria-pressed", "true")
    rate.press("Tab")
    page.page.keyboard.press("Escape")
    expect(opened).to_have_attribute("aria-pressed", "false")


def test_a_press_that_takes_its_button_away_hands_the_focus_on(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.press("Open loss")
    page.press("Follow the phases")
    expect(page.page.get_by_role("button", name="Open draw a batch")).to_be_focused()
    page.press("Step batch")
    page.shows("batch", "1")
    page.press("Reset")
    page.press("Dismiss")
    expect(page.page.get_by_role("button", name="Play", exact=True)).to_be_focused()


def test_what_is_wrong_is_said_in_the_dialog_that_hides_the_notice(
    page_of_run: DescentPage,
) -> None:
    page = page_of_run
    page.input("Optimizer").select_option("sgd")
    page.input("Learning rate").fill("1e9")
    page.input("Learning rate").press("Enter")
    page.region("Weights").get_by_role("slider").press("Enter")
    dialog = page.page.get_by_role("dialog", name="Inside unit 0", exact=True)
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Close").press("e")
    page.run.until(lambda state: state["state"] == "failed", what="the run to fail")
    expect(dialog.get_by_role("alert")).to_contain_text("Training has stopped")


def test_the_keys_of_the_run_do_nothing_behind_a_dialog(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.press("Step batch")
    page.shows("batch", "1")
    page.press("Share")
    close = page.page.get_by_role("dialog").get_by_role("button", name="Close", exact=True)
    close.press("Shift+ArrowRight")
    page.page.keyboard.press("Escape")
    expect(close).to_be_hidden()
    page.press("Step phase")
    expect(page.page.locator('loop-region [data-part="announcer"]')).to_have_text(
        re.compile(SAID["draw"])
    )


@pytest.mark.parametrize("theme", THEMES)
def test_pictures_keep_their_colours_where_the_system_sets_them(
    page_of_run: DescentPage, theme: str
) -> None:
    page = page_of_run
    page.page.emulate_media(color_scheme=theme, forced_colors="active")  # type: ignore[arg-type]
    page.page.reload()
    page.wait_open()
    page.press("Step batch")
    page.shows("batch", "1")
    names = ("Learn this drawing", "Clear drawing")
    out, in_use = (page.page.get_by_role("button", name=name).evaluate(COLOUR) for name in names)
    assert out != in_use
    grid = page.region("Weights").get_by_role("slider")
    page.until(lambda: len(set(grid.evaluate(COLOURS_OF))) > 50, "the images")
    bar = page.page.locator(".answer-bar").first
    assert bar.evaluate("bar => getComputedStyle(bar).forcedColorAdjust") == "none"
    # Whatever is chosen here, canvases draw on the system's ground.
    ink = page.page.evaluate(INK)
    for _ in range(3):
        page.page.get_by_role("button", name="Theme").click()
        assert page.page.evaluate(INK) == ink
