"""Going back: by mouse and keyboard on the loss chart, by the history, and what lies ahead."""

import math
from typing import Any

import httpx2
import numpy as np
from playwright.sync_api import Browser, Locator, expect

from tests.browser.conftest import OpenPage
from tests.support.page import DescentPage, asking_the_page
from tests.support.server import Server

SLIDER = "Rewind to batch"

# What the stations and the weight images are drawn from, and the marker's place in the chart.
PICTURES = asking_the_page("""
  const { draw, forward, loss } = app.run.pictures.value;
  const weights = app.run.weights("layer1.weights").value;
  return {
    pixels: draw && [...draw.pixels], labels: draw && [...draw.labels],
    probabilities: forward && [...forward.activations.at(-1)], mean: loss && loss.mean,
    codes: weights && [...weights.codes.subarray(0, 784)],
  };
""")


def trained(page: DescentPage, batches: int) -> dict[str, Any]:
    """Play that many batches and more, then pause; the state."""
    page.play_fast()
    page.until(lambda: page.run.state()["batch"] > batches, f"{batches} batches")
    return page.pause()


def chart(page: DescentPage) -> Locator:
    """The part of the loss chart that lines are drawn in."""
    plot = page.region("Loss").locator(".u-over")
    plot.scroll_into_view_if_needed()
    return plot


def press_at(page: DescentPage, share: float) -> None:
    """Press the mouse on the chart, at a share of its width."""
    box = chart(page).bounding_box()
    assert box is not None
    page.page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
    page.page.mouse.down()


def drag_to(page: DescentPage, share: float) -> None:
    """Move the pressed mouse across the chart in many small moves."""
    box = chart(page).bounding_box()
    assert box is not None
    x, y = box["x"] + share * box["width"], box["y"] + box["height"] / 2
    page.page.mouse.move(x, y, steps=25)


def sought(page: DescentPage) -> int:
    """The batch asked for last: on the way there, a run passes those asked for before."""
    return int(page.input(SLIDER).input_value())


def shows_moment(page: DescentPage, batch: int) -> None:
    """Wait until the page stands at a batch, and compare what it shows with the API's numbers."""
    page.shows("batch", f"{batch:,}")
    state = page.run.until(
        lambda state: state["batch"] == batch and state["state"] == "paused", what="the seek"
    )
    series = page.run.series()
    loss = series["loss"][batch - 1]
    assert state["loss"] == loss
    page.shows("loss", f"{loss:#.4g}")
    expect(page.input("Learning rate")).to_have_value(f"{state['learning_rate']:g}")
    expect(page.input("Optimizer")).to_have_value(state["optimizer"]["name"])
    expect(page.input("Batch size")).to_have_value(str(state["batch_size"]))
    expect(page.input(SLIDER)).to_have_value(str(batch))


def test_the_chart_is_scrubbed_with_the_mouse_while_it_plays(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.play_fast()
    # On the page, which may be a few frames behind: it goes back no further than it knows.
    page.until(lambda: len(page.series()["loss"]) > 120, "some batches")
    press_at(page, 0.2)
    drag_to(page, 0.1)
    page.page.mouse.up()
    batch = sought(page)
    # The chart is 200 batches long, then as long as the epochs begun, and may have grown while it
    # was dragged: a tenth of it is batch 20, 47 in the first epoch, 94 in the second.
    epochs = math.ceil(page.run.state()["furthest"] / 469)
    tenths = [20.0, *(46.9 * (n + 1) for n in range(epochs))]
    assert min(abs(batch - tenth) for tenth in tenths) < 5
    shows_moment(page, batch)
    assert page.run.state()["furthest"] > 120
    expect(page.region("Loss").get_by_text("are kept until you change something")).to_be_visible()
    expect(page.page.get_by_role("button", name="Play", exact=True)).to_be_visible()


def test_what_is_read_out_after_a_press_is_where_the_run_has_gone(
    page_of_run: DescentPage,
) -> None:
    page = page_of_run
    trained(page, 210)  # of an epoch, which is across the chart: two batches a pixel
    box = chart(page).bounding_box()
    assert box is not None
    left, middle = math.floor(box["x"]), box["y"] + box["height"] / 2
    for x in (31.9, 47.7, 66.8):  # pens and large screens have pixels by halves
        before = sought(page)
        page.page.mouse.click(left + x, middle)
        expect(page.input(SLIDER)).not_to_have_value(str(before))
        batch = sought(page)
        shows_moment(page, batch)
        readout = page.region("Loss").locator('[data-part="readout"]')
        expect(readout).to_contain_text(f"batch {batch:,}: loss")


def test_what_was_trained_comes_again_bit_for_bit(page_of_run: DescentPage) -> None:
    page = page_of_run
    state = trained(page, 40)
    weights = page.run.tensor("layer1.weights")
    loss = page.run.series()["loss"]
    press_at(page, 0.01)
    page.page.mouse.up()
    page.run.until(lambda state: state["batch"] < 12, what="the seek")
    slider = page.input(SLIDER)
    slider.focus()
    slider.press("End")
    shows_moment(page, state["batch"])
    assert (page.run.tensor("layer1.weights") == weights).all()
    assert page.run.series()["loss"] == loss
    assert page.series()["loss"] == loss


def test_the_pictures_show_the_moment_sought(page_of_run: DescentPage) -> None:
    page = page_of_run
    trained(page, 20)
    page.page.set_viewport_size({"width": 1440, "height": 2000})  # the weights are in sight then
    page.input(SLIDER).fill("5")
    shows_moment(page, 5)
    page.until(lambda: page.page.evaluate(PICTURES)["mean"] == page.run.state()["loss"], "a frame")
    shown = page.page.evaluate(PICTURES)
    assert shown["pixels"] == np.rint(page.run.tensor("batch.x") * 255).flatten().tolist()
    assert shown["labels"] == page.run.tensor("batch.y").tolist()
    first = page.run.tensor("layer2.activations")[0]
    assert shown["probabilities"] == first.tolist()
    scale = next(
        view["scale"] for view in page.run.state()["views"] if view["view"] == "layer1.weights"
    )
    weights = page.run.tensor("layer1.weights")[0]
    share = np.sign(weights) * np.sqrt(np.minimum(np.abs(weights) / scale, 1))
    assert np.abs(np.array(shown["codes"]) - (128 + 127 * share)).max() <= 1


def test_a_finger_scrubs_across_and_scrolls_up_and_down(browser: Browser, server: Server) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    with httpx2.Client(base_url=server.address, timeout=60.0) as http:
        page = DescentPage(context.new_page(), http)
        page.page.goto(server.address)
        page.wait_open()
        for batch in range(1, 4):
            page.press("Step batch")
            page.shows("batch", str(batch))
        touch = context.new_cdp_session(page.page)

        def move(kind: str, *points: tuple[float, float]) -> None:
            event = {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]}
            touch.send("Input.dispatchTouchEvent", event)

        box = chart(page).bounding_box()
        assert box is not None
        left, y = box["x"] + 0.6, box["y"] + box["height"] / 2
        before = page.page.evaluate("scrollY")
        move("touchStart", (left, y))
        for lift in range(10, 160, 10):
            move("touchMove", (left, y - lift))
        move("touchEnd")
        page.until(lambda: page.page.evaluate("scrollY") != before, "the page to scroll")
        assert page.run.state()["batch"] == 3
        box = chart(page).bounding_box()
        assert box is not None
        y = box["y"] + box["height"] / 2
        move("touchStart", (left + 60, y))
        for across in range(60, 10, -5):  # of the 20 batches across, 15 pixels each
            move("touchMove", (left + across, y))
        move("touchEnd")
        batch = sought(page)
        assert batch == 1
        shows_moment(page, batch)
    context.close()


def test_the_keyboard_goes_to_any_batch(page_of_run: DescentPage) -> None:
    page = page_of_run
    state = trained(page, 30)
    slider = page.input(SLIDER)
    expect(slider).to_have_attribute(
        "aria-valuetext", f"batch {state['batch']} of {state['batch']}"
    )
    slider.focus()
    slider.press("ArrowLeft")
    slider.press("ArrowLeft")
    shows_moment(page, state["batch"] - 2)
    slider.press("ArrowRight")
    shows_moment(page, state["batch"] - 1)
    slider.press("Home")
    page.shows("batch", "0")
    expect(slider).to_have_attribute("aria-valuetext", f"batch 0 of {state['batch']}")
    slider.press("PageUp")
    page.until(lambda: page.run.state()["batch"] > 1, "a page of batches")
    shows_moment(page, page.run.state()["batch"])


def test_settings_follow_the_moment_and_the_history_leads_to_their_changes(
    page_of_run: DescentPage,
) -> None:
    page = page_of_run
    for _ in range(3):
        page.press("Step batch")
    page.shows("batch", "3")
    page.input("Optimizer").select_option("sgd")
    page.until(lambda: page.run.state()["optimizer"]["name"] == "sgd", "the optimizer")
    page.press("Step batch")
    page.shows("batch", "4")
    page.input("Learning rate").fill("0.02")
    page.input("Learning rate").press("Enter")
    page.until(lambda: page.run.state()["learning_rate"] == 0.02, "the learning rate")
    page.press("Step batch")
    page.shows("batch", "5")
    region = page.region("Loss")
    region.get_by_text("History").click()
    expect(region.locator("run-history li")).to_have_text(
        [
            "batch 3optimizer RMSprop → SGD (learning rate 0.001)branch",
            "batch 4learning rate 0.001 → 0.02branch",
        ]
    )
    page.press("Go to batch 3")
    shows_moment(page, 3)
    assert page.run.state()["optimizer"]["name"] == "sgd"
    page.input(SLIDER).fill("2")
    shows_moment(page, 2)
    assert page.run.state()["optimizer"]["name"] == "rmsprop"
    page.press("Go to batch 4")
    shows_moment(page, 4)


def test_a_guest_can_not_rewind(open_page: OpenPage) -> None:
    owner = open_page()
    owner.press("Step batch")
    owner.press("Step batch")
    owner.shows("batch", "2")
    guest = open_page(f"/?run={owner.run_id}")
    guest.shows("batch", "2")
    expect(guest.input(SLIDER)).to_be_disabled()
    press_at(guest, 0.01)
    guest.page.mouse.up()
    owner.press("Step batch")
    guest.shows("batch", "3")
