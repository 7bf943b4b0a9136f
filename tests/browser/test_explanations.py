"""Every number explains itself, and the NumPy line it shows gives the number."""

import re
from collections.abc import Iterator

import httpx2
import pytest
from playwright.sync_api import Locator, expect

from tests.support.explained import Explained, Notebook, disagreement, read_explanation
from tests.support.page import DescentPage, asking_the_page
from tests.support.server import Server

PHASES = ("draw", "forward", "loss", "backward", "update")
LIT = re.compile(r"\bis-lit\b")
# Progress line, captions of the five stations, and what is read off the chart.
FEWEST = 16

MARK = """() => {
  const numbers = [...document.querySelectorAll(".explained[tabindex]")];
  const visible = numbers.filter((number) => number.checkVisibility({ visibilityProperty: true }));
  visible.forEach((number, i) => { number.dataset.number = i; });
  return visible.length;
}"""

# The picture that the page sends, asked of the page itself.
DRAWING = asking_the_page("""
  return [...new Uint8Array(await (await app.drawing.toPng()).arrayBuffer())];
""")


@pytest.fixture
def http(server: Server) -> Iterator[httpx2.Client]:
    """A reader's client: no cookie and no key."""
    with httpx2.Client(base_url=server.address, timeout=60.0) as client:
        yield client


def step_phase(page: DescentPage, phase: str) -> None:
    """One phase on by the arrow key, until its station is lit and the page shows its numbers."""
    page.page.keyboard.press("ArrowRight")
    expect(page.page.locator(f'.station[data-phase="{phase}"]')).to_have_class(LIT)
    page.run.at_rest()


def measured(page: DescentPage, batch: int) -> None:
    """Wait until the page shows what the test images have given at a batch."""
    state = page.run.until(lambda state: state["test_batch"] == batch, what="a measurement")
    page.shows("test_accuracy", f"{100 * state['test_accuracy']:.2f} %")
    page.shows("test_batch", str(batch))


def numbers(page: DescentPage) -> list[Locator]:
    """The displayed numbers that explain themselves now, each by a mark of its own."""
    count = page.page.evaluate(MARK)
    return [page.page.locator(f'[data-number="{i}"]') for i in range(count)]


def wrong_numbers(page: DescentPage, notebook: Notebook) -> tuple[list[Explained], list[str]]:
    """All explanations, and what is wrong with them."""
    # A figure of another moment may come between, and takes its numbers with it.
    there = (number for number in numbers(page) if number.count() == 1)
    read = [explained for number in there if (explained := read_explanation(page, number))]
    # What a step on a drawing has taken the place of is said to be gone, and has no line.
    lines = [explained for explained in read if explained.numpy]
    found = [disagreement(explained, notebook.value_of(explained)) for explained in lines]
    return read, [complaint for complaint in found if complaint]


def test_in_every_phase_each_line_gives_the_number_displayed(page_of_run: DescentPage) -> None:
    page = page_of_run
    notebook = Notebook()
    page.press("Step batch")
    page.shows("test_batch", "1")  # measured while the run rests
    page.page.locator('[data-part="grid"]').focus()
    page.page.keyboard.press("Home")  # a unit is read out, and stays so
    page.page.locator("h1").click()
    for phase in PHASES:
        step_phase(page, phase)
        if phase == "update":
            page.shows("test_batch", "2")  # else it is measured between page and API
        if phase in ("backward", "update"):
            health = page.region("Is it learning well?")
            health.scroll_into_view_if_needed()
            expect(health.locator(".explained[tabindex]").first).to_be_visible()
        read, wrong = wrong_numbers(page, notebook)
        assert len(read) >= FEWEST, [explained.text for explained in read]
        assert not wrong, f"{phase}: " + "\n".join(wrong)


DRAWN = "Array.from({length: 28}, (_, i) => Array(28).fill(i > 12 && i < 16 ? 255 : 0))"
BY_HAND = {
    "a weight": '{type: "set_weight", tensor: "layer1.weights", index: [0, 406], value: -60}',
    "a drawing": f'{{type: "train_on", label: 7, pixels: {DRAWN}}}',
}


@pytest.mark.parametrize("what", BY_HAND)
def test_after_a_change_by_hand_each_line_still_gives_the_number_displayed(
    page_of_run: DescentPage, what: str
) -> None:
    page = page_of_run
    for batch in ("1", "2"):
        page.press("Step batch")
        page.shows("batch", batch)
    health = page.region("Is it learning well?")
    health.scroll_into_view_if_needed()
    expect(health.locator(".explained[tabindex]").first).to_be_visible()
    measured(page, 2)
    page.page.evaluate(asking_the_page(f"await app.run.act({BY_HAND[what]})"))
    measured(page, 2)  # again: it was of other weights
    for phase in (None, "draw", "forward"):
        if phase is not None:
            step_phase(page, phase)
        read, wrong = wrong_numbers(page, Notebook())
        assert not wrong, "\n".join(wrong)
        assert len(read) >= FEWEST


def test_each_says_where_its_tensors_are(page_of_run: DescentPage, http: httpx2.Client) -> None:
    page = page_of_run
    page.press("Step batch")
    page.shows("batch", "1")
    for number in numbers(page):
        explained = read_explanation(page, number)
        if explained is None:
            continue
        assert explained.formula.strip()
        assert explained.address.strip(), explained
        for line in explained.address.splitlines():
            method, path = line.split()
            assert method == "GET"
            assert http.get(path).status_code == 200, line


def test_the_learning_rate_explains_itself(page_of_run: DescentPage) -> None:
    page = page_of_run
    field = page.input("Learning rate")
    explained = read_explanation(page, field)
    assert explained is not None
    assert disagreement(explained, Notebook().value_of(explained)) is None
    field.press("5")
    expect(page.page.locator("#number-popover")).to_have_count(0)


@pytest.mark.parametrize("reader", ["this run", "the trained network"])
def test_a_drawn_digit_is_reproduced(page_of_run: DescentPage, reader: str) -> None:
    page = page_of_run
    page.press("Step batch")
    page.shows("batch", "1")
    page.page.get_by_label("read by").select_option(reader)
    page.press("Copy followed digit")
    shares = page.region("Draw a digit").locator(".bar-share")
    expect(shares.first).to_contain_text("%")
    notebook = Notebook(bytes(page.page.evaluate(DRAWING)))
    for share in shares.all():
        explained = read_explanation(page, share)
        assert explained is not None
        assert disagreement(explained, notebook.value_of(explained)) is None


def test_it_opens_on_the_pointer_and_escape_closes_it(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.press("Step batch")
    page.shows("batch", "1")
    loss = page.field("loss")
    popover = page.page.locator("#number-popover")
    expect(loss).to_have_attribute("tabindex", "0")  # it is a number, and explains itself
    loss.hover()
    expect(popover).to_be_visible()
    number, box = loss.bounding_box(), popover.bounding_box()
    assert number is not None
    assert box is not None
    assert box["y"] >= number["y"] + number["height"] or box["y"] + box["height"] <= number["y"]
    expect(loss).to_have_accessible_description(re.compile("^loss = mean"))
    popover.hover()  # the pointer may go onto it, to select the line
    page.page.wait_for_function("document.querySelector('#number-popover:hover') !== null")
    expect(popover).to_be_visible()
    page.page.keyboard.press("Escape")
    expect(popover).to_have_count(0)


# Where the words of an element begin and end, which may be taller than they are.
WORDS = """(element) => {
  const range = document.createRange();
  range.selectNodeContents(element);
  const { top, bottom } = range.getBoundingClientRect();
  return [top, bottom];
}"""


@pytest.mark.parametrize("width", [1440, 390])
def test_an_explanation_leaves_the_words_around_its_number_in_sight(
    page_of_run: DescentPage, width: int
) -> None:
    page = page_of_run
    page.page.set_viewport_size({"width": width, "height": 900})
    page.press("Step batch")
    page.shows("batch", "1")
    page.region("Inside this step").scroll_into_view_if_needed()
    popover = page.page.locator("#number-popover")
    # A value with its name below, and one in a caption of several lines.
    for around in (".factor[data-quantity=gradient]", '.station[data-phase="forward"] .caption'):
        number = page.page.locator(around).locator(".explained[tabindex]").first
        number.scroll_into_view_if_needed()
        number.hover()
        expect(popover).to_be_visible()
        top, bottom = page.page.locator(around).evaluate(WORDS)
        box = popover.bounding_box()
        assert box is not None
        assert box["y"] >= bottom or box["y"] + box["height"] <= top
        page.page.keyboard.press("Escape")
        expect(popover).to_have_count(0)


def test_an_explanation_too_tall_for_its_room_is_read_to_its_end_by_keys(
    page_of_run: DescentPage,
) -> None:
    page = page_of_run
    page.page.set_viewport_size({"width": 720, "height": 450})  # 1440 x 900 at 200 %
    page.press("Step batch")
    page.shows("batch", "1")
    page.page.keyboard.press("Shift")
    page.field("loss").focus()
    box = page.page.locator("#number-popover")
    expect(box).to_be_visible()
    at = "box => [box.scrollTop, box.scrollHeight - box.clientHeight - box.scrollTop]"
    above, below = box.evaluate(at)
    assert above == 0 < below
    for _ in range(5):
        page.page.keyboard.press("ArrowDown")
    assert box.evaluate(at)[1] < 1
    page.page.keyboard.press("ArrowUp")
    assert box.evaluate(at)[1] > 1
    assert page.page.evaluate("scrollY") == 0


def test_a_changing_number_changes_its_explanation(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.press("Step batch")
    page.shows("batch", "1")
    before = read_explanation(page, page.field("loss"))
    assert before is not None
    page.page.keyboard.press("Shift+ArrowRight")
    page.shows("batch", "2")
    formula = page.page.locator('#number-popover [data-part="formula"]')
    expect(formula).not_to_have_text(before.formula)
    expect(formula).to_contain_text(page.field("loss").inner_text())


def test_the_learning_rate_keeps_what_else_is_said_of_it(page_of_run: DescentPage) -> None:
    page = page_of_run
    field = page.input("Learning rate")
    read_explanation(page, field)
    field.fill("abc")
    field.press("Enter")
    expect(page.page.locator("#number-popover")).to_have_count(0)
    expect(field).to_have_accessible_description(re.compile("“abc” is not a number"))


def test_no_explanation_lies_on_what_a_change_would_discard(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.press("Step batch")
    page.shows("batch", "1")
    page.press("Back one batch")
    page.shows("batch", "0")
    page.page.keyboard.press("Shift")  # a reader with a keyboard: focus is shown
    page.input("Learning rate").focus()
    expect(page.page.get_by_text("Changing a setting now discards batch 1")).to_be_visible()
    expect(page.page.locator("#number-popover:popover-open")).to_have_count(0)


def check_numbers(page: DescentPage, within: Locator) -> set[str]:
    """Every number within explains itself, and its line gives it; their formulas, to the "="."""
    notebook = Notebook()
    expect(within.locator(".explained[tabindex]:visible").first).to_be_visible()
    found = within.locator(".explained[tabindex]:visible").all()
    read = [explained for number in found if (explained := read_explanation(page, number))]
    complaints = [disagreement(explained, notebook.value_of(explained)) for explained in read]
    assert not [complaint for complaint in complaints if complaint], complaints
    return {explained.formula.split(" = ")[0] for explained in read}


def test_the_end_of_a_scale_explains_itself(page_of_run: DescentPage) -> None:
    page = page_of_run
    for phase in ("draw", "forward", "loss", "backward"):
        step_phase(page, phase)
    detail = page.page.locator(".detail.is-shown")
    scale = check_numbers(page, detail.locator('[data-part="back-scale"]'))
    assert scale == {"full colour stands for ±1/n"}
    step_phase(page, "update")
    for kind in ("gradient", "v", "step"):
        check_numbers(page, detail.locator(f'[data-kind="{kind}"]'))


def test_a_curve_says_where_it_is_lowest(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.press("Step batch")
    page.shows("batch", "1")
    page.page.set_viewport_size({"width": 1440, "height": 1300})
    region = page.region("Along this step")
    expect(region.locator('[data-part="lesson"]')).to_contain_text("It is lowest near")
    formulas = check_numbers(page, region)
    assert "s at the point of the curve with the lowest loss of this batch" in formulas
    assert "test images, which the network does not learn from" in formulas


def test_the_numbers_of_the_mistakes_explain_themselves(page_of_run: DescentPage) -> None:
    page = page_of_run
    region = page.region("What it gets wrong")
    region.scroll_into_view_if_needed()
    expect(region.locator('[data-part="of"]')).to_contain_text("10,000 test digits")
    region.locator('td[data-row="4"][data-column="9"]').hover()
    expect(region.locator('[data-part="readout"] .figure')).to_have_count(3)
    formulas = check_numbers(page, region.locator('[data-part="readout"]'))
    assert "share of the images of a 4 that the network calls 9" in formulas
    check_numbers(page, region.locator('[data-part="of"]'))
    check_numbers(page, region.locator('[data-part="worst"]'))
    page.press("Step batch")
    measured(page, 1)
    title = region.get_by_role("heading", level=3)
    for label, answer in ((4, 9), (0, 0)):
        cell = region.locator(f'td[data-row="{label}"][data-column="{answer}"]')
        assert int(cell.inner_text()) > 1
        cell.click()
        expect(title).to_have_text(re.compile(rf"^{label}s .+ first$"))
        formulas = check_numbers(page, region.locator('[data-part="worst"]'))
        assert formulas == {f"p[{answer}] for this {label}"}


def open_station(page: DescentPage, phase: str) -> Locator:
    """Open a station of the loop, whichever phase runs; what is inside of it."""
    page.page.locator(f'.station[data-phase="{phase}"] .open').click()
    detail = page.page.locator(f".detail-{phase}.is-shown")
    expect(detail).to_be_visible()
    return detail


def test_the_largest_losses_stay_those_of_their_batch(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.press("Step batch")
    page.shows("batch", "1")
    detail = open_station(page, "loss")
    worst = detail.locator('[data-part="worst-of-batch"]')
    check_numbers(page, worst)
    for phase in ("draw", "forward"):  # whose outputs are of the next batch
        step_phase(page, phase)
        assert len(check_numbers(page, worst)) == 8


@pytest.mark.parametrize("size", ["8", "128"])
def test_the_end_of_the_scale_on_the_way_back_is_of_the_batch_gone_back_through(
    page_of_run: DescentPage, size: str
) -> None:
    page = page_of_run
    page.input("Batch size").select_option(size)
    page.press("Step batch")
    page.shows("batch", "1")
    detail = open_station(page, "backward")
    page.input("Batch size").select_option("64")
    for phase in ("update", "draw"):
        if phase == "draw":
            step_phase(page, phase)
        check_numbers(page, detail.locator('[data-part="back-scale"]'))


def test_after_a_bias_is_set_the_sum_is_still_the_one_that_was_computed(
    page_of_run: DescentPage,
) -> None:
    page = page_of_run
    page.press("Step batch")
    page.shows("batch", "1")
    numbers = open_station(page, "forward").locator('[data-part="unit-numbers"]')
    before = numbers.inner_text()
    by_hand = '{type: "set_weight", tensor: "layer1.bias", index: [0], value: 2}'
    page.page.evaluate(asking_the_page(f"await app.run.act({by_hand})"))
    measured(page, 1)
    check_numbers(page, numbers)
    assert numbers.inner_text() == before


def test_the_learning_rate_is_explained_with_the_momentum(page_of_run: DescentPage) -> None:
    page = page_of_run
    sgd = '{type: "set", optimizer: {name: "sgd", momentum: 0.9}}'
    page.page.evaluate(asking_the_page(f"await app.run.act({sgd})"))
    explained = read_explanation(page, page.input("Learning rate"))
    assert explained is not None
    assert explained.formula.endswith("step = momentum · previous step − learning rate · gradient")


# What a frame does that brings a reset, or one of the moment before the study of another rate.
FORGET = asking_the_page("""
  for (const study of ["curve", "health"]) app.run.view(study).value = null;
""")
OTHER_RATE = asking_the_page("""
  app.run.state.value = { ...app.run.state.peek(), learning_rate: 0.5 };
  app.run.news.value += 1;
""")


@pytest.fixture
def studied(page_of_run: DescentPage) -> DescentPage:
    """A page at rest after a batch, with the curve and the health of it."""
    page = page_of_run
    page.page.set_viewport_size({"width": 1440, "height": 2600})
    page.press("Step batch")
    page.shows("batch", "1")
    for part in ("held-out", "sample"):
        expect(page.page.locator(f'[data-part="{part}"] .figure')).to_have_count(1)
    return page


def test_what_stays_is_not_explained_by_a_study_that_is_gone(studied: DescentPage) -> None:
    studied.page.evaluate(FORGET)
    for part, text in (("held-out", "256 unseen"), ("sample", "2,048")):
        words = studied.page.locator(f'[data-part="{part}"]')
        expect(words.locator(".figure")).to_have_count(0)
        expect(words).to_have_text(text)


def test_a_curve_is_not_explained_by_that_of_another_rate(studied: DescentPage) -> None:
    lesson = studied.region("Along this step").locator('[data-part="lesson"]')
    expect(lesson.locator(".figure")).to_have_count(1)
    studied.page.evaluate(OTHER_RATE)
    expect(lesson.locator(".figure")).to_have_count(0)
    expect(lesson).to_contain_text("It is lowest near")
