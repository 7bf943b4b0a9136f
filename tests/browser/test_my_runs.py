"""The visitor's own runs: listed as they are, renamed, compared and deleted."""

import re

from playwright.sync_api import Locator, expect

from tests.browser.conftest import OpenPage
from tests.browser.test_comparing import MAKE, small_page
from tests.support.explained import Notebook, disagreement, read_explanation
from tests.support.page import DescentPage


def open_list(page: DescentPage) -> Locator:
    """The dialog, opened."""
    page.page.get_by_role("button", name="My runs", exact=True).click()
    dialog = page.page.get_by_role("dialog", name="My runs")
    expect(dialog).to_be_visible()
    return dialog


def entry(dialog: Locator, run_id: str) -> Locator:
    return dialog.locator(f'li[data-run="{run_id}"]')


def inked(canvas: Locator) -> bool:
    """Whether something is drawn on a canvas."""
    drawn: bool = canvas.evaluate(
        """(canvas) => canvas.getContext("2d")
          .getImageData(0, 0, canvas.width, canvas.height).data.some((byte) => byte > 0)"""
    )
    return drawn


def test_the_list_says_what_the_api_says_and_goes_on(open_page: OpenPage) -> None:
    page = small_page(open_page)
    for _ in range(3):
        page.press("Step batch")
    page.shows("batch", "3")
    dialog = open_list(page)
    here = entry(dialog, page.run_id)
    state = page.run.state()
    accuracy = f"{100 * state['accuracy']:.1f}\u00a0%"
    expect(here).to_contain_text(f"on this page · batch 3 · accuracy {accuracy}")
    expect(here).to_contain_text("batches of 128; 40 relu → 10 softmax")
    expect(here).to_contain_text(re.compile(r"used .+, kept for 30 days"))
    expect(dialog).to_contain_text("A run is kept for 30 days after its last use")
    expect(dialog.get_by_text(re.compile("none running"))).to_be_visible()
    assert inked(here.locator("canvas"))
    made = page.page.evaluate(MAKE, {})
    expect(entry(dialog, made)).to_contain_text("batch 0")
    expect(dialog.get_by_role("link", name="Open RMSprop 0.001").first).to_have_attribute(
        "href", re.compile(r"^/\?run=[0-9a-f]{32}$")
    )
    page.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_a_run_is_renamed_in_place(open_page: OpenPage) -> None:
    page = small_page(open_page)
    dialog = open_list(page)
    name = entry(dialog, page.run_id).get_by_role("textbox")
    name.fill("  too fast ")
    name.press("Enter")
    page.until(lambda: page.run.state()["name"] == "too fast", "the name")
    expect(name).to_have_value("too fast")
    expect(name).to_have_accessible_name("Name of the run too fast")
    name.fill("never mind")
    name.press("Escape")
    expect(name).to_have_value("too fast")
    expect(dialog).to_be_visible()
    page.page.reload()
    page.wait_open()
    dialog = open_list(page)
    expect(entry(dialog, page.run_id).get_by_role("textbox")).to_have_value("too fast")


def test_a_dialog_is_closed_by_a_press_beside_it_and_not_by_one_within(open_page: OpenPage) -> None:
    page = small_page(open_page)
    dialog = open_list(page)
    box = dialog.bounding_box()
    assert box is not None
    mouse = page.page.mouse
    mouse.click(box["x"] + 5, box["y"] + 5)
    field = entry(dialog, page.run_id).get_by_role("textbox").bounding_box()
    assert field is not None
    mouse.move(field["x"] + 20, field["y"] + field["height"] / 2)
    mouse.down()
    mouse.move(box["x"] - 20, field["y"] + field["height"] / 2, steps=3)
    mouse.up()
    expect(dialog).to_be_visible()
    mouse.click(box["x"] - 20, box["y"] + 20)
    expect(dialog).to_be_hidden()


def asked_whether_to_delete(page: DescentPage) -> tuple[str, Locator]:
    """Another run of the page's owner, and the list, which asks whether to delete it."""
    other: str = page.page.evaluate(MAKE, {"optimizer": {"name": "sgd", "learning_rate": 0.5}})
    dialog = open_list(page)
    entry(dialog, other).get_by_role("button", name="Delete SGD 0.5").click()
    return other, dialog


def test_a_run_is_deleted_once_the_question_is_answered(open_page: OpenPage) -> None:
    page = small_page(open_page)
    other, dialog = asked_whether_to_delete(page)
    row = entry(dialog, other)
    expect(row).to_contain_text("Delete SGD 0.5 for good?")
    row.get_by_role("button", name="No, keep it").click()
    assert page.run.http.get(f"/api/runs/{other}").status_code == 200
    row.get_by_role("button", name="Delete SGD 0.5").click()
    row.get_by_role("button", name="Yes, delete it").click()
    expect(row).to_have_count(0)
    assert page.run.http.get(f"/api/runs/{other}").status_code == 404


def test_a_run_of_mine_is_put_beside_this_one(open_page: OpenPage) -> None:
    page = small_page(open_page)
    other = page.page.evaluate(MAKE, {"optimizer": {"name": "sgd", "learning_rate": 0.5}})
    dialog = open_list(page)
    entry(dialog, other).get_by_role("button", name="Compare SGD 0.5 with this page's run").click()
    expect(dialog).to_be_hidden()
    row = page.region("Compare runs").locator(f'tbody tr[data-run="{other}"]')
    expect(row).to_contain_text("SGD")
    assert f"with={other}" in page.page.url


def test_a_visitor_without_runs_is_told_so(open_page: OpenPage) -> None:
    theirs = small_page(open_page)
    page = open_page(f"/?run={theirs.run_id}")
    dialog = open_list(page)
    expect(dialog).to_contain_text("You have no runs on this server yet.")
    expect(dialog.get_by_role("listitem")).to_have_count(0)


def test_it_says_when_the_list_does_not_come(open_page: OpenPage) -> None:
    page = open_page(complaints_expected=True)
    page.page.route("**/api/runs", lambda route: route.abort())
    dialog = open_list(page)
    expect(dialog.get_by_role("alert")).to_contain_text("The server does not answer.")
    page.page.unroute("**/api/runs")
    expect(entry(dialog, page.run_id)).to_be_visible()
    expect(dialog.get_by_role("alert")).to_be_hidden()


def test_the_numbers_of_a_run_explain_themselves(open_page: OpenPage) -> None:
    page = small_page(open_page)
    page.press("Step batch")
    page.shows("batch", "1")
    page.shows("test_batch", "1")  # else it is measured meanwhile
    here = entry(open_list(page), page.run_id)
    figures = here.locator("[data-cell=reached] .figure")
    expect(figures).to_have_count(3)
    shown = f"{100 * page.run.state()['test_accuracy']:.2f}\u00a0%"
    expect(figures.nth(2)).to_have_text(shown)
    notebook = Notebook()
    for number in figures.all():
        explained = read_explanation(page, number)
        assert explained is not None
        assert explained.address == f"GET /api/runs/{page.run_id}"
        assert disagreement(explained, notebook.value_of(explained)) is None
