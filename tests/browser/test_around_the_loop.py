"""What lies around the loop: the curve, a unit, the layers' health, the mistakes, a drawing.

Each is compared with plain NumPy on the API's own tensors.
"""

import json
import os
import re
import signal
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Locator, Route, expect

from engine import load_mnist
from tests.support.explained import Notebook, disagreement, displayed, read_explanation
from tests.support.page import DescentPage, asking_the_page
from tests.support.server import Server

Array = NDArray[Any]
Weights = dict[str, Array]
PARAMETERS = ("layer1.weights", "layer1.bias", "layer2.weights", "layer2.bias")
NUMBER = re.compile(r"[−-]?\d[\d,.]*(?:e-?\d+)?")
HELD_OUT = 256
PLACES = 24

# What is listed whenever something of it changes: the heading, and the answers below it.
WATCH_THE_LIST = """(body) => {
  const read = () => {
    if (body.classList.contains("is-empty")) return ["nothing"];
    const answers = [...body.querySelectorAll("li span:first-of-type")].map((of) => of.textContent);
    return [body.querySelector("h3").textContent, ...new Set(answers.filter((text) => text))];
  };
  body.seen = [read()];
  const observer = new MutationObserver(() => body.seen.push(read()));
  observer.observe(body, {
    subtree: true, childList: true, characterData: true, attributeFilter: ["class"],
  });
}"""

PREPARED_DRAWING = asking_the_page("""
  return app.classifier.reading.value.pixels.flat();
""")


def log_probabilities(weights: Weights, x: Array) -> Array:
    """The network by hand: relu, then the logarithm of softmax."""
    w = {name: array.astype(float) for name, array in weights.items()}
    hidden = np.maximum(x @ w["layer1.weights"].T + w["layer1.bias"], 0)
    logits = hidden @ w["layer2.weights"].T + w["layer2.bias"]
    logits -= logits.max(axis=1, keepdims=True)
    normalised: Array = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return normalised


def loss(weights: Weights, x: Array, y: Array) -> float:
    """The mean of −log p of the true digit."""
    return float(-log_probabilities(weights, x)[np.arange(len(y)), y.astype(int)].mean())


def parameters(page: DescentPage, suffix: str = "") -> Weights:
    """All parameters now, or what is named after them: ".step"."""
    return {name: page.run.tensor(name + suffix) for name in PARAMETERS}


def numbers_in(text: str) -> list[str]:
    """The numbers of a text as they are written."""
    return NUMBER.findall(text.replace("\u00a0", " "))


def agrees(text: str, value: float, within: float = 2e-5) -> bool:
    """Whether a displayed number is a value once rounded; `within`, relative, for float32."""
    shown, half = displayed(text)
    return abs(shown - value) <= half + within * abs(value)


def step_batch(page: DescentPage, batch: int) -> None:
    """One batch on, until the page shows it."""
    page.press("Step batch")
    page.shows("batch", str(batch))
    page.run.at_rest()


def curve(page: DescentPage) -> Locator:
    """The region with the curve, once it shows one."""
    # What is out of sight is not worked out: a window tall enough for the whole side column.
    page.page.set_viewport_size({"width": 1440, "height": 1300})
    region = page.region("Along this step")
    expect(region.locator(".along")).not_to_have_class(re.compile("is-empty"))
    return region


def open_unit(page: DescentPage, unit: int) -> Locator:
    """The dialog of a unit, opened with the keyboard alone."""
    page.region("Weights").get_by_role("slider").focus()
    page.page.keyboard.press("Home")
    for _ in range(unit):
        page.page.keyboard.press("ArrowRight")
    page.page.keyboard.press("Enter")
    dialog = page.page.get_by_role("dialog", name=f"Inside unit {unit}", exact=True)
    expect(dialog).to_be_visible()
    return dialog


def test_the_images_say_what_they_are(page_of_run: DescentPage) -> None:
    weights = page_of_run.region("Weights")
    expect(weights).to_contain_text("Each image is one unit, with a cell for each of its 784")
    weights.get_by_label("layer").select_option("2")
    expect(weights).to_contain_text("Each row is one unit, with a cell for each of its 512")


@pytest.mark.parametrize("direction", ["step", "gradient"])
def test_the_curve_is_the_loss_along_the_direction(
    page_of_run: DescentPage, direction: str
) -> None:
    page = page_of_run
    step_batch(page, 1)
    step_batch(page, 2)
    region = curve(page)
    region.locator(f'[data-direction="{direction}"]').click()
    steps, gradients = parameters(page, ".step"), parameters(page, ".gradient")
    rate = page.run.state()["learning_rate"]
    end = parameters(page)
    start = {name: end[name].astype(float) - steps[name] for name in PARAMETERS}
    along = {
        name: steps[name].astype(float) / rate if direction == "step" else -gradients[name]
        for name in PARAMETERS
    }
    x, y = page.run.tensor("batch.x"), page.run.tensor("batch.y")
    _, (test_images, test_labels) = load_mnist()
    slider = region.get_by_role("slider", name="Point of the curve")
    slider.focus()
    slider.press("Home")
    for point in range(21):
        if point % 5 == 0:
            expect(slider).to_have_attribute("aria-valuenow", str(point))
            text = region.locator("[data-part=readout]").inner_text()
            distance, batch_loss, unseen_loss = numbers_in(text)
            # The distance is written with three digits: the point itself is a twentieth of the way.
            s = region_distance(page, direction, point)
            assert agrees(distance, s)
            there = {name: start[name] + s * along[name] for name in PARAMETERS}
            assert agrees(batch_loss, loss(there, x, y)), text
            unseen = loss(there, test_images[:HELD_OUT], test_labels[:HELD_OUT])
            assert agrees(unseen_loss, unseen), text
        slider.press("ArrowRight")


def region_distance(page: DescentPage, direction: str, point: int) -> float:
    """How far a point of the curve is from W0, from the view that the page is sent."""
    data = page.run.http.get(f"{page.run.path}/views/curve").content
    length = int.from_bytes(data[:8], "little")
    where = json.loads(data[8 : 8 + length])[f"{direction}.distances"]["data_offsets"]
    distances = np.frombuffer(data[8 + length :][slice(*where)], np.float64)
    return float(distances[point])


def test_where_the_weights_before_a_step_are_lost_the_curve_says_so(
    page_of_run: DescentPage,
) -> None:
    page = page_of_run
    step_batch(page, 1)
    region = curve(page)
    page.input("Learning rate").fill("1e5")
    page.input("Learning rate").press("Enter")
    step_batch(page, 2)
    expect(region.get_by_text("rounding has lost what they were")).to_be_visible()
    expect(region.get_by_text("The loss along the step is")).to_be_hidden()
    expect(region.locator(".along")).to_have_class(re.compile("is-empty"))


def test_the_sentence_tells_where_the_learning_rate_lands(page_of_run: DescentPage) -> None:
    page = page_of_run
    step_batch(page, 1)
    words = curve(page).locator("[data-part=effect]")
    expect(words).to_contain_text("At 0.001 this step lowers the loss")
    _, before, after, _ = numbers_in(words.inner_text())
    x, y = page.run.tensor("batch.x"), page.run.tensor("batch.y")
    assert agrees(before, page.run.state()["loss"])
    assert agrees(after, loss(parameters(page), x, y))


def test_the_curve_is_that_of_the_optimizer_that_made_the_step(page_of_run: DescentPage) -> None:
    page = page_of_run
    step_batch(page, 1)
    direction = curve(page).locator('[data-direction="step"]')
    page.input("Optimizer").select_option("adam")
    page.run.until(lambda state: state["optimizer"]["name"] == "adam", what="the change")
    expect(page.page.get_by_text("optimizer RMSprop → Adam")).to_be_attached()
    expect(direction).to_have_text("RMSprop's step")
    step_batch(page, 2)
    expect(direction).to_have_text("Adam's step")


def test_a_large_learning_rate_overshoots_at_once(page_of_run: DescentPage) -> None:
    page = page_of_run
    step_batch(page, 1)
    region = curve(page)
    page.input("Learning rate").fill("0.05")
    page.input("Learning rate").press("Enter")
    words = region.locator("[data-part=effect]")
    expect(words).to_contain_text("At 0.05 this step raises the loss")
    expect(region.locator("[data-part=lesson]")).to_contain_text("a larger rate overshoots")


def test_a_unit_that_learns_from_no_digit_says_so(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.input("Batch size").select_option("1")
    step_batch(page, 1)
    deltas = page.run.tensor("layer1.preactivations.gradient")[0]
    dialog = open_unit(page, int(np.flatnonzero(deltas == 0)[0]))
    expect(dialog.locator("[data-part=life]")).to_have_text("alive for 0 of 1 digit of the batch")
    words = dialog.locator("[data-part=sum-words]")
    expect(words).to_have_text(
        "∂loss/∂z is 0 for every digit of this batch, so the unit learns nothing."
    )


def test_of_a_large_batch_a_unit_tells_of_the_digits_that_are_shown(
    page_of_run: DescentPage,
) -> None:
    page = page_of_run
    page.input("Batch size").select_option("1024")
    step_batch(page, 1)
    alive = np.count_nonzero(page.run.tensor("layer1.preactivations.gradient")[:128, 0])
    life = open_unit(page, 0).locator("[data-part=life]")
    expect(life).to_have_text(f"alive for {alive} of the first 128 digits of the batch")


def test_a_unit_shows_its_numbers(page_of_run: DescentPage) -> None:
    page = page_of_run
    step_batch(page, 1)
    dialog = open_unit(page, 3)
    for part, name in (("weights", ""), ("gradient", ".gradient"), ("step", ".step")):
        value = page.run.tensor(f"layer1.weights{name}")[3, 406]
        shown = dialog.locator(f"[data-part={part}-value]")
        expect(shown).to_have_text(re.compile(r"\d"))
        assert agrees(shown.inner_text(), float(value))
    outgoing = page.run.tensor("layer2.weights")[:, 3]
    for text, value in zip(
        dialog.locator(".outgoing-value").all_inner_texts(), outgoing, strict=True
    ):
        assert agrees(text, float(value))
    (images, _), _ = load_mnist()
    weights, bias = page.run.tensor("layer1.weights")[3], page.run.tensor("layer1.bias")[3]
    most = np.sort(images @ weights + bias)[::-1][:12]
    exciters = dialog.locator(".exciter-value")
    expect(exciters.first).to_have_text(re.compile(r"\d"))
    for text, value in zip(exciters.all_inner_texts(), most, strict=True):
        assert agrees(text, float(value), within=1e-4)


def test_what_excites_a_unit_is_said_to_be_looked_for(
    page_of_run: DescentPage, server: Server
) -> None:
    page = page_of_run
    step_batch(page, 1)
    try:
        for pid in server.worker_pids:
            os.kill(pid, signal.SIGSTOP)
        of = open_unit(page, 3).locator("[data-part=exciters-of]")
        expect(of).to_have_text("searching …")
    finally:
        for pid in server.worker_pids:
            os.kill(pid, signal.SIGCONT)
    expect(of).to_have_text("largest w·x + b among 60,000, at batch 1")


def test_nothing_lies_on_a_unit_that_is_opened(page_of_run: DescentPage) -> None:
    page = page_of_run
    step_batch(page, 1)
    expect(open_unit(page, 0).locator("[data-part=one-of]")).to_contain_text("512")
    page.page.keyboard.press("Escape")
    dialog = open_unit(page, 0)  # its numbers are there already
    expect(dialog.get_by_role("button", name="Close")).to_be_focused()
    expect(page.page.locator("#number-popover")).to_have_count(0)


def test_a_units_gradient_is_the_sum_it_is_said_to_be(page_of_run: DescentPage) -> None:
    page = page_of_run
    step_batch(page, 1)
    dialog = open_unit(page, 5)
    deltas = page.run.tensor("layer1.preactivations.gradient")[:, 5].astype(float)
    x, y = page.run.tensor("batch.x"), page.run.tensor("batch.y")
    sizes = np.abs(deltas) * np.linalg.norm(x, axis=1)
    most = np.argsort(-sizes)[:8]
    expect(dialog.locator(".term-delta").first).to_have_text(re.compile(r"\d"))
    shown = dialog.locator("[data-part=terms] li").all()
    for item, sample in zip(shown, most, strict=True):
        assert agrees(item.locator(".term-delta").inner_text(), deltas[sample])
        assert item.locator(".term-digit").inner_text().endswith(str(int(y[sample])))
    apart = np.abs(deltas @ x - page.run.tensor("layer1.weights.gradient")[5]).max()
    assert agrees(dialog.locator("[data-part=difference]").inner_text(), float(apart), 0.02)
    assert apart < 1e-6


def test_every_number_of_a_unit_explains_itself(page_of_run: DescentPage) -> None:
    page = page_of_run
    step_batch(page, 1)
    dialog = open_unit(page, 3)
    dialog.get_by_label("New w", exact=True).fill("0.2")
    dialog.get_by_role("button", name="Set this w").click()
    expect(dialog.locator("[data-part=result]")).to_contain_text("0.2")
    expect(dialog.locator(".exciter-value").first).to_have_text(re.compile(r"\d"))
    page.run.at_rest()
    notebook = Notebook()
    numbers = dialog.locator(".explained[tabindex]:visible").all()
    assert len(numbers) > 38
    expect(dialog.locator("[data-part=life] .figure")).to_have_count(2)
    read = [explained for number in numbers if (explained := read_explanation(page, number))]
    assert len(read) == len(numbers)
    found = [disagreement(explained, notebook.value_of(explained)) for explained in read]
    assert not [complaint for complaint in found if complaint]


def test_a_weight_is_set_by_hand_and_taken_back(page_of_run: DescentPage) -> None:
    page = page_of_run
    step_batch(page, 1)
    x, y = page.run.tensor("batch.x"), page.run.tensor("batch.y")
    before = parameters(page)
    dialog = open_unit(page, 0)
    dialog.get_by_label("Row", exact=True).fill("10")
    dialog.get_by_label("Column", exact=True).fill("12")
    dialog.get_by_label("New w", exact=True).fill("0,75")
    dialog.get_by_role("button", name="Set this w").click()
    result = dialog.locator("[data-part=result]")
    expect(result).to_contain_text("0.75")
    changed = {name: array.copy() for name, array in before.items()}
    changed["layer1.weights"][0, 10 * 28 + 12] = 0.75
    value_before, value_after, loss_before, loss_after = numbers_in(result.inner_text())
    assert agrees(value_before, float(before["layer1.weights"][0, 292]))
    assert agrees(value_after, 0.75)
    assert agrees(loss_before, loss(before, x, y))
    assert agrees(loss_after, loss(changed, x, y))
    assert page.run.tensor("layer1.weights")[0, 292] == np.float32(0.75)
    dialog.get_by_role("button", name="Undo").click()
    expect(result).to_be_empty()
    for name, array in parameters(page).items():
        assert np.array_equal(array, before[name])


def has_changes(page: DescentPage, count: int) -> None:
    """Wait until the run's log has that many."""
    page.run.until(lambda state: len(state["actions"]) == count, what=f"{count} changes")


def test_several_changes_by_hand_are_taken_back_one_after_the_other(
    page_of_run: DescentPage,
) -> None:
    page = page_of_run
    step_batch(page, 1)
    before = parameters(page)["layer1.weights"]
    dialog = open_unit(page, 0)
    result = dialog.locator("[data-part=result]")
    for value in ("0.1", "0.2", "0.3"):
        dialog.get_by_label("New w", exact=True).fill(value)
        dialog.get_by_role("button", name="Set this w").click()
        expect(result).to_contain_text(f"→ {value}.")
    undo = dialog.get_by_role("button", name="Undo")
    for left in (2, 1, 0):
        undo.press("Enter")
        has_changes(page, left)
        expect(undo if left else dialog.get_by_label("New w", exact=True)).to_be_focused()
    expect(undo).to_be_hidden()
    assert np.array_equal(page.run.tensor("layer1.weights"), before)


def test_a_drawing_learnt_twice_is_forgotten_twice(page_of_run: DescentPage) -> None:
    page = page_of_run
    region = copied_as_seven(page)
    before = parameters(page)["layer1.weights"]
    learn = region.get_by_role("button", name="Learn this drawing")
    expect(learn).to_have_attribute("aria-disabled", "false")
    for count in (1, 2):
        learn.click()
        has_changes(page, count)
        expect(learn).to_have_attribute("aria-disabled", "false")
    undo = region.get_by_role("button", name="Undo")
    place = undo.bounding_box()
    undo.press("Enter")
    has_changes(page, 1)
    expect(undo).to_be_focused()
    result = region.locator("[data-part=result]")
    expect(result).to_have_text("Taken back. Undo takes back one more.")
    assert undo.bounding_box() == place
    undo.press("Enter")
    expect(learn).to_be_focused()
    expect(undo).to_be_hidden()
    assert np.array_equal(page.run.tensor("layer1.weights"), before)


def test_a_weight_in_use_is_not_changed_and_the_page_says_so(page_of_run: DescentPage) -> None:
    page = page_of_run
    step_batch(page, 1)
    page.press("Step phase")
    page.run.until(lambda state: state["phase"] == "draw", what="the draw")
    dialog = open_unit(page, 0)
    dialog.get_by_label("New w", exact=True).fill("1")
    dialog.get_by_role("button", name="Set this w").click()
    expect(dialog.locator("[data-part=result]")).to_contain_text("step to the end of the batch")
    dialog.get_by_label("New w", exact=True).fill("one")
    dialog.get_by_role("button", name="Set this w").click()
    expect(dialog.locator("[data-part=result]")).to_contain_text("Type a number")


def copied_as_seven(page: DescentPage) -> Locator:
    """The region of the pad after a batch, the followed digit copied to it and said to be a 7."""
    step_batch(page, 1)
    region = page.region("Draw a digit")
    page.press("Copy followed digit")
    region.get_by_label("Its true digit").select_option("7")
    return region


def test_a_drawing_is_learnt_and_forgotten(page_of_run: DescentPage) -> None:
    page = page_of_run
    step_batch(page, 1)
    before = parameters(page)
    region = page.region("Draw a digit")
    learn = region.get_by_role("button", name="Learn this drawing")
    expect(learn).to_have_attribute("aria-disabled", "true")
    result = region.locator("[data-part=result]")
    expect(result).to_contain_text("Draw a digit, say which it is")
    page.press("Copy followed digit")
    expect(region.locator(".bar-share").first).to_contain_text("%")
    expect(result).to_have_text("Which digit is it?")
    region.get_by_label("Its true digit").select_option("7")
    expect(result).to_have_text("You can take one step on it.")
    expect(learn).to_have_attribute("aria-disabled", "false")
    pixels = page.page.evaluate(PREPARED_DRAWING)
    learn.click()
    expect(result).to_contain_text("One step on it")
    x, seven = np.array([pixels], np.float32) / np.float32(255), np.array([7])
    loss_before, loss_after = numbers_in(result.inner_text())
    assert agrees(loss_before, loss(before, x, seven))
    assert agrees(loss_after, loss(parameters(page), x, seven), within=1e-4)
    share = float(np.exp(log_probabilities(parameters(page), x)[0, 7]))
    page.until(
        lambda: agrees(region.locator(".bar-share").nth(7).inner_text(), share), "the bars to move"
    )
    region.get_by_role("button", name="Show what moved").click()
    expect(page.region("Weights").get_by_role("tab", name="step")).to_have_attribute(
        "aria-selected", "true"
    )
    region.get_by_role("button", name="Undo").click()
    expect(result).to_have_text("Taken back. You can take one step on it.")
    for name, array in parameters(page).items():
        assert np.array_equal(array, before[name])
    expect(learn).to_be_focused()  # the button that was pressed is gone


def test_only_a_drawing_that_has_been_read_is_learnt(page_of_run: DescentPage) -> None:
    page = page_of_run
    region = copied_as_seven(page)
    learn = region.get_by_role("button", name="Learn this drawing")
    expect(learn).to_have_attribute("aria-disabled", "false")
    read = page.page.evaluate(PREPARED_DRAWING)
    held: list[Route] = []
    page.page.route("**/api/classify*", lambda route: held.append(route))
    followed = page.page.get_by_role("slider", name="Followed digit")
    followed.press("ArrowRight")
    expect(followed).to_have_attribute("aria-valuenow", "2")  # it comes with the next frame
    page.press("Copy followed digit")
    expect(learn).to_have_attribute("aria-disabled", "true")
    page.until(lambda: len(held) > 0, "the drawing to be sent")
    page.page.unroute_all()  # they go on now
    expect(learn).to_have_attribute("aria-disabled", "false")
    assert page.page.evaluate(PREPARED_DRAWING) != read


def test_what_was_refused_is_no_news_after_another_step(page_of_run: DescentPage) -> None:
    page = page_of_run
    region = copied_as_seven(page)
    page.press("Step phase")
    page.run.until(lambda state: state["phase"] == "draw", what="the draw")
    region.get_by_role("button", name="Learn this drawing").click()
    result = region.locator("[data-part=result]")
    expect(result).to_contain_text("Pause, step to the end of the batch")
    step_batch(page, 2)
    expect(result).to_have_text("You can take one step on it.")


def test_after_a_drawing_nothing_of_it_is_said_to_be_a_batchs(page_of_run: DescentPage) -> None:
    page = page_of_run
    region = copied_as_seven(page)
    page.press("Learn this drawing")
    expect(region.locator("[data-part=result]")).to_contain_text("One step on it")
    page.page.reload()  # what the page knew of the batch before is gone, too
    page.wait_open()
    phase = page.page.locator("running-code [data-part=phase]")
    expect(phase).to_have_text("update, from the drawing")
    promise = page.region("Inside this step").locator("[data-part=promise]")
    expect(promise).to_contain_text("The last step was on a drawing.")
    along = page.region("Along this step").locator("[data-part=empty]")
    known = "known after the next batch's backward pass"
    expect(along).to_have_text(
        f"The last step was on a drawing. The loss along the step is {known}."
    )
    health = page.region("Is it learning well?").locator("[data-part=of]")
    expect(health).to_have_text(known)
    weights = page.region("Weights")
    readout = weights.locator("[data-part=readout]")
    weights.get_by_role("tab", name="step").click()
    expect(readout).to_have_text("from the drawing")
    page.press("Step phase")
    expect(readout).to_have_text("from the drawing")
    page.press("Step batch")
    expect(readout).to_be_empty()
    page.press("Step phase")
    expect(readout).to_have_text("from batch 2")
    expect(weights.get_by_role("slider")).to_have_class(re.compile("is-past"))
    weights.get_by_role("tab", name="weights").click()
    expect(readout).to_be_empty()
    expect(weights.get_by_role("slider")).not_to_have_class(re.compile("is-past"))


def test_the_layers_figures(page_of_run: DescentPage) -> None:
    page = page_of_run
    step_batch(page, 1)
    region = page.region("Is it learning well?")
    region.scroll_into_view_if_needed()
    expect(region.locator("[data-part=hints]")).to_contain_text("Nothing looks wrong.")
    expect(region.get_by_role("status")).to_be_empty()  # what is usual is not said aloud
    gradients, steps = parameters(page, ".gradient"), parameters(page, ".step")
    weights = parameters(page)
    start = {name: weights[name].astype(float) - steps[name] for name in PARAMETERS}
    for layer in (1, 2):

        def norm(arrays: Weights, layer: int = layer) -> float:
            parts = [arrays[f"layer{layer}.{part}"] for part in ("weights", "bias")]
            return float(np.sqrt(sum(np.square(part, dtype=float).sum() for part in parts)))

        def shown(figure: str, layer: int = layer) -> str:
            rows = region.locator(f'[data-figure="{figure}"] .vital-row')
            number = rows.nth(layer - 1).locator(".vital-value")
            expect(number).to_have_text(re.compile(r"\d"))
            return number.inner_text()

        assert agrees(shown("gradient_norm"), norm(gradients))
        assert agrees(shown("update_ratio"), norm(steps) / norm(start))
        assert re.fullmatch(r"\d+\.\d°", shown("angle"))


def test_a_run_that_has_blown_up_says_what_would_help(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.input("Optimizer").select_option("sgd")
    page.input("Learning rate").fill("1e12")
    page.input("Learning rate").press("Enter")
    page.play_fast()
    page.run.until(lambda state: state["state"] == "failed", what="the run to fail")
    hints = page.region("Is it learning well?").locator("[data-part=hints]")
    hints.scroll_into_view_if_needed()
    expect(hints).to_contain_text("lower the learning rate")
    said = page.region("Is it learning well?").get_by_role("status")
    expect(said).to_contain_text("lower the learning rate")


def a_digit(digit: int) -> str:
    """As it is said."""
    return "an 8" if digit == 8 else f"a {digit}"


class Mistakes:
    """The region with the mistakes, and what it is to list, by hand from the network's weights."""

    def __init__(self, page: DescentPage) -> None:
        self._page = page
        self.region = page.region("What it gets wrong")
        self.title = self.region.get_by_role("heading", level=3)
        self.digits = self.region.locator("[data-part=worst] li:visible")
        self.back = self.region.get_by_role("button", name="All mistakes")
        self.measured()

    def measured(self) -> None:
        """Take up what the network is now, once the page shows the measurement of it."""
        batch = self._page.run.at_rest()["batch"]
        self.region.scroll_into_view_if_needed()
        expect(self.region.locator("[data-part=of]")).to_contain_text(f"as of batch {batch}")
        _, (images, self._labels) = load_mnist()
        answers = log_probabilities(parameters(self._page), images)
        self._predicted, self._confidence = answers.argmax(axis=1), np.exp(answers.max(axis=1))
        self.confusion = np.zeros((10, 10), int)
        np.add.at(self.confusion, (self._labels, self._predicted), 1)

    def cell(self, label: int, answer: int) -> Locator:
        """A cell of the table."""
        return self.region.locator(f'td[data-row="{label}"][data-column="{answer}"]')

    def title_of(self, label: int, answer: int) -> str:
        """The heading of that cell's digits."""
        there_are_some = self.confusion[label, answer] > 0
        if label == answer:
            some, none = (
                f"{label}s read correctly, least sure first",
                f"No {label}s are read correctly",
            )
        else:
            some = f"{label}s taken for {answer}s, most confident first"
            none = f"No {label}s are taken for {answer}s"
        return some if there_are_some else none

    def lists(self, label: int, answer: int) -> None:
        """Wait for the heading of a cell; what is below it are its digits, in their order."""
        expect(self.title).to_have_text(self.title_of(label, answer))
        expect(self.region.locator("[aria-selected=true]")).to_have_count(1)
        expect(self.cell(label, answer)).to_have_attribute("aria-selected", "true")
        its = self._confidence[(self._labels == label) & (self._predicted == answer)]
        expected = np.sort(its) if label == answer else np.sort(its)[::-1]
        count = min(len(its), PLACES)
        expect(self.digits).to_have_count(count)
        shown = self.digits.all_inner_texts()
        for text, confidence in zip(shown, expected[:count], strict=True):
            verdict, share = text.split("\n")
            assert verdict == f"{label} → {answer}"
            assert agrees(share, float(confidence))

    def lists_all(self) -> None:
        """Wait for the overall list."""
        expect(self.title).to_have_text("Most confidently wrong")
        expect(self.digits).to_have_count(PLACES)
        expect(self.region.locator("[aria-selected=true]")).to_have_count(0)
        expect(self.back).to_be_hidden()
        wrong = self._confidence[self._predicted != self._labels]
        assert agrees(self.digits.first.inner_text().split("\n")[1], float(wrong.max()))


def test_the_mistakes_are_those_of_the_network(page_of_run: DescentPage) -> None:
    page = page_of_run
    step_batch(page, 1)
    page.run.until(lambda state: state["test_batch"] == 1, what="the measurement")
    region = page.region("What it gets wrong")
    region.scroll_into_view_if_needed()
    expect(region.locator("[data-part=of]")).to_have_text("10,000 test digits, as of batch 1")
    _, (images, labels) = load_mnist()
    answers = log_probabilities(parameters(page), images)
    predicted = answers.argmax(axis=1)
    confusion = np.zeros((10, 10), int)
    np.add.at(confusion, (labels, predicted), 1)
    for label in range(10):
        row = region.locator(f'td[data-row="{label}"]').all_inner_texts()
        assert [int(count) for count in row] == confusion[label].tolist()
        share = region.locator(f'[data-class="{label}"]').inner_text()
        assert agrees(share, confusion[label, label] / confusion[label].sum())
    wrong = np.flatnonzero(predicted != labels)
    confidence = np.exp(answers.max(axis=1))
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][0]
    first = region.locator("[data-part=worst] li").first
    expect(first).to_contain_text(f"{labels[worst]} → {predicted[worst]}")
    assert agrees(first.locator("span").nth(1).inner_text(), float(confidence[worst]))
    cell = region.locator('td[data-row="0"][data-column="0"]')
    cell.focus()
    cell.press("ArrowDown")
    expect(region.locator("[data-part=readout]")).to_contain_text(
        f"{confusion[1, 0]:,} of {confusion[1].sum():,} images of a 1 answered 0"
    )
    step_batch(page, 2)
    region.scroll_into_view_if_needed()
    expect(region.locator("[data-part=of]")).to_have_text("10,000 test digits, as of batch 2")
    of_zero = region.locator('td[data-row="1"][data-column="0"]').inner_text()
    expect(region.locator("[data-part=readout]")).to_contain_text(
        f"{of_zero} of {confusion[1].sum():,} images of a 1 answered 0"
    )


def test_a_cell_that_is_pressed_shows_its_digits(page_of_run: DescentPage) -> None:
    page = page_of_run
    step_batch(page, 1)
    mistakes = Mistakes(page)
    mistakes.lists_all()
    room = mistakes.region.bounding_box()
    wrong = np.where(np.eye(10), -1, mistakes.confusion)
    cells = [np.argwhere(kind)[0].tolist() for kind in (wrong > PLACES, wrong == 1, wrong == 0)]
    for label, answer in cells:
        mistakes.cell(label, answer).click()
        mistakes.lists(label, answer)
        expect(mistakes.region.locator("[data-part=readout]")).to_contain_text(
            f"images of {a_digit(label)} answered {answer}"
        )
        assert mistakes.region.bounding_box() == room
    mistakes.cell(label, answer).click()
    mistakes.lists_all()

    label, answer = cells[0]
    mistakes.cell(label, answer).click()
    first = mistakes.digits.first.get_by_role("img")
    expect(first).to_have_accessible_name(
        re.compile(rf": {a_digit(label)}, taken for {a_digit(answer)} at \d")
    )
    right = int(mistakes.confusion.diagonal().argmax())
    mistakes.cell(right, right).click()
    mistakes.lists(right, right)
    expect(first).to_have_accessible_name(re.compile(rf": {a_digit(right)}, read correctly at \d"))
    mistakes.back.click()
    mistakes.lists_all()
    expect(mistakes.cell(right, right)).to_be_focused()


def test_a_cell_is_picked_by_the_keys_and_stays_picked(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.press("Open loss")
    opened = page.page.get_by_role("button", name="Open loss")
    step_batch(page, 1)
    mistakes = Mistakes(page)
    keyboard = page.page.keyboard
    mistakes.cell(0, 0).focus()
    keyboard.press("ArrowDown")
    keyboard.press("Enter")
    mistakes.lists(1, 0)
    keyboard.press("ArrowRight")
    mistakes.lists(1, 0)
    keyboard.press("Space")
    mistakes.lists(1, 1)
    keyboard.press("Space")
    mistakes.lists_all()
    keyboard.press("Enter")
    mistakes.lists(1, 1)
    keyboard.press("Escape")
    mistakes.lists_all()
    expect(mistakes.cell(1, 1)).to_be_focused()
    expect(opened).to_have_attribute("aria-pressed", "true")
    keyboard.press("Escape")  # with no cell to give up it is the page's again
    expect(opened).to_have_attribute("aria-pressed", "false")
    state = page.run.state()
    assert (state["state"], state["batch"]) == ("paused", 1)

    keyboard.press("Enter")
    mistakes.lists(1, 1)
    step_batch(page, 2)
    mistakes.measured()
    mistakes.lists(1, 1)
    page.press("Reset")
    page.shows("batch", "0")
    mistakes.measured()
    mistakes.lists(1, 1)


def test_a_heading_changes_with_the_digits_below_it(page_of_run: DescentPage) -> None:
    page = page_of_run
    step_batch(page, 1)
    mistakes = Mistakes(page)
    mistakes.lists_all()
    body = mistakes.region.locator("[data-part=body]")
    body.evaluate(WATCH_THE_LIST)
    wrong = np.where(np.eye(10), 0, mistakes.confusion)
    cells = np.argwhere(wrong >= PLACES)[:6].tolist()
    for label, answer in cells:
        mistakes.cell(label, answer).click()
        mistakes.lists(label, answer)
    before, *seen = map(tuple, body.evaluate("(body) => body.seen"))
    assert {*seen} - {before} == {
        (mistakes.title_of(*cell), "{} → {}".format(*cell)) for cell in cells
    }
