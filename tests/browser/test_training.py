"""The main job: press play, watch it learn, stop it, step it, change its settings."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.test_comparing import small_page
from tests.support.page import DescentPage

PHASES = ["draw", "forward", "loss", "backward", "update"]


def test_it_opens_on_the_example_network_at_rest(page_of_run: DescentPage) -> None:
    page = page_of_run
    expect(page.page.get_by_text("784 → 512 relu → 10 softmax")).to_be_visible()
    expect(page.page.get_by_text("407,050")).to_be_visible()
    for name in ("Play", "Reset", "Back one batch", "Step phase", "Step batch", "Step epoch"):
        expect(page.page.get_by_role("button", name=name)).to_be_visible()
    for name in ("Speed", "Learning rate", "Optimizer", "Batch size"):
        expect(page.page.get_by_label(name)).to_be_visible()
    for name in ("The loop", "Weights", "Loss", "Draw a digit"):
        expect(page.page.get_by_role("region", name=name)).to_be_visible()
    state = page.run.state()
    assert (state["state"], state["batch"]) == ("paused", 0)
    page.shows("loss", "–")


def test_played_through_an_epoch_it_learns(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.play_fast()

    def measured() -> dict[int, float]:
        return {batch: accuracy for batch, _, accuracy in page.run.series()["test"]}

    page.until(lambda: 469 in measured(), "the first epoch to end, and to be measured")
    page.pause()
    loss = page.run.series()["loss"]
    assert sum(loss[-20:]) < 0.3 * sum(loss[:20])
    assert measured()[469] > 0.9


def test_pause_stops_it_within_one_batch(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.play_fast()
    page.until(lambda: page.run.state()["batch"] > 20, "some batches")
    state = page.pause()
    # The worker answers between two slices of its training: there would be another in every answer.
    assert {page.run.state()["batch"] for _ in range(20)} == {state["batch"]}
    expect(page.page.get_by_role("button", name="Play")).to_be_visible()


@pytest.mark.parametrize("width", [1440, 1200, 1024, 1009])  # the last beside a scroll bar
def test_all_controls_are_in_one_row(page_of_run: DescentPage, width: int) -> None:
    page = page_of_run
    page.page.set_viewport_size({"width": width, "height": 768})
    page.input("Optimizer").select_option("sgd")
    expect(page.input("Momentum")).to_be_visible()
    for notch in range(11):
        page.input("Speed").fill(str(notch))
        assert page.page.evaluate(IN_ONE_ROW)
        assert page.page.evaluate("document.documentElement.scrollWidth") == width


IN_ONE_ROW = """() => {
  const controls = [...document.querySelectorAll(".transport-buttons, .control")];
  const boxes = controls.map((control) => control.getBoundingClientRect());
  const first = Math.min(...boxes.map((box) => box.bottom));
  return boxes.every((box) => box.top < first);
}"""


@pytest.mark.parametrize("width", [759, 720, 700, 390])
def test_no_row_is_kept_for_the_momentum_alone(page_of_run: DescentPage, width: int) -> None:
    page = page_of_run
    page.page.set_viewport_size({"width": width, "height": 768})
    tops = page.page.evaluate(
        "() => ['optimizer', 'momentum'].map((id) => document.getElementById(id)"
        ".closest('.control').getBoundingClientRect().top)"
    )
    assert tops[0] == tops[1]


def test_on_a_narrow_phone_nothing_lies_beside_the_page(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.page.set_viewport_size({"width": 320, "height": 568})
    assert page.page.evaluate("document.documentElement.scrollWidth") == 320


def test_step_phase_moves_one_phase(page_of_run: DescentPage) -> None:
    page = page_of_run
    for phase in [*PHASES, "draw"]:
        page.press("Step phase")
        station = page.region("The loop").locator("[aria-current=step]")
        expect(station).to_have_attribute("data-phase", phase)
        assert page.run.state()["phase"] == phase
    assert page.run.state()["batch"] == 1


def test_on_a_phone_the_station_that_is_stepped_to_comes_into_sight(
    page_of_run: DescentPage,
) -> None:
    page = page_of_run
    page.page.set_viewport_size({"width": 390, "height": 844})
    for phase in [*PHASES, "draw"]:
        page.press("Step phase")
        station = page.page.locator(f'.station[data-phase="{phase}"]')
        expect(station).to_have_class(re.compile("is-lit"))
        expect(station).to_be_in_viewport(ratio=0.9)


@pytest.mark.parametrize("width", [1440, 1280, 1024, 390])
def test_of_which_batch_the_loss_is_is_said(page_of_run: DescentPage, width: int) -> None:
    page = page_of_run
    page.page.set_viewport_size({"width": width, "height": 844})
    page.press("Step batch")
    for _ in ("draw", "forward", "loss"):
        page.press("Step phase")
    page.run.until(lambda state: state["phase"] == "loss", what="the loss of the next batch")
    expect(page.page.locator("run-progress").get_by_text("of batch 2")).to_be_visible()


def test_the_controls_stay_in_sight_wherever_one_reads(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.region("What it gets wrong").get_by_role("heading").first.scroll_into_view_if_needed()
    page.page.mouse.wheel(0, 5000)
    expect(page.region("The loop")).not_to_be_in_viewport()
    expect(page.page.get_by_role("button", name="Play", exact=True)).to_be_in_viewport(ratio=1)
    expect(page.field("loss")).to_be_in_viewport(ratio=1)
    scrolled = page.page.evaluate("scrollY")
    page.press("Step batch")
    page.page.get_by_role("button", name="Play", exact=True).focus()
    assert page.page.evaluate("scrollY") == scrolled


def test_step_batch_and_step_epoch(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.press("Step batch")
    page.shows("batch", "1")
    page.press("Step phase")
    page.press("Step batch")
    page.shows("batch", "2")
    assert page.run.state()["phase"] == "update"
    page.press("Step epoch")
    page.shows("batch", "469")
    state = page.run.at_rest()
    assert (state["batch"], state["epoch"]) == (469, 1)
    page.shows("epoch", "2")


def test_back_one_batch_shows_the_moment_before(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.press("Step batch")
    page.shows("batch", "1")
    before = page.field("loss").text_content()
    page.press("Step batch")
    page.shows("batch", "2")
    page.press("Back one batch")
    page.shows("batch", "1")
    page.shows("loss", before or "")
    assert page.run.state()["furthest"] == 2


def test_reset_goes_back_to_the_same_start(page_of_run: DescentPage) -> None:
    page = page_of_run
    start = page.run.tensor("layer1.weights")
    page.press("Step batch")
    page.shows("batch", "1")
    page.press("Reset")
    page.shows("batch", "0")
    page.shows("loss", "–")
    assert (page.run.tensor("layer1.weights") == start).all()


def test_a_reset_is_undone_to_the_same_bits(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.press("Step batch")
    page.input("Learning rate").fill("0.01")
    page.input("Learning rate").press("Enter")
    page.until(lambda: bool(page.run.state()["actions"]), "the change to arrive")
    page.press("Step batch")
    page.shows("batch", "2")
    page.input("Learning rate").blur()
    before = page.run.tensor("layer1.weights")
    page.page.keyboard.press("r")
    notice = page.page.locator("run-notice [data-part=discarded]")
    expect(notice).to_contain_text("Reset: 2 batches and 1 change discarded.")
    notice.get_by_role("button", name="Undo").click()
    page.shows("batch", "2")
    expect(notice).to_be_hidden()
    expect(page.page.get_by_role("button", name="Play")).to_be_focused()
    assert (page.run.tensor("layer1.weights") == before).all()
    page.page.keyboard.press("r")
    notice.get_by_role("button", name="Dismiss").click()
    expect(notice).to_be_hidden()
    assert page.run.state()["discarded"] == {"batches": 2, "changes": 1, "pending": None}


def test_a_learning_rate_typed_while_it_plays_is_used_from_the_next_batch_on(
    page_of_run: DescentPage,
) -> None:
    page = page_of_run
    page.play_fast()
    page.until(lambda: page.run.state()["batch"] > 10, "some batches")
    page.input("Learning rate").fill("0.0005")
    page.input("Learning rate").press("Enter")
    page.until(lambda: bool(page.run.state()["actions"]), "the change to arrive")
    (action,) = page.run.state()["actions"]
    assert action["set"] == {"learning_rate": 0.0005}
    page.until(lambda: page.run.state()["batch"] > action["batch"] + 5, "more batches")
    page.pause()
    rates = page.run.series()["learning_rate"]
    assert set(rates[: action["batch"]]) == {0.001}
    assert set(rates[action["batch"] :]) == {0.0005}


def test_a_bad_learning_rate_is_refused_in_words_and_changes_nothing(
    page_of_run: DescentPage,
) -> None:
    page = page_of_run
    field = page.input("Learning rate")
    for text, complaint in [
        ("nothing", "not a number"),
        ("-1", "above 0"),
        ("0", "above 0"),
        ("1e400", "too large"),
        ("1e300", "expected the learning rate"),
    ]:
        field.fill(text)
        field.press("Enter")
        alert = page.page.get_by_role("alert").filter(has_text=complaint)
        expect(alert).to_have_text(re.compile(r" Kept at 0\.001\.$"))
        expect(alert).to_be_visible()
    expect(field).to_have_value("1e300")  # what the complaint is about
    assert page.run.state()["learning_rate"] == 0.001
    assert page.run.state()["actions"] == []


def test_the_same_learning_rate_typed_again_does_not_hold_the_field(
    page_of_run: DescentPage,
) -> None:
    page = page_of_run
    field = page.input("Learning rate")
    page.press("Step batch")
    page.shows("batch", "1")
    field.fill("0.01")
    field.press("Enter")
    page.until(lambda: page.run.state()["learning_rate"] == 0.01, "the rate")
    page.press("Step batch")
    page.shows("batch", "2")
    field.select_text()
    page.page.keyboard.type("0.01")
    field.press("Enter")
    for batch in ("1", "0"):
        page.press("Back one batch")
        page.shows("batch", batch)
    assert page.run.state()["learning_rate"] == 0.001
    expect(field).to_have_value("0.001")


def test_why_a_rate_is_refused_is_not_covered_by_what_a_change_would_discard(
    page_of_run: DescentPage,
) -> None:
    page = page_of_run
    for batch in ("1", "2"):
        page.press("Step batch")
        page.shows("batch", batch)
    page.press("Back one batch")
    field = page.input("Learning rate")
    field.focus()
    hint = page.page.get_by_text("Changing a setting now discards")
    expect(hint).to_be_visible()
    field.fill("abc")
    field.press("Enter")
    expect(page.page.get_by_role("alert").filter(has_text="not a number")).to_be_visible()
    expect(hint).to_be_hidden()
    field.press("Escape")
    expect(hint).to_be_visible()


def test_optimizer_and_batch_size_change_without_a_reset(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.press("Step batch")
    page.shows("batch", "1")
    page.input("Optimizer").select_option("adam")
    page.until(lambda: page.run.state()["optimizer"]["name"] == "adam", "the optimizer")
    page.input("Batch size").select_option("64")
    page.until(lambda: page.run.state()["batch_size"] == 64, "the batch size")
    page.press("Step batch")
    page.shows("batch", "2")
    assert page.run.tensor("batch.x").shape == (64, 784)
    assert page.run.series()["loss"][1] < page.run.series()["loss"][0]


def test_momentum_is_offered_for_sgd(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.input("Optimizer").select_option("sgd")
    momentum = page.input("Momentum")
    expect(momentum).to_be_visible()
    momentum.fill("0.9")
    momentum.press("Enter")
    page.until(lambda: page.run.state()["optimizer"].get("momentum") == 0.9, "the momentum")


def test_the_keyboard_plays_and_steps(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.page.locator("body").press("ArrowRight")
    page.until(lambda: page.run.state()["phase"] == "draw", "one phase")
    page.page.locator("body").press("Shift+ArrowRight")
    page.shows("batch", "1")
    page.page.locator("body").press("Space")
    page.until(lambda: page.run.state()["state"] == "playing", "it to play")
    page.page.locator("body").press("Space")
    page.until(lambda: page.run.state()["state"] == "paused", "it to pause")


def test_two_visitors_do_not_disturb_each_other(open_page: OpenPage) -> None:
    one, other = open_page(), open_page()
    assert one.run_id != other.run_id
    one.press("Step batch")
    one.shows("batch", "1")
    other.press("Step batch")
    other.press("Step batch")
    other.shows("batch", "2")
    one.shows("batch", "1")
    assert one.run.series()["loss"] == other.run.series()["loss"][:1]


def test_a_failure_shows_at_once_though_another_notice_is_there(page_of_run: DescentPage) -> None:
    page = page_of_run
    # A notice would go by itself after a while; here it does not.
    page.page.evaluate(
        """() => {
          const set = window.setTimeout;
          window.setTimeout = (act, ms) => set(act, ms > 5000 ? 1e8 : ms);
        }"""
    )
    page.input("Optimizer").select_option("sgd")
    momentum = page.input("Momentum")
    momentum.fill("2")
    momentum.press("Enter")
    alert = page.page.locator("run-notice [data-part=error-message]")
    expect(alert).to_contain_text("Momentum must be at least 0 and less than 1")
    page.input("Learning rate").fill("1e12")
    page.input("Learning rate").press("Enter")
    page.play_fast()
    state = page.run.until(lambda state: state["state"] == "failed", what="the run to fail")
    message = state["error"]["message"]
    expect(alert).to_contain_text(message[0].upper() + message[1:])


def test_a_run_that_has_exploded_is_one_click_from_before_it_did(page_of_run: DescentPage) -> None:
    page = page_of_run
    for _ in range(3):
        page.press("Step batch")
    page.shows("batch", "3")
    page.explode()
    page.press("Go back to batch 3")
    page.shows("batch", "3")
    expect(page.page.locator("run-notice [data-part=error]")).to_be_hidden()
    assert page.run.state()["state"] == "paused"


def test_settings_changed_after_an_explosion_are_not_lost_in_going_back(
    page_of_run: DescentPage,
) -> None:
    page = page_of_run
    page.press("Step batch")
    page.shows("batch", "1")
    page.explode()
    expect(page.page.get_by_role("button", name="Go back to batch 1", exact=True)).to_be_visible()
    page.input("Learning rate").fill("0.25")
    page.input("Learning rate").press("Enter")
    page.press("Go back to batch 1 with these settings")
    page.shows("batch", "1")
    expect(page.input("Learning rate")).to_have_value("0.25")
    rests = {"state": "paused", "batch": 1, "learning_rate": 0.25}
    state = page.run.until(lambda state: rests.items() <= state.items(), what="the run to rest")
    assert state["optimizer"]["name"] == "sgd"
    page.press("Step batch")
    page.shows("batch", "2")


# The longest and the shortest figures of a long run, written where the page writes them.
WRITE_FIGURES = """(figures) => {
  for (const [field, text] of Object.entries(figures)) {
    for (const place of document.querySelectorAll(`run-progress [data-field="${field}"]`)) {
      place.textContent = text;
    }
  }
}"""
LONG = {"epoch": "12", "batch_in_epoch": "468", "loss": "0.0007671", "accuracy": "100.0 %"}
SHORT = {"epoch": "1", "batch_in_epoch": "1", "loss": "2.303", "accuracy": "9.4 %"}
LONG |= {"test_accuracy": "98.35 %", "batches_per_second": "1,001", "batch": "56,265"}
SHORT |= {"test_accuracy": "9.80 %", "batches_per_second": "0.0", "batch": "0"}
LONG |= {"loss_batch": "56,265", "test_batch": "56,265"}
SHORT |= {"loss_batch": "1", "test_batch": "0"}


@pytest.mark.parametrize("width", [1920, 1440, 1339, 1200, 1199, 1024, 999, 700, 390])
def test_figures_of_any_length_leave_all_where_it_is(page_of_run: DescentPage, width: int) -> None:
    page = page_of_run.page
    page.set_viewport_size({"width": width, "height": 900})
    places = []
    for figures in (SHORT, LONG):
        page.evaluate(WRITE_FIGURES, figures)
        boxes = [page.locator(name).bounding_box() for name in (".stats", "loop-region")]
        places += [(box["x"], box["y"], box["width"]) for box in boxes if box]
    assert places[:2] == [pytest.approx(place, abs=0.5) for place in places[2:]]
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_loss_far_above_the_others_is_cut_off_and_that_is_said(open_page: OpenPage) -> None:
    page = small_page(open_page, optimizer={"name": "rmsprop", "learning_rate": 1e3})
    loss = page.region("Loss")
    page.press("Step batch")
    expect(loss).to_contain_text("▲ 1 test above, up to")
    expect(loss).to_contain_text("A log scale shows them all. Drag across")
    region = loss.bounding_box()
    loss.get_by_label("log scale").check()
    expect(loss).not_to_contain_text("▲")
    expect(loss).not_to_contain_text("A log scale shows them all")
    assert loss.bounding_box() == region  # the words have their place


# How far below the chart's lower edge, or above its upper one, the rings of test losses are drawn.
SEE_RINGS = """() => {
  const { prototype } = CanvasRenderingContext2D;
  const { arc } = prototype;
  prototype.arc = function (x, y, ...rest) {
    const chart = this.canvas.closest("loss-region");
    if (chart) {
      const [over, canvas] = [".u-over", "canvas"].map((part) =>
        chart.querySelector(part).getBoundingClientRect());
      const [top, bottom] = [over.top - canvas.top, over.bottom - canvas.top];
      const place = y / devicePixelRatio;
      window.rings = [...(window.rings ?? []), Math.max(place - bottom, top - place)];
    }
    arc.call(this, x, y, ...rest);
  };
}"""


def test_a_logarithmic_axis_reaches_down_to_the_test_losses(open_page: OpenPage) -> None:
    page = open_page()
    loss = page.region("Loss")
    page.press("Step batch")
    state = page.run.until(lambda state: state["test_batch"] == 1, what="the test after it")
    assert state["test_loss"] < 2 < state["loss"]  # the axis of that batch's loss alone begins at 2
    page.page.evaluate(SEE_RINGS)
    loss.get_by_label("log scale").check()
    page.until(lambda: page.page.evaluate("window.rings?.length >= 2"), "the rings to be drawn")
    assert max(page.page.evaluate("window.rings")) <= 0


# Whether the chart has drawn a solid point: the rings of the test losses have another inside.
SEE_POINTS = """() => {
  const { prototype } = CanvasRenderingContext2D;
  const { fill } = prototype;
  window.pointSeen = false;
  prototype.fill = function (...path) {
    window.pointSeen ||= this.canvas.closest("loss-region") && this.fillStyle === this.strokeStyle;
    fill.apply(this, path);
  };
}"""


def test_the_first_batch_alone_is_a_point_in_the_chart(open_page: OpenPage) -> None:
    page = small_page(open_page)
    page.page.evaluate(SEE_POINTS)
    page.press("Step batch")
    page.until(lambda: page.page.evaluate("pointSeen"), "a point to be drawn")
