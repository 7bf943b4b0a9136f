"""Runs side by side: a race in two clicks, the same batches, numbers and images that are true."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Locator, Request, Route, WebSocket, WebSocketRoute, expect

from tests.browser.conftest import OpenPage
from tests.browser.test_accessibility import THEMES, settled, violations
from tests.support.client import Run
from tests.support.explained import Notebook, disagreement, displayed, read_explanation
from tests.support.page import DescentPage, ShownRun, asking_the_page
from tests.support.server import Server

SGD_AGAINST_RMSPROP = "SGD 0.1 against RMSprop 0.001"
LAYERS = [{"units": 40, "activation": "relu"}, {"units": 10, "activation": "softmax"}]
CELLS = ("learning_rate", "batch_size", "batch", "loss", "accuracy", "test_accuracy")

MAKE = """async (config) => {
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify(config);
  return (await (await fetch("/api/runs", { method: "POST", headers, body })).json()).id;
}"""

DELETE = """(id) => fetch(`/api/runs/${id}`, { method: "DELETE" })"""

# Of each compared run, the batch that the page has heard of.
BATCHES = asking_the_page(
    "return app.comparison.all.peek().map(({ run }) => run.state.peek()?.batch)"
)

# The values that an image shows, from its very pixels: colour → code → value, null for the gaps.
PICTURE = asking_the_page(
    """
  const table = app.colours.value.signed;
  const codes = new Map([...table].map((pixel, code) => [pixel, Math.max(code, 1)]));
  const holder = canvas.closest("figure");
  // In one to three rows, whichever makes the images largest.
  const room = holder.clientWidth * devicePixelRatio + 1;
  const size = (columns) => Math.floor(room / columns / 29);
  const covered = (columns) => size(columns) ** 2 / columns;
  const columns = [24, 12, 8].reduce((a, b) => (covered(b) > covered(a) ? b : a));
  const scale = size(columns);
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  const pixels = new Uint32Array(data.buffer);
  return Array.from({ length: 24 }, (_, image) => {
    const left = (image % columns) * 29 * scale;
    const top = Math.floor(image / columns) * 29 * scale;
    const code = (i) => {
      const x = left + (i % 28) * scale + (scale >> 1);
      const y = top + Math.floor(i / 28) * scale + (scale >> 1);
      return codes.get(pixels[y * width + x]) ?? null;
    };
    return Array.from({ length: 784 }, (_, i) => code(i));
  });
""",
    given="canvas",
)


def small_page(open_page: OpenPage, **config: Any) -> DescentPage:
    """A page with a run of its own that is light on the machine."""
    page = open_page()
    run_id = page.page.evaluate(MAKE, {"layers": LAYERS, **config})
    page.page.goto(re.sub(r"run=[0-9a-f]{32}", f"run={run_id}", page.page.url))
    return page.wait_open()


def region_of(page: DescentPage) -> Locator:
    return page.region("Compare runs")


def race(page: DescentPage, title: str = SGD_AGAINST_RMSPROP) -> None:
    """The two clicks."""
    page.page.get_by_role("button", name="Race…").first.click()
    page.press(title)
    expect(region_of(page).locator("tbody tr").nth(1)).to_be_visible()


def compared(page: DescentPage) -> list[Run]:
    """The runs in the table, as REST has them."""
    rows = region_of(page).locator("tbody tr")
    ids = [str(row.get_attribute("data-run")) for row in rows.all()]
    return [ShownRun(page.page, page.run.http, run_id) for run_id in ids]


def hold_all(page: DescentPage) -> list[dict[str, Any]]:
    """Stop all, and wait until the page shows where they stand; their states."""
    page.press("Hold all")
    # In step, all rest for a moment between two rounds too.
    expect(region_of(page)).not_to_have_class(re.compile("is-running"))
    states = [
        run.until(lambda state: state["state"] == "paused", what="a run to rest")
        for run in compared(page)
    ]
    for state in states:
        cell = row_of(page, state["id"]).locator('[data-cell="batch"]')
        expect(cell).to_have_text(f"{state['batch']:,}")
    return states


def restart_all(page: DescentPage) -> None:
    """Take all back to the start, and wait until the page shows them there."""
    page.press("Restart all")
    for run in compared(page):
        expect(row_of(page, run.id).locator('[data-cell="batch"]')).to_have_text("0")


def hold_images(page: DescentPage) -> list[dict[str, Any]]:
    """Stop both, and wait until their images too are of where they stand; their states."""
    states = hold_all(page)
    for letter, state in zip("AB", states, strict=True):
        note = f"{letter} after batch {state['batch']}"
        expect(region_of(page).get_by_text(note).first).to_be_visible()
    return states


def row_of(page: DescentPage, run_id: str) -> Locator:
    return region_of(page).locator(f'tbody tr[data-run="{run_id}"]')


def trained_to(page: DescentPage, batch: int) -> None:
    """Wait until every compared run is beyond a batch."""
    page.until(
        lambda: all(run.state()["batch"] >= batch for run in compared(page)), f"batch {batch}"
    )


@pytest.fixture
def http(server: Server) -> Iterator[httpx2.Client]:
    """A reader's client: no cookie and no key."""
    with httpx2.Client(base_url=server.address, timeout=60.0) as client:
        yield client


def test_a_race_takes_two_clicks_and_runs_on_the_same_batches(page_of_run: DescentPage) -> None:
    page = page_of_run
    expect(region_of(page).get_by_text("Pick a race")).to_be_visible()
    race(page)
    expect(region_of(page)).to_be_in_viewport()
    expect(page.page.get_by_role("checkbox", name="in step")).to_be_checked()
    trained_to(page, 4)
    hold_all(page)
    own, other = compared(page)
    assert own.id == page.run_id
    assert f"with={other.id}" in page.page.url
    configs = [run.state()["config"] for run in (own, other)]
    optimizers = [config.pop("optimizer") for config in configs]
    assert configs[0] == configs[1]
    assert [(it["name"], it["learning_rate"]) for it in optimizers] == [
        ("rmsprop", 0.001),
        ("sgd", 0.1),
    ]
    weights = "layer1.weights"
    assert np.array_equal(own.tensor(weights, batch=0), other.tensor(weights, batch=0))
    for batch in (1, 3):
        assert np.array_equal(
            own.tensor("batch.y", batch=batch), other.tensor("batch.y", batch=batch)
        )
    assert not np.array_equal(own.tensor(weights, batch=3), other.tensor(weights, batch=3))
    expect(region_of(page).get_by_text("The same start and the same batches")).to_be_visible()


OWN_RUNS = "async () => (await (await fetch('/api/runs')).json()).runs.map(({ id }) => id)"
THREE_RATES = "SGD 0.01, 0.1 and 1"


def own_runs(page: DescentPage) -> set[str]:
    """The visitor's, of which those that nobody knows of would be left behind."""
    return set(page.page.evaluate(OWN_RUNS))


def is_making(request: Request) -> bool:
    return request.method == "POST" and request.url.endswith("/api/runs")


def test_a_race_whose_dialog_is_closed_meanwhile_leaves_nothing_behind(
    page_of_run: DescentPage,
) -> None:
    page = page_of_run
    before = own_runs(page)
    held: list[Route] = []
    page.page.route("**/api/runs", lambda route: held.append(route))
    page.page.get_by_role("button", name="Race…").first.click()
    page.press(THREE_RATES)
    page.until(lambda: len(held) == 1, "a run to be asked for")
    page.page.keyboard.press("Escape")
    with page.page.expect_response(lambda response: is_making(response.request)) as made:
        held[0].continue_()
    made.value.finished()
    page.page.unroute("**/api/runs")
    page.until(lambda: own_runs(page) == before, "the run to be deleted again")
    assert len(held) == 1  # no other was asked for
    assert "with=" not in page.page.url
    race(page)  # as if nothing had been


def test_a_race_of_which_a_run_is_refused_leaves_nothing_behind(open_page: OpenPage) -> None:
    page = open_page(complaints_expected=True)
    before = own_runs(page)
    asked: list[Request] = []

    def refuse_the_last(route: Route) -> None:
        if is_making(route.request):
            asked.append(route.request)
        if len(asked) < 3:
            route.continue_()
        else:
            error = {"code": "too_many_runs", "message": "All 64 runs are in use.", "hint": None}
            route.fulfill(status=503, json={"error": error})

    page.page.route("**/api/runs", refuse_the_last)
    page.page.get_by_role("button", name="Race…").first.click()
    page.press(THREE_RATES)
    trouble = page.page.get_by_role("dialog", name="Race").get_by_role("alert")
    expect(trouble).to_have_text("All 64 runs are in use.")
    page.page.unroute("**/api/runs")
    assert own_runs(page) == before
    assert "with=" not in page.page.url


def test_the_table_shows_what_the_api_says(open_page: OpenPage, http: httpx2.Client) -> None:
    page = small_page(open_page)
    race(page, "SGD 0.01, 0.1 and 1")
    expect(region_of(page).locator("tbody tr")).to_have_count(4)
    page.press("Run all")
    trained_to(page, 20)
    states = hold_all(page)
    for run in compared(page):
        run.until(lambda state: state["test_batch"] == state["batch"], what="the measurement")
    for state in states:
        run = Run(http, {"id": state["id"]})
        row = row_of(page, run.id)
        now = run.state()
        for name in CELLS:
            cell = row.locator(f'[data-cell="{name}"]')
            if name == "test_accuracy":
                expect(cell).to_have_text(f"{100 * now[name]:.2f}\u00a0%")
            shown, half = displayed(cell.inner_text())
            assert abs(shown - now[name]) <= half * 1.001 + 1e-9, name
            explained = read_explanation(page, cell)
            assert explained is not None
            assert disagreement(explained, Notebook().value_of(explained)) is None, name
        page.page.keyboard.press("Escape")
    readout = region_of(page).locator('[data-part="readout"] .explained')
    common = min(state["batch"] for state in states)
    for number, state in zip(readout.all(), states, strict=True):
        series = Run(http, {"id": state["id"]}).series()["loss"]
        shown, half = displayed(number.inner_text())
        assert abs(shown - series[common - 1]) <= half * 1.001


def values_of(canvas: Locator, scale: float) -> NDArray[np.float64]:
    """The values that a picture's colours stand for, (23, 784); unit 0 has a frame on it."""
    codes = np.array(canvas.evaluate(PICTURE), dtype=np.float64)[1:]
    share = (codes - 128) / 127
    return np.asarray(np.sign(share) * share**2 * scale)


def coarseness(values: NDArray[Any], scale: float) -> NDArray[Any]:
    """How far a value may be from what its code says.

    Half a code, in the share's square; and coding looks at 8 significant bits of the value.
    """
    share = np.sqrt(np.minimum(np.abs(values) / scale, 1))
    return np.asarray(scale * (share / 127 + 0.25 / 127**2) * 1.01 + np.abs(values) / 2**7)


def race_with_images(open_page: OpenPage, batches: int) -> tuple[DescentPage, list[dict[str, Any]]]:
    """A page with two runs trained that far, at rest with their images; and their states."""
    page = small_page(open_page)
    race(page)
    trained_to(page, batches)
    return page, hold_images(page)


def test_images_and_differences_are_those_of_the_weights(open_page: OpenPage) -> None:
    page, states = race_with_images(open_page, 30)
    region = region_of(page)
    own, other = compared(page)
    scale = next(view["scale"] for view in states[0]["views"] if view["view"] == "layer1.weights")
    one, two = (run.tensor("layer1.weights")[1:24].astype(np.float64) for run in (own, other))
    pictures = region.locator('.images-row [data-cell="images"]')
    for picture, weights in zip(pictures.all(), (one, two), strict=True):
        shown = values_of(picture, scale)
        assert np.all(np.abs(shown - weights) <= coarseness(weights, scale))
    shown = values_of(region.locator('[data-cell="difference"]:visible'), scale)
    true = two - one
    allowed = coarseness(one, scale) + coarseness(two, scale)
    allowed += coarseness(np.abs(true) + allowed, scale)
    assert np.all(np.abs(shown - true) <= allowed)
    assert np.abs(true).max() > 3 * allowed.mean()  # there was something to tell apart


def test_the_unit_read_out_is_reproduced(open_page: OpenPage) -> None:
    page, _ = race_with_images(open_page, 10)
    region = region_of(page)
    unit = region.get_by_label("Compared unit")
    unit.fill("900")
    unit.press("Tab")
    expect(unit).to_have_value("39")  # the last there is
    unit.fill("31")
    readout = region.locator('[data-part="unit-readout"]')
    expect(readout).to_contain_text(re.compile(r"unit 31: A .*B − A "))
    numbers = readout.locator(".explained").all()
    assert len(numbers) == 6
    for number in numbers:
        explained = read_explanation(page, number)
        assert explained is not None
        value = Notebook().value_of(explained)
        assert disagreement(explained, value) is None


def test_a_difference_beyond_the_scale_of_an_image_is_said_to_be_a_bound(
    open_page: OpenPage,
) -> None:
    page = small_page(open_page, optimizer={"name": "rmsprop", "learning_rate": 0.5})
    race(page)
    page.press("Hold all")
    page.page.get_by_role("button", name="Take out run C").click()
    expect(region_of(page).locator("tbody tr")).to_have_count(2)
    restart_all(page)
    page.press("Step all by a batch")
    page.until(lambda: {run.state()["batch"] for run in compared(page)} == {1}, "a batch")
    hold_images(page)
    own, other = (run.tensor("layer1.weights")[0].astype(np.float64) for run in compared(page))
    readout = region_of(page).locator('[data-part="unit-readout"]')
    expect(readout).to_contain_text(re.compile(r"B − A ≤ −.* to ≥ "))
    least, largest = readout.locator(".explained").all()[-2:]
    assert (other - own).min() < displayed(least.inner_text().removeprefix("≤ "))[0]
    assert (other - own).max() > displayed(largest.inner_text())[0]
    for number in (least, largest):
        explained = read_explanation(page, number)
        assert explained is not None
        assert disagreement(explained, Notebook().value_of(explained)) is None


def test_in_step_no_run_gets_far_ahead(open_page: OpenPage) -> None:
    page = small_page(open_page)
    race(page)
    trained_to(page, 3)
    hold_all(page)
    page.page.get_by_role("checkbox", name="in step").check()
    page.press("Run all")
    reached = max(run.state()["batch"] for run in compared(page))
    trained_to(page, reached + 5)
    batches = [state["batch"] for state in hold_all(page)]
    assert len(set(batches)) == 1
    page.press("Step all by a batch")
    page.until(
        lambda: {run.state()["batch"] for run in compared(page)} == {batches[0] + 1},
        "one batch more of each",
    )
    page.press("Restart all")
    page.until(lambda: {run.state()["batch"] for run in compared(page)} == {0}, "the start")


def test_a_row_is_of_one_moment_with_the_curve_though_an_answer_comes_first(
    open_page: OpenPage,
) -> None:
    page = small_page(open_page)
    other = page.page.evaluate(MAKE, {"layers": LAYERS, "optimizer": {"name": "sgd"}})
    frames_come = True

    def connect(route: WebSocketRoute) -> None:
        def pass_on(message: str | bytes) -> None:
            if frames_come or isinstance(message, str):
                route.send(message)

        route.connect_to_server().on_message(pass_on)

    page.page.route_web_socket(re.compile(other), connect)
    page.page.goto(f"{page.page.url}&with={other}")
    page.wait_open()
    region_of(page).scroll_into_view_if_needed()
    batches = region_of(page).locator('[data-cell="batch"]')
    readout = region_of(page).locator('[data-part="readout"]')
    for batch in ("1", "2"):
        page.press("Step all by a batch")
        expect(batches).to_have_text([batch, batch])
        expect(readout).to_contain_text(f"batch {batch}: ")
    frames_come = False
    page.press("Step all by a batch")
    page.until(lambda: page.page.evaluate(BATCHES) == [3, 3], "the answers")
    # Another unit is shown with all that is known by now.
    page.input("Compared unit").fill("1")
    expect(region_of(page).locator('[data-part="unit-readout"]')).to_contain_text("unit 1:")
    expect(batches).to_have_text(["3", "2"])
    expect(readout).to_contain_text("batch 2: ")


def test_a_reload_shows_the_same_and_taking_out_deletes_nothing(open_page: OpenPage) -> None:
    page = small_page(open_page)
    race(page)
    trained_to(page, 2)
    hold_all(page)
    before = [run.id for run in compared(page)]
    page.page.reload()
    page.wait_open()
    region_of(page).scroll_into_view_if_needed()
    expect(region_of(page).locator("tbody tr")).to_have_count(2)
    assert [run.id for run in compared(page)] == before
    expect(page.page.get_by_role("checkbox", name="in step")).to_be_checked()
    other = row_of(page, before[1]).locator('[data-cell="open"]')
    expect(other).to_have_attribute("href", f"/?run={before[1]}&with={before[0]}&in-step")
    page.press("Take out run B")
    expect(region_of(page).get_by_text("Pick a race")).to_be_visible()
    expect(page.page.get_by_role("button", name="Add a run of mine…")).to_be_focused()
    assert "with=" not in page.page.url
    assert "in-step" not in page.page.url
    assert Run(page.run.http, {"id": before[1]}).state()["id"] == before[1]


# Takes the comparison out of the page, and puts it back.
RETURN = """(region) => {
  for (const row of region.querySelectorAll("tbody tr, .images-row")) row.dataset.before = "";
  const next = region.nextSibling;
  region.remove();
  next.before(region);
}"""


def test_out_of_the_page_and_back_in_it_shows_each_run_once(open_page: OpenPage) -> None:
    page, _ = race_with_images(open_page, 2)
    region = region_of(page)
    region.evaluate(RETURN)
    region.scroll_into_view_if_needed()
    for rows in ("tbody tr", ".images-row"):
        expect(region.locator(f"{rows}:not([data-before])")).to_have_count(2)
        expect(region.locator(f"{rows}[data-before]")).to_have_count(0)


def test_batches_of_other_sizes_are_said_not_to_be_the_same(open_page: OpenPage) -> None:
    page = small_page(open_page)
    race(page, "Batches of 32 against 512")
    page.press("Hold all")
    notes = region_of(page).locator('[data-part="notes"]')
    expect(notes).to_contain_text("A takes 128 digits at a time, B takes 32.")
    expect(notes).to_contain_text("A takes 128 digits at a time, C takes 512.")


def test_on_a_phone_all_numbers_of_a_run_are_in_sight(open_page: OpenPage) -> None:
    page = small_page(open_page)
    race(page)
    page.press("Hold all")
    page.page.set_viewport_size({"width": 390, "height": 844})
    holder = region_of(page).locator(".compare-table-holder")
    assert holder.evaluate("({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth")
    row = row_of(page, page.run_id)
    name = "(cell) => getComputedStyle(cell.parentElement, '::before').content"
    for cell in CELLS:
        number = row.locator(f'[data-cell="{cell}"]')
        assert number.evaluate(name) == f'"{cell.replace("_", " ")}"'


def test_the_focus_stays_near_what_has_been_taken_out(open_page: OpenPage) -> None:
    page = small_page(open_page)
    race(page, "Batches of 32 against 512")
    page.press("Hold all")
    rows = region_of(page).locator("tbody tr")
    expect(rows).to_have_count(3)
    page.page.get_by_role("button", name="Take out run B").press("Enter")
    expect(rows).to_have_count(2)
    expect(page.page.get_by_role("button", name="Take out run C")).to_be_focused()


def test_a_run_of_somebody_else_is_watched_only(open_page: OpenPage) -> None:
    theirs = small_page(open_page)
    page = small_page(open_page)
    page.page.get_by_role("button", name="Race…").first.click()
    link = page.page.get_by_label("Link or id of a run")
    link.fill("no such thing")
    link.press("Enter")
    expect(page.page.get_by_text("Enter the link to a run")).to_be_visible()
    link.fill(theirs.page.url)
    link.press("Enter")
    row = row_of(page, theirs.run_id)
    expect(row).to_contain_text("watch only")
    page.press("Step all by a batch")
    page.until(lambda: page.run.state()["batch"] == 1, "the page's own run to step")
    assert theirs.run.state()["batch"] == 0
    expect(region_of(page).locator('[data-part="trouble"]')).to_be_empty()


EXPLODING = {"name": "sgd", "learning_rate": 1e6}
DEEPER = [{"units": 40, "activation": "relu"}, *LAYERS]


def test_who_has_exploded_drops_out_and_the_others_are_read_on(open_page: OpenPage) -> None:
    page = small_page(open_page, layers=DEEPER, optimizer=EXPLODING)
    race(page)
    page.press("Hold all")
    restart_all(page)
    page.press("Run all")
    own, *others = compared(page)
    page.until(lambda: all(run.state()["batch"] >= 30 for run in others), "batch 30")
    page.press("Hold all")
    expect(region_of(page)).not_to_have_class(re.compile("is-running"))
    failed = own.state()
    assert failed["state"] == "failed"
    row = row_of(page, own.id)
    standing = row.locator('[data-cell="standing"]')
    expect(standing).to_have_text(f"this page's run, stopped after batch {failed['batch']}")
    expect(standing).to_have_attribute("title", re.compile(r"^A has dropped out: .* not a finite"))
    notes = region_of(page).locator('[data-part="notes"]')
    expect(notes).to_contain_text(failed["error"]["hint"])
    expect(region_of(page)).to_contain_text("in step (without A)")
    batch = others[0].state()["batch"]
    readout = region_of(page).locator('[data-part="readout"]')
    expect(readout).to_contain_text(re.compile(rf"^batch {batch:,}: loss A –, B "))
    # What usual losses need is what the axis holds; what lies above is counted.
    above = region_of(page).locator('[data-part="above"]')
    expect(above).to_contain_text(re.compile(r"^▲ above: A \d+ of \d+ losses, up to \d"))
    for number in above.locator(".explained").all():
        explained = read_explanation(page, number)
        assert explained is not None
        assert disagreement(explained, Notebook().value_of(explained)) is None
    region_of(page).get_by_label("log scale").check()
    expect(above).to_be_empty()


NO_RUN = "0" * 32


def test_a_run_that_does_not_exist_is_refused_where_it_is_asked_for(open_page: OpenPage) -> None:
    page = open_page(complaints_expected=True)
    page.page.get_by_role("button", name="Race…").first.click()
    link = page.page.get_by_label("Link or id of a run")
    link.fill(NO_RUN)
    link.press("Enter")
    dialog = page.page.get_by_role("dialog", name="Race")
    expect(dialog.get_by_role("alert")).to_contain_text("This run does not exist")
    assert "with=" not in page.page.url


def test_of_fewer_units_and_of_a_deleted_run_no_more_is_told_than_there_is(
    open_page: OpenPage,
) -> None:
    page = open_page(complaints_expected=True)
    small = [{"units": 12, "activation": "relu"}, LAYERS[-1]]
    own, other = (page.page.evaluate(MAKE, {"layers": layers}) for layers in (LAYERS, small))
    page.page.goto(re.sub(r"run=[0-9a-f]{32}", f"run={own}&with={other}", page.page.url))
    page.wait_open()
    region = region_of(page)
    region.scroll_into_view_if_needed()
    captions = region.locator("figcaption")
    expect(captions.get_by_text("B after batch 0")).to_be_visible()
    region.get_by_label("Compared unit").fill("30")
    expect(captions.get_by_text("B has 12 units, and none of these")).to_be_visible()
    batch_size = row_of(page, other).locator('[data-cell="batch_size"]')
    explained = read_explanation(page, batch_size)
    assert explained is not None
    page.page.evaluate(DELETE, other)
    expect(row_of(page, other)).to_contain_text("no such run")
    batch_size.evaluate("(number) => { number.blur(); number.focus(); }")
    expect(batch_size).to_have_text("128")
    expect(page.page.locator("#number-popover")).to_be_hidden()


def test_a_run_that_does_not_exist_is_said_not_to_and_can_be_taken_out(
    open_page: OpenPage,
) -> None:
    page = open_page(complaints_expected=True)
    page.page.goto(f"{page.page.url}&with={NO_RUN}")
    page.wait_open()
    region_of(page).scroll_into_view_if_needed()
    row = row_of(page, NO_RUN)
    expect(row).to_contain_text("no such run")
    expect(row.get_by_role("link")).to_be_hidden()
    for name in CELLS:
        expect(row.locator(f'[data-cell="{name}"]')).to_have_text("–")
    expect(region_of(page).locator(".images-row:visible")).to_have_count(1)
    row.get_by_role("button", name="Take out run B").click()
    expect(row).to_be_hidden()
    assert "with=" not in page.page.url


def test_all_run_without_one_that_can_not_be_opened_until_it_can(open_page: OpenPage) -> None:
    page = small_page(open_page)
    other = page.page.evaluate(MAKE, {"layers": LAYERS, "optimizer": {"name": "sgd"}})
    is_closed = True

    def answer(route: WebSocketRoute) -> None:
        if is_closed:
            route.close()
        else:
            route.connect_to_server()

    page.page.route_web_socket(re.compile(other), answer)
    page.page.goto(f"{page.page.url}&with={other}")
    page.wait_open()
    region_of(page).scroll_into_view_if_needed()
    expect(row_of(page, other)).to_contain_text("can't be opened, trying again")
    page.press("Run all")
    page.run.until(lambda state: state["batch"] >= 5, what="the run that is open to go on")
    is_closed = False
    trained_to(page, 5)
    expect(row_of(page, other)).not_to_contain_text("opened")
    hold_all(page)


def test_beside_a_run_that_does_not_exist_nothing_is_compared(open_page: OpenPage) -> None:
    page = open_page(complaints_expected=True)
    address = page.page.url.replace(f"run={page.run_id}", f"run={NO_RUN}&with={page.run_id}")
    page.page.goto(address)
    expect(page.page.get_by_text("This run does not exist").first).to_be_visible()
    region = page.page.locator("compare-region")
    region.evaluate("(region) => region.scrollIntoView()")
    expect(region).to_be_hidden()


def test_out_of_sight_the_others_send_no_pictures(open_page: OpenPage) -> None:
    page = small_page(open_page)
    race(page)
    page.press("Hold all")
    _, other = compared(page)
    looks: list[dict[str, Any]] = []

    def listen(socket: WebSocket) -> None:
        if other.id not in socket.url:
            return

        def note(payload: str | bytes) -> None:
            message = json.loads(payload)
            if message["type"] == "look":
                looks.append(message)

        socket.on("framesent", note)

    page.page.on("websocket", listen)
    page.page.evaluate("scrollTo(0, 0)")  # where a reload comes back to
    page.page.reload()
    page.wait_open()
    page.until(lambda: len(looks) > 0, "the first look")
    assert (looks[-1]["views"], looks[-1]["rate"]) == ([], 1)
    region_of(page).scroll_into_view_if_needed()
    shown = ["layer1.weights/0/24"]
    page.until(lambda: looks[-1]["views"] == shown, "a look at the weights shown")
    assert looks[-1]["rate"] <= 5
    unit = region_of(page).get_by_label("Compared unit")
    expect(unit).to_have_attribute("max", "39")  # once its pictures are there
    unit.fill("31")
    shown = ["layer1.weights/24/40"]
    page.until(lambda: looks[-1]["views"] == shown, "a look at the last there are")
    page.page.get_by_role("heading", name="Descent").scroll_into_view_if_needed()
    page.until(lambda: looks[-1]["views"] == [], "the end of the look")


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_beside_each_other_and_in_the_dialogs(
    open_page: OpenPage, theme: str
) -> None:
    page = small_page(open_page)
    page.page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    race(page)
    trained_to(page, 3)
    hold_all(page)
    found = {"comparison": violations(page)}
    page.page.get_by_role("button", name="Race…").first.click()
    settled(page)
    found["races"] = violations(page)
    page.page.keyboard.press("Escape")
    page.page.get_by_role("button", name="My runs", exact=True).click()
    expect(page.page.get_by_role("dialog", name="My runs").locator("li")).not_to_have_count(0)
    settled(page)
    found["my runs"] = violations(page)
    assert not any(found.values()), json.dumps(found, indent=1)
