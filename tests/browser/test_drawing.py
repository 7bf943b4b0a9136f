"""A digit drawn on the pad is read, by the run as it learns and by the trained network."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.support.page import DescentPage


def draw_a_one(page: DescentPage) -> None:
    pad = page.region("Draw a digit").get_by_role("img", name=re.compile("Drawing pad"))
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box is not None
    mouse = page.page.mouse
    x, top, bottom = box["x"] + box["width"] / 2, box["y"] + 20, box["y"] + box["height"] - 20
    mouse.move(x, top)
    mouse.down()
    mouse.move(x - 2, (top + bottom) / 2, steps=5)
    mouse.move(x - 4, bottom, steps=5)
    mouse.up()


def shares(page: DescentPage) -> list[float]:
    """The ten displayed percentages."""
    texts = page.region("Draw a digit").locator(".bar-share").all_text_contents()
    return [float(text.removesuffix("%")) for text in texts]


def test_a_drawn_one_is_read_by_the_trained_network(page_of_run: DescentPage) -> None:
    page = page_of_run
    region = page.region("Draw a digit")
    region.get_by_label("read by").select_option("trained")
    draw_a_one(page)
    expect(region.locator("[data-part=verdict]")).to_contain_text("1")
    page.until(lambda: "–" not in region.locator(".bar-share").all_text_contents(), "the bars")
    assert max(range(10), key=shares(page).__getitem__) == 1
    assert abs(sum(shares(page)) - 100) < 1


def test_no_run_reads_nothing(open_page: OpenPage) -> None:
    page = open_page(complaints_expected=True)
    page.page.goto(page.page.url.replace(page.run_id, "0" * 32))
    expect(page.page.get_by_text("This run does not exist").first).to_be_visible()
    for name in ("Share", "Race…", "Branch from here"):
        expect(page.page.get_by_role("button", name=name).first).to_be_disabled()
    draw_a_one(page)
    region = page.region("Draw a digit")
    expect(region).to_contain_text("This run does not exist")
    assert region.locator(".bar-share").all_text_contents() == ["–"] * 10
    region.get_by_label("read by").select_option("trained")
    expect(region.locator("[data-part=verdict]")).to_contain_text("Read as 1")


def test_the_bars_move_as_the_network_learns(page_of_run: DescentPage) -> None:
    page = page_of_run
    draw_a_one(page)
    region = page.region("Draw a digit")
    page.until(lambda: "–" not in region.locator(".bar-share").all_text_contents(), "the bars")
    untrained = shares(page)
    page.play_fast()
    page.until(lambda: shares(page)[1] > 80, "the network to learn what a one is")
    assert untrained[1] < 80
    page.pause()


def test_weights_that_read_nothing_leave_the_pad_where_it_is(open_page: OpenPage) -> None:
    page = open_page(complaints_expected=True)  # the browser tells of the 409
    page.explode()
    region = page.region("Draw a digit")
    pad = region.get_by_role("img", name=re.compile("Drawing pad"))
    pad.scroll_into_view_if_needed()
    before = pad.bounding_box()
    draw_a_one(page)
    expect(region.locator("[data-part=trouble]")).to_contain_text("weights of this run")
    assert pad.bounding_box() == before
    page.press("Dismiss")
    page.input("Learning rate").fill("0.001")
    page.input("Learning rate").press("Enter")
    page.press("Reset")
    expect(region.locator("[data-part=verdict]")).to_contain_text("Read as")
    expect(region.locator("[data-part=trouble]")).to_be_empty()


def test_a_cleared_pad_shows_nothing(page_of_run: DescentPage) -> None:
    page = page_of_run
    draw_a_one(page)
    region = page.region("Draw a digit")
    page.until(lambda: "–" not in region.locator(".bar-share").all_text_contents(), "the bars")
    page.press("Clear drawing")
    expect(region.locator(".bar-share").first).to_have_text("–")
