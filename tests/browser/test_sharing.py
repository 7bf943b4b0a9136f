"""Branches, links and files: what leaves a page, and what another page makes of it."""

import json
import re
from pathlib import Path

from playwright.sync_api import Download, Locator, Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.test_accessibility import COLOUR
from tests.support.page import DescentPage
from tests.support.server import Server

DROP = """([text, name]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([text], name));
  document.body.dispatchEvent(new DragEvent("dragover", { dataTransfer: transfer, bubbles: true }));
  const held = !document.querySelector('[data-part="drop"]').hidden;
  document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true }));
  return held;
}"""


def changed_run(page: DescentPage) -> None:
    """Twelve batches with a change of the learning rate, the optimizer and the batch size."""
    for batch in range(1, 13):
        page.press("Step batch")
        page.shows("batch", str(batch))
        if batch == 3:
            page.input("Learning rate").fill("0.002")
            page.input("Learning rate").press("Enter")
            page.until(lambda: page.run.state()["learning_rate"] == 0.002, "the learning rate")
        if batch == 6:
            page.input("Optimizer").select_option("adam")
            page.until(lambda: page.run.state()["optimizer"]["name"] == "adam", "the optimizer")
        if batch == 9:
            page.input("Batch size").select_option("64")
            page.until(lambda: page.run.state()["batch_size"] == 64, "the batch size")


def share(page: DescentPage) -> Locator:
    """The dialog behind Share."""
    page.press("Share")
    return page.page.get_by_role("dialog", name="Share, save, open")


def link(dialog: Locator, name: str) -> str:
    """A link of the dialog, once it is there."""
    field = dialog.get_by_role("textbox", name=name)
    expect(field).to_have_value(re.compile("http"))
    return field.input_value()


def opened_beside(page: DescentPage, before: str) -> None:
    """Wait until the page shows another run than before."""
    page.page.wait_for_url(lambda url: "run=" in url and before not in url)
    page.wait_open()


def same_run(page: DescentPage, other: DescentPage, batch: int) -> None:
    """Wait until a page stands at a batch, and compare everything with another run's."""
    page.shows("batch", str(batch))
    state = page.run.at_rest()
    theirs = other.run.state()
    assert (state["batch"], state["actions"]) == (batch, theirs["actions"])
    assert page.run.series()["loss"] == other.run.series()["loss"][:batch]
    page.until(lambda: len(page.series()["loss"]) == batch, "every point")
    assert page.series()["loss"] == page.run.series()["loss"]
    for name in ("layer1.weights", "layer2.bias", "layer1.weights.v"):
        assert (page.run.tensor(name) == other.run.tensor(name)).all(), name


def test_a_branch_shares_the_past_and_leaves_the_run_alone(page_of_run: DescentPage) -> None:
    page = page_of_run
    for batch in range(1, 7):
        page.press("Step batch")
        page.shows("batch", str(batch))
    before = page.run.series()["loss"]
    origin = page.run
    page.input("Rewind to batch").fill("4")
    page.shows("batch", "4")
    page.region("Loss").get_by_role("button", name="Branch from here").click()
    dialog = page.page.get_by_role("dialog", name="Branch at batch 4")
    expect(dialog.get_by_label("Learning rate")).to_have_value("0.001")
    expect(dialog.get_by_label("Batch size")).to_have_value("128")
    dialog.get_by_label("Optimizer").select_option("sgd")
    dialog.get_by_label("Learning rate").fill("-3")
    page.press("Open the branch")
    refusal = dialog.get_by_role("alert")
    expect(refusal).to_contain_text("above 0")
    expect(refusal).not_to_have_css("color", dialog.locator("p").first.evaluate(COLOUR))
    dialog.get_by_label("Learning rate").fill("-0.05")
    expect(refusal).to_contain_text("above 0")
    dialog.get_by_label("Learning rate").fill("0.05")
    expect(refusal).to_be_empty()
    page.press("Open the branch")
    opened_beside(page, origin.id)
    page.shows("batch", "4")
    state = page.run.state()
    assert state["branched_from"] == {"id": origin.id, "batch": 4}
    assert (state["optimizer"]["name"], state["learning_rate"]) == ("sgd", 0.05)
    page.press("Step batch")
    page.shows("batch", "5")
    assert page.run.series()["loss"][:5] == before[:5]
    page.press("Step batch")
    page.shows("batch", "6")
    assert page.run.series()["loss"][5] != before[5]
    assert origin.series()["loss"] == before
    page.region("Loss").get_by_text("History").click()
    past = page.region("Loss").get_by_role("link", name="Branched from another run")
    expect(past).to_have_attribute("href", f"/?run={origin.id}")
    colours = past.evaluate("(a) => [a, a.parentElement].map((it) => getComputedStyle(it).color)")
    assert colours[0] == colours[1]  # a browser's blue would be a sign


def test_what_a_change_would_discard_is_said_before_it_is_lost(page_of_run: DescentPage) -> None:
    page = page_of_run
    for batch in range(1, 4):
        page.press("Step batch")
        page.shows("batch", str(batch))
    hint = page.page.get_by_text("Changing a setting now discards batches 2 to 3")
    page.press("Back one batch")
    page.shows("batch", "2")
    page.press("Back one batch")
    page.shows("batch", "1")
    expect(hint).to_be_hidden()
    page.input("Optimizer").focus()
    expect(hint).to_be_visible()
    page.press("Branch instead")
    expect(page.page.get_by_role("dialog", name="Branch at batch 1")).to_be_visible()
    page.press("Cancel")
    page.input("Learning rate").fill("0.01")
    page.input("Learning rate").press("Enter")
    page.until(lambda: page.run.state()["furthest"] == 1, "the change")
    expect(hint).to_be_hidden()


def test_the_link_to_watch_shows_the_run_live_in_a_second_browser(open_page: OpenPage) -> None:
    owner = open_page()
    owner.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    dialog = share(owner)
    address = link(dialog, "Watch this run")
    expect(dialog.get_by_text("Links from here open on this computer only.")).to_be_visible()
    dialog.get_by_role("button", name="Copy the link to watch").click()
    expect(dialog.get_by_role("status")).to_have_text("Link copied.")
    assert owner.page.evaluate("navigator.clipboard.readText()") == address
    dialog.get_by_role("button", name="Close").click()
    guest = open_page(address[address.index("/?") :])
    assert guest.run_id == owner.run_id
    owner.play_fast()
    guest.until(lambda: len(guest.series()["loss"]) > 20, "the guest to see it play")
    state = owner.pause()
    guest.shows("batch", f"{state['batch']:,}")
    guest.until(lambda: len(guest.series()["loss"]) == state["batch"], "every point")
    assert guest.series()["loss"] == owner.run.series()["loss"]
    owner.input("Rewind to batch").fill("7")
    guest.shows("batch", "7")


def test_the_link_with_the_recipe_makes_the_same_run_again(open_page: OpenPage) -> None:
    one = open_page()
    changed_run(one)
    dialog = share(one)
    expect(dialog.get_by_text("3 changes, up to batch 12")).to_be_visible()
    address = link(dialog, "The whole recipe in a link")
    other = open_page(address[address.index("/#") :])
    assert "#" not in other.page.url
    assert other.run_id != one.run_id
    same_run(other, one, 12)
    other.press("Step batch")
    other.shows("batch", "13")
    one.press("Close")
    one.press("Step batch")
    one.shows("batch", "13")
    same_run(other, one, 13)


def saved(page: DescentPage, name: str, folder: Path) -> Path:
    """A file of the dialog, saved."""
    with page.page.expect_download() as info:
        page.page.get_by_role("link", name=name).click()
    download: Download = info.value
    path = folder / download.suggested_filename
    download.save_as(path)
    return path


def test_recipe_and_network_are_saved_and_opened_again(open_page: OpenPage, tmp_path: Path) -> None:
    one = open_page()
    changed_run(one)
    share(one)
    recipe = saved(one, "The recipe, JSON", tmp_path)
    network = saved(one, "The network, .safetensors", tmp_path)
    assert recipe.suffix == ".json"
    assert network.suffix == ".safetensors"
    kept = json.loads(recipe.read_text(encoding="utf-8"))
    assert (kept["format"], kept["batches"]) == ("descent.recipe", 12)
    assert kept["actions"] == one.run.state()["actions"]
    other = open_page()
    for path in (recipe, network):
        before = other.run_id
        share(other)
        other.page.locator('share-dialog input[type="file"]').set_input_files(path)
        opened_beside(other, before)
        same_run(other, one, 12)
        assert other.run.state()["speed"] == 2  # it can be followed


def test_a_file_is_dropped_on_the_page(open_page: OpenPage, tmp_path: Path) -> None:
    one = open_page()
    one.press("Step batch")
    one.shows("batch", "1")
    share(one)
    recipe = saved(one, "The recipe, JSON", tmp_path)
    other = open_page()
    before = other.run_id
    held: list[Route] = []
    other.page.route("**/api/runs", lambda route: held.append(route))
    assert other.page.evaluate(DROP, [recipe.read_text(encoding="utf-8"), "recipe.json"])
    other.until(lambda: len(held) > 0, "the recipe to be sent")
    expect(other.page.locator("run-notice [data-part=error]")).to_be_hidden()
    notices = other.page.get_by_role("status")
    expect(notices.filter(has_text="Opening recipe.json …")).to_be_visible()
    held[0].continue_()
    opened_beside(other, before)
    same_run(other, one, 1)


def test_foreign_and_damaged_files_are_refused_and_the_run_stays(
    open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page(complaints_expected=True)  # the browser notes refused requests
    page.press("Step batch")
    page.shows("batch", "1")
    dialog = share(page)
    network = saved(page, "The network, .safetensors", tmp_path).read_bytes()
    recipe = json.loads(saved(page, "The recipe, JSON", tmp_path).read_text(encoding="utf-8"))
    recipe["config"]["batch_size"] = -1
    files = {
        "notes.txt": (b"not a recipe", "of another kind"),
        "recipe.json": (json.dumps(recipe).encode(), "batch_size"),
        "cut.safetensors": (network[: len(network) // 2], "of another kind"),
        "flipped.safetensors": (network[:-9] + b"\xff" + network[-8:], "of another kind"),
    }
    before = page.run_id
    for name, (content, complaint) in files.items():
        path = tmp_path / f"damaged-{name}"
        path.write_bytes(content)
        page.page.locator('share-dialog input[type="file"]').set_input_files(path)
        expect(dialog.get_by_role("alert")).to_contain_text(complaint)
        assert page.run_id == before
    page.press("Close")
    page.page.evaluate(DROP, ["not a recipe", "notes.txt"])
    expect(page.page.get_by_role("alert").filter(has_text="of another kind")).to_be_visible()
    expect(page.page.locator("run-notice").get_by_text("Opening notes.txt")).to_be_hidden()
    page.press("Step batch")
    page.shows("batch", "2")
    assert page.run_id == before


def test_a_damaged_link_is_said_and_a_new_run_offered(open_page: OpenPage, server: Server) -> None:
    page = open_page()
    page.page.goto(f"{server.address}/#recipe=rZLBTsMwEER")
    expect(page.page.get_by_role("alert").filter(has_text="cannot be read")).to_be_visible()
    page.press("Start a new run")
    page.wait_open()
    page.press("Step batch")
    page.shows("batch", "1")


def test_a_recipe_too_long_for_a_link_is_said(open_page: OpenPage) -> None:
    page = open_page()
    state = page.page.evaluate(
        """async () => {
          const id = new URLSearchParams(location.search).get("run");
          let seed = 1;
          const pixel = () => (seed = (seed * 48271) % 2147483647) % 256;
          let state;
          for (let i = 0; i < 40; i++) {
            const rows = Array.from({ length: 28 }, () => Array.from({ length: 28 }, pixel));
            const answer = await fetch(`/api/runs/${id}/commands`, {
              method: "POST",
              headers: { "Content-Type": "application/json" },
              body: JSON.stringify({ type: "train_on", pixels: rows, label: 4 }),
            });
            state = await answer.json();
          }
          return state;
        }"""
    )
    assert len(state["actions"]) == 40
    dialog = share(page)
    expect(dialog.get_by_text("too long for a link")).to_be_visible()
    expect(dialog.get_by_role("textbox", name="The whole recipe in a link")).to_be_hidden()
