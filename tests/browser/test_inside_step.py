"""Inside this step: what each opened station shows is what the API's tensors give, recomputed."""

import re
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Locator, WebSocketRoute, expect

from tests.support.explained import displayed, read_explanation
from tests.support.page import DescentPage

Array = NDArray[Any]

PHASES = ("draw", "forward", "loss", "backward", "update")
LIT = re.compile(r"\bis-lit\b")
SHOWN = re.compile(r"\bis-shown\b")
PAST = re.compile(r"\bis-past\b")
# The bars leave this much room above, for the words of the axis.
TOP = 16


def inside(page: DescentPage) -> Locator:
    """The region, in sight."""
    region = page.region("Inside this step")
    region.scroll_into_view_if_needed()
    return region


def detail(page: DescentPage, phase: str) -> Locator:
    """What the region shows of a phase, once it does."""
    found = inside(page).locator(f'[data-detail="{phase}"]')
    expect(found).to_have_class(SHOWN)
    return found


def fresh_detail(page: DescentPage, phase: str) -> Locator:
    """The same, once it is of the batch at hand: what is of the one before fades until then."""
    found = detail(page, phase)
    expect(found).not_to_have_class(PAST)
    return found


def step_to(page: DescentPage, phase: str) -> Locator:
    """Step phase by phase through the second batch, as far as `phase`; its detail."""
    page.press("Step batch")
    page.shows("batch", "1")
    for one in PHASES[: PHASES.index(phase) + 1]:
        page.press("Step phase")
        expect(page.page.locator(f'.station[data-phase="{one}"]')).to_have_class(LIT)
    page.run.at_rest()
    return fresh_detail(page, phase)


def pick(page: DescentPage) -> tuple[int, int]:
    """The unit and the input that are picked now."""
    title = page.page.locator('[data-part="chain-title"]').inner_text()
    found = re.search(r"W₁\[(\d+), (\d+)\]", title)
    assert found is not None, title
    return int(found[1]), int(found[2])


def set_number(page: DescentPage, label: str, text: str) -> None:
    """Type a setting."""
    page.input(label).fill(text)
    page.page.keyboard.press("Enter")


def shows(locator: Locator, value: float) -> None:
    """Assert that a text displays `value`, rounded as it is displayed."""
    text = locator.inner_text()
    shown, half = displayed(text)
    assert abs(shown - value) <= half * 1.001 + 1e-6 * abs(value), f"{text} is not {value:g}"


def figure(line: Locator, index: int) -> Locator:
    """A number in a line of text."""
    return line.locator(".figure").nth(index)


def test_draw_shows_the_batch_and_another_digit_is_followed(page_of_run: DescentPage) -> None:
    page = page_of_run
    shown = step_to(page, "draw")
    labels = page.run.tensor("batch.y")
    digits = shown.get_by_role("slider", name="Digit to follow")
    digits.focus()
    page.page.keyboard.press("ArrowRight")
    expect(digits).to_have_attribute(
        "aria-valuetext", f"sample 2 of 128, true digit {int(labels[1])}"
    )
    expect(shown.locator("p")).to_contain_text(f"sample 2, a{'n' if labels[1] == 8 else ''} ")
    box = digits.bounding_box()
    assert box is not None
    digits.click(position={"x": box["width"] / 32, "y": box["height"] / 16})
    expect(digits).to_have_attribute("aria-valuenow", "1")


def test_forward_plugs_the_numbers_of_a_picked_unit_in(page_of_run: DescentPage) -> None:
    page = page_of_run
    shown = step_to(page, "forward")
    units = shown.get_by_role("slider", name="Picked unit")
    units.focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight"):
        page.page.keyboard.press(key)
    expect(shown.locator('[data-part="unit-formula"]')).to_contain_text("unit 35:")
    x = page.run.tensor("batch.x")[0]
    weights, bias = page.run.tensor("layer1.weights")[35], page.run.tensor("layer1.bias")[35]
    z = float(weights @ x + bias)
    numbers = shown.locator('[data-part="unit-numbers"]')
    for index, value in enumerate((weights @ x, bias, z, max(z, 0.0))):
        shows(figure(numbers, index), float(value))
    hidden = np.maximum(page.run.tensor("layer1.weights") @ x + page.run.tensor("layer1.bias"), 0)
    logits = page.run.tensor("layer2.weights") @ hidden + page.run.tensor("layer2.bias")
    probabilities = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    rows = shown.locator('[data-part="answers"] li')
    assert rows.count() == 10
    for digit in range(10):
        shows(figure(rows.nth(digit), 0), float(logits[digit]))
        shows(figure(rows.nth(digit), 1), float(probabilities[digit]))


def test_the_loss_bars_are_the_losses(page_of_run: DescentPage) -> None:
    page = page_of_run
    shown = step_to(page, "loss")
    probabilities, labels = page.run.tensor("layer2.activations"), page.run.tensor("batch.y")
    losses = -np.log(probabilities[np.arange(128), labels])
    shows(figure(shown.locator('[data-part="mean-line"]'), 1), float(losses.mean()))
    followed = shown.locator('[data-part="followed-line"]')
    shows(figure(followed, 0), float(probabilities[0, labels[0]]))
    shows(figure(followed, 1), float(losses[0]))
    order = np.argsort(-losses, kind="stable")
    worst = shown.locator('[data-part="worst-of-batch"] li')
    for place, sample in enumerate(order[:8]):
        answer = int(probabilities[sample].argmax())
        expect(worst.nth(place)).to_contain_text(f"{int(labels[sample])} → {answer}")
        shows(figure(worst.nth(place), 0), float(losses[sample]))
    assert_bars(shown.locator("canvas").first, losses[order])
    bars = shown.get_by_role("slider", name="Digit by its place among the bars")
    bars.focus()
    page.page.keyboard.press("Home")
    expect(bars).to_have_attribute("aria-valuenow", "1")
    text = bars.get_attribute("aria-valuetext") or ""
    assert f"sample {order[0] + 1} of 128" in text
    assert text.endswith(f"{losses[order[0]]:.3f}")


def assert_bars(canvas: Locator, losses: Array) -> None:
    """Each bar ends where its loss is on the axis: ink just below, and none just above."""
    drawn = canvas.evaluate(
        """canvas => {
          const { width, height } = canvas;
          const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
          return { width, height, alpha: [...data].filter((_, i) => i % 4 === 3) };
        }"""
    )
    width, height = drawn["width"], drawn["height"]
    alpha = np.array(drawn["alpha"]).reshape(height, width)
    ceiling = next(c for c in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if c >= losses[0])
    base = height - 1
    mean = base - losses.mean() / ceiling * (base - TOP)
    checked = 0
    for place, loss in enumerate(losses):
        top = base - loss / ceiling * (base - TOP)
        x = int((place + 0.4) * width / len(losses))
        assert alpha[round(top) + 2, x] > 200, f"bar {place} is too low"
        if abs(top - mean) > 5 and top > TOP + 5:
            assert alpha[round(top) - 3, x] == 0, f"bar {place} is too high"
            checked += 1
    assert checked > len(losses) / 2


def pick_telling(page: DescentPage, shown: Locator) -> None:
    """Pick a weight that has to do with the followed digit, and wait until it is shown."""
    shown.get_by_role("button", name="Pick a clear example").click()
    expect(shown.locator('[data-part="chain-title"]')).not_to_contain_text("[0, 406]")
    expect(shown.locator('[data-part="measured-line"] .figure')).to_have_count(2)


@pytest.fixture
def chain(page_of_run: DescentPage) -> Locator:
    """The chain rule for a picked weight that has to do with the followed digit."""
    page = page_of_run
    shown = step_to(page, "backward")
    pick_telling(page, shown)
    return shown


def test_the_chain_rule_for_one_weight(page_of_run: DescentPage, chain: Locator) -> None:
    page = page_of_run
    unit, source = pick(page)
    x, y = page.run.tensor("batch.x").astype(float), page.run.tensor("batch.y")
    w1, b1 = page.run.tensor("layer1.weights").astype(float), page.run.tensor("layer1.bias")
    w2, b2 = page.run.tensor("layer2.weights").astype(float), page.run.tensor("layer2.bias")
    z = x @ w1.T + b1
    logits = np.maximum(z, 0) @ w2.T + b2
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    error = p - np.eye(10)[y]
    for digit in range(10):
        row = chain.locator('[data-part="errors"] li').nth(digit)
        shows(figure(row, 0), float(error[0, digit]))
    back = error @ w2[:, unit] / len(y)
    slopes = z[:, unit] > 0
    shares = x[:, source] * slopes * back
    for factor, value in (
        ("x", x[0, source]),
        ("slope", float(slopes[0])),
        ("back", back[0]),
        ("share", shares[0]),
    ):
        shows(chain.locator(f'[data-factor="{factor}"] .figure'), float(value))
    total = figure(chain.locator('[data-part="sum-line"]'), 1)
    shows(total, float(shares.sum()))
    gradient = page.run.tensor("layer1.weights.gradient")[unit, source]
    assert shares.sum() == pytest.approx(float(gradient), rel=1e-4)


def test_the_chain_rule_agrees_with_what_is_measured(
    page_of_run: DescentPage, chain: Locator
) -> None:
    line = chain.locator('[data-part="measured-line"]')
    measured, _ = displayed(figure(line, 0).inner_text())
    derived, _ = displayed(figure(chain.locator('[data-part="sum-line"]'), 1).inner_text())
    assert measured == pytest.approx(derived, rel=2e-3)  # each is rounded to four digits
    difference, _ = displayed(figure(line, 1).inner_text())
    assert difference < 1e-4


def test_a_pixel_is_picked_with_the_keyboard(page_of_run: DescentPage, chain: Locator) -> None:
    page = page_of_run
    unit, source = pick(page)
    chain.get_by_role("slider", name="Picked pixel of this unit").focus()
    page.page.keyboard.press("ArrowDown")
    title = chain.locator('[data-part="chain-title"]')
    expect(title).to_contain_text(f"W₁[{unit}, {source + 28}]")
    value = page.run.tensor("batch.x")[0, source + 28]
    shows(chain.locator('[data-factor="x"] .figure'), float(value))


def test_a_pixel_is_picked_with_the_keyboard_in_the_update_too(page_of_run: DescentPage) -> None:
    page = page_of_run
    pick_telling(page, step_to(page, "backward"))
    unit, source = pick(page)
    page.press("Step phase")
    shown = detail(page, "update")
    slider = shown.get_by_role("slider", name="Picked pixel, in the update")
    slider.focus()
    page.page.keyboard.press("ArrowRight")
    expect(shown.locator('[data-part="rule-title"]')).to_contain_text(f"W₁[{unit}, {source + 1}]")
    expect(slider).to_have_attribute("aria-valuenow", str(source + 1))
    row, column = divmod(source + 1, 28)
    place = re.compile(f"^row {row}, column {column}, gradient .*, step ")
    expect(slider).to_have_attribute("aria-valuetext", place)


def test_after_an_exchange_of_the_optimizer_the_step_it_made_stays(
    page_of_run: DescentPage,
) -> None:
    page = page_of_run
    pick_telling(page, step_to(page, "backward"))
    unit, source = pick(page)
    page.press("Step phase")
    shown = detail(page, "update")
    expect(shown.locator('[data-quantity="root"] .figure')).to_be_visible()
    height = height_of_loop(page)
    formula = page.region("The loop").locator('[data-part="formula"]')
    page.input("Optimizer").select_option("sgd")
    rule = shown.locator('[data-part="rule"]')
    expect(shown.locator('[data-quantity="root"]')).to_be_hidden()  # v has gone with RMSprop
    expect(rule).to_contain_text("step = −0.001 · g / √(v")
    expect(formula).to_contain_text("W1 = W0 − 0.001 · gradient / √(v")
    expect(page.page.locator("running-code")).to_contain_text("by RMSprop")
    assert height_of_loop(page) == height
    page.run.at_rest()
    for quantity, name in (("gradient", ".gradient"), ("step", ".step"), ("after", "")):
        value = float(page.run.tensor(f"layer1.weights{name}")[unit, source])
        shows(shown.locator(f'[data-quantity="{quantity}"] .figure'), value)
    step = read_explanation(page, shown.locator('[data-quantity="step"] .figure'))
    assert step is not None
    assert "−0.001 · g / √(v" in step.formula
    page.press("Step batch")
    expect(rule).to_have_text("step = −0.001 · g")
    expect(formula).to_have_text("W1 = W0 − 0.001 · gradient")
    expect(page.page.locator("running-code")).to_contain_text("by SGD")


def test_after_a_change_of_momentum_the_rule_is_that_of_the_step(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.input("Optimizer").select_option("sgd")
    set_number(page, "Learning rate", "0.1")
    set_number(page, "Momentum", "0.9")
    step_to(page, "update")
    rule = detail(page, "update").locator('[data-part="rule"]')
    momentum = "velocity = 0.9 · velocity − 0.1 · g\nstep = velocity"
    expect(rule).to_have_text(momentum)
    set_number(page, "Momentum", "0")
    page.run.until(lambda state: state["optimizer"]["momentum"] == 0, what="the change")
    expect(rule).to_have_text(momentum)
    page.press("Step batch")
    expect(rule).to_have_text("step = −0.1 · g")


def test_a_weight_that_a_step_drowns_is_told_as_far_as_it_is_known(
    page_of_run: DescentPage,
) -> None:
    page = page_of_run
    pick_telling(page, step_to(page, "backward"))
    set_number(page, "Learning rate", "1e10")
    page.press("Step phase")
    before = detail(page, "update").locator('[data-quantity="before"]')
    expect(before).to_contain_text(re.compile(r"W0, to ±\d"))


def test_update_shows_what_rmsprop_makes_of_a_gradient(page_of_run: DescentPage) -> None:
    page = page_of_run
    pick_telling(page, step_to(page, "backward"))
    unit, source = pick(page)
    v0 = float(page.run.tensor("layer1.weights.v")[unit, source])
    w0 = float(page.run.tensor("layer1.weights")[unit, source])
    page.press("Step phase")
    shown = fresh_detail(page, "update")
    expect(shown.locator('[data-part="rule-title"]')).to_contain_text(f"W₁[{unit}, {source}]")
    g = float(page.run.tensor("layer1.weights.gradient")[unit, source])
    v = 0.9 * v0 + 0.1 * g**2
    effective = 0.001 / np.sqrt(v + 1e-7)
    for quantity, value in (
        ("before", w0),
        ("gradient", g),
        ("v", v),
        ("root", np.sqrt(v)),
        ("effective", effective),
        ("step", -effective * g),
        ("after", w0 - effective * g),
    ):
        shows(shown.locator(f'[data-quantity="{quantity}"] .figure'), float(value))
    names = [f"layer{n}.{kind}" for n in (1, 2) for kind in ("weights", "bias")]
    g_all, s_all = (
        np.concatenate([page.run.tensor(f"{name}.{kind}").ravel() for name in names]).astype(float)
        for kind in ("gradient", "step")
    )
    cosine = -g_all @ s_all / np.linalg.norm(g_all) / np.linalg.norm(s_all)
    shows(figure(shown.locator('[data-part="turn-line"]'), 0), float(np.degrees(np.arccos(cosine))))


def test_every_line_of_the_running_code_has_its_shape_and_size(page_of_run: DescentPage) -> None:
    page = page_of_run
    step_to(page, "backward")
    lines = inside(page).locator('[data-part="lines"] li')
    expect(lines.first.locator(".figure")).to_have_count(1)
    program = page.run.program()["backward"]
    assert lines.count() == len(program)
    for index, line in enumerate(program):
        item = lines.nth(index)
        tensor = page.run.tensor(line["output"])
        assert item.locator("code").inner_text() == line["call"]
        shape = f"({tensor.shape[0]},)" if tensor.ndim == 1 else str(tensor.shape)
        expect(item).to_contain_text(shape)
        shows(item.locator(".figure"), float(np.abs(tensor).max()))


def test_the_lit_line_shows_the_engines_own_source(page_of_run: DescentPage) -> None:
    page = page_of_run
    step_to(page, "backward")
    region = inside(page)
    lines = region.locator('[data-part="lines"] li')
    expect(lines.first).to_have_attribute("aria-current", "true")
    region.get_by_role("button", name="Next line").click()
    second = page.run.program()["backward"][1]
    expect(lines.nth(1)).to_have_attribute("aria-current", "true")
    place = f"{second['file']}:{second['first_line']}"
    expect(region.locator('[data-part="file"]')).to_have_text(place)
    source = region.locator('[data-part="source"]').evaluate("pre => pre.textContent")
    assert source.rstrip() == second["source"].rstrip()
    # Looking at the image of a gradient lights the line that computes it.
    region.get_by_role("slider", name="Picked pixel of this unit").focus()
    expect(region.locator("li[aria-current] code")).to_contain_text("layer1.weights.gradient =")


def test_a_station_stays_open_until_it_is_let_go(page_of_run: DescentPage) -> None:
    page = page_of_run
    step_to(page, "update")
    opened = page.page.get_by_role("button", name="Open forward")
    opened.focus()
    page.page.keyboard.press("Enter")
    expect(opened).to_have_attribute("aria-pressed", "true")
    detail(page, "forward")
    page.press("Step phase")
    expect(page.page.locator('.station[data-phase="draw"]')).to_have_class(LIT)
    detail(page, "forward")
    expect(inside(page).locator('[data-part="stale"]')).to_contain_text("from batch 2")
    page.page.keyboard.press("Escape")
    expect(opened).to_have_attribute("aria-pressed", "false")
    detail(page, "draw")


@pytest.mark.parametrize("size", [(390, 844), (720, 450)])  # a phone, and a page enlarged twice
def test_what_is_opened_comes_into_sight(page_of_run: DescentPage, size: tuple[int, int]) -> None:
    page = page_of_run
    step_to(page, "update")
    page.page.set_viewport_size({"width": size[0], "height": size[1]})
    page.page.get_by_role("button", name="Open draw").click()
    expect(inside(page).locator(".inside-title")).to_be_in_viewport(ratio=0.9)
    detail(page, "draw")


@pytest.mark.parametrize(("last", "opened"), [("update", "Open draw"), ("draw", "Open backward")])
def test_who_follows_the_phases_again_sees_the_last(
    page_of_run: DescentPage, last: str, opened: str
) -> None:
    page = page_of_run
    step_to(page, last)
    page.page.set_viewport_size({"width": 390, "height": 600})
    page.page.get_by_role("button", name=opened).click()
    expect(inside(page).locator(".inside-title")).to_be_in_viewport(ratio=0.9)
    page.press("Follow the phases")
    expect(page.page.locator(f'[data-phase="{last}"] h3')).to_be_in_viewport(ratio=0.9)


def test_what_is_in_sight_is_opened_where_it_is(page_of_run: DescentPage) -> None:
    page = page_of_run
    step_to(page, "update")
    for phase in PHASES:
        page.page.locator(f'[data-phase="{phase}"] .open').click()
        detail(page, phase)
        assert page.page.evaluate("scrollY") == 0


@pytest.mark.parametrize("optimizer", ["rmsprop", "adam"])  # Adam's rule is the longest
@pytest.mark.parametrize("size", [(1799, 1000), (1440, 900), (1200, 800), (1024, 768), (390, 844)])
def test_nothing_jumps_from_phase_to_phase(
    page_of_run: DescentPage, size: tuple[int, int], optimizer: str
) -> None:
    page = page_of_run
    page.page.set_viewport_size({"width": size[0], "height": size[1]})
    page.input("Optimizer").select_option(optimizer)
    heights = {"untrained": height_of_loop(page)}
    for batch in (1, 2):
        for phase in PHASES:
            page.press("Step phase")
            expect(page.page.locator(f'.station[data-phase="{phase}"]')).to_have_class(LIT)
            detail(page, phase)
            page.run.at_rest()
            heights[f"{phase} {batch}"] = height_of_loop(page)
    assert len(set(heights.values())) == 1, heights
    assert page.page.evaluate("document.documentElement.scrollWidth") == size[0]


@pytest.mark.parametrize("width", [1280, 1200, 900, 640, 360])
def test_nothing_leaves_its_place(page_of_run: DescentPage, width: int) -> None:
    page = page_of_run
    page.page.set_viewport_size({"width": width, "height": 900})
    page.press("Step batch")
    page.shows("batch", "1")
    for phase in PHASES:
        page.press("Step phase")
        expect(page.page.locator(f'.station[data-phase="{phase}"]')).to_have_class(LIT)
        detail(page, phase)
        page.run.at_rest()
        assert page.region("The loop").evaluate(OUTSIDE) == [], phase


# Pictures, words and buttons that reach out of the station or the detail they belong to. Words
# that are cut with an ellipsis say so themselves.
OUTSIDE = """(region) => [...region.querySelectorAll(".station *, .detail.is-shown *")]
  .filter((element) => {
    const { visibility, textOverflow } = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    if (visibility === "hidden" || textOverflow === "ellipsis" || box.width === 0) return false;
    const place = element.closest(".station, .detail").getBoundingClientRect();
    return box.left < place.left - 1 || box.right > place.right + 1
      || box.bottom > place.bottom + 1;
  })
  .map((element) => element.outerHTML.slice(0, 120))"""


def test_pictures_that_are_late_move_nothing(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.page.set_viewport_size({"width": 390, "height": 844})
    are_late = False

    def hold(route: WebSocketRoute) -> None:
        server = route.connect_to_server()

        def pass_on(message: str | bytes) -> None:
            if not (are_late and isinstance(message, bytes) and b'"view":"inside/' in message):
                route.send(message)

        server.on_message(pass_on)

    page.page.route_web_socket(re.compile("/ws/runs/"), hold)
    page.page.reload()
    page.wait_open()
    page.press("Step batch")
    page.shows("batch", "1")
    detail(page, "update")
    height = height_of_loop(page)
    are_late = True
    for phase in PHASES:
        page.press("Step phase")
        expect(page.page.locator(f'.station[data-phase="{phase}"]')).to_have_class(LIT)
        detail(page, phase)
        assert height_of_loop(page) == height, phase


def height_of_loop(page: DescentPage) -> int:
    """How high the region with the stations is."""
    box = page.region("The loop").bounding_box()
    assert box is not None
    return round(box["height"])


def test_the_stations_are_no_higher_after_another_width(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.press("Step phase")
    detail(page, "draw")
    height = height_of_loop(page)
    details = page.region("Inside this step").locator(".details")
    wide = details.evaluate("element => getComputedStyle(element).height")
    page.page.set_viewport_size({"width": 390, "height": 900})
    expect(details).not_to_have_css("height", wide)
    page.page.set_viewport_size({"width": 1440, "height": 900})
    expect(details).to_have_css("height", wide)
    assert height_of_loop(page) == height
