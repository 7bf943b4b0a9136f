"""The chain rule on its own: what is shown is what the API says, by mouse and by keyboard."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import OpenPage
from tests.support.explained import Notebook, disagreement, read_explanation
from tests.support.page import DescentPage
from tests.support.server import Server

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
WALK = ("∂a/∂W1", "∂a/∂u", "∂b/∂W2", "∂b/∂v", "∂c/∂W3")
LIT = re.compile(r"\bis-lit\b")
CHAINS = [
    ("squared_difference", "tanh", "sine"),
    ("product", "relu", "exponential"),
    ("sigmoid", "squared_difference", "square"),
    ("tanh", "scaled_square", "tanh"),
]
FIGURES = """region => Object.fromEntries([...region.querySelectorAll("[data-figure]")].map(
  (each) => [each.dataset.figure, each.textContent]
))"""


@pytest.fixture
def http(server: Server) -> Iterator[httpx2.Client]:
    """A script beside the page."""
    with httpx2.Client(base_url=server.address, timeout=60.0) as client:
        yield client


class Chain:
    """The region as a person uses it."""

    def __init__(self, page: DescentPage) -> None:
        self.page = page
        self.region = page.region("The chain rule")
        self.region.scroll_into_view_if_needed()
        expect(self.figure("f").first).to_have_text(re.compile(r"\d"))

    def figure(self, name: str) -> Locator:
        return self.region.locator(f'[data-figure="{name}"]')

    def control(self, label: str) -> Locator:
        return self.region.get_by_label(label, exact=True)

    def press(self, name: str) -> None:
        self.region.get_by_role("button", name=name, exact=True).click()

    def choose(self, *operations: str) -> None:
        for place, name in zip("abc", operations, strict=True):
            self.control(f"Operation {place}").select_option(name)

    def question(self) -> dict[str, Any]:
        """What the controls say."""
        return {
            **{place: self.control(f"Operation {place}").input_value() for place in "abc"},
            "weights": [float(self.control(f"W{i} value").input_value()) for i in (1, 2, 3)],
            "step": float(self.control("step size").input_value()),
        }

    def figures(self) -> dict[str, str]:
        """Every number shown, by its name."""
        figures: dict[str, str] = self.region.evaluate(FIGURES)
        return figures

    def height(self) -> float:
        box = self.region.bounding_box()
        assert box is not None
        return box["height"]


@pytest.fixture
def chain(page_of_run: DescentPage) -> Chain:
    return Chain(page_of_run)


def ask(http: httpx2.Client, question: dict[str, Any]) -> dict[str, Any]:
    response = http.post("/api/chain", json=question)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def number(value: float) -> str:
    """Four significant digits, as the page writes them."""
    rounded = float(f"{value:.3e}")
    if rounded != 0 and abs(rounded) < 1e-3:
        mantissa, exponent = f"{rounded:.3e}".split("e")
        text = f"{float(mantissa):g}e{int(exponent)}"
    else:
        text = f"{rounded:.10g}"
    return text.replace("-", "−", 1) if rounded < 0 else text


def expected_figures(answer: dict[str, Any]) -> dict[str, str]:
    figures = {"f": number(answer["value"])}
    figures |= {name: number(value) for name, value in answer["values"].items()}
    for weight, gradient in answer["gradients"].items():
        for factor in gradient["factors"]:
            figures[factor["name"]] = number(factor["value"])
            figures[factor["product"]["name"]] = number(factor["product"]["value"])
        figures[f"measured {weight}"] = number(gradient["numerical"])
    return figures


def test_the_numbers_are_those_of_the_api(chain: Chain, http: httpx2.Client) -> None:
    for i, value in enumerate(("0.75", "1.25", "-0.5"), start=1):
        chain.control(f"W{i} value").fill(value)
    for operations in CHAINS:
        chain.choose(*operations)
        check_numbers(chain, ask(http, chain.question()))


def check_numbers(chain: Chain, answer: dict[str, Any]) -> None:
    expect(chain.region.locator('[data-formula="f"]')).to_have_text(answer["formula"])
    measured = number(answer["gradients"]["W3"]["numerical"])
    expect(chain.figure("measured W3")).to_have_text(measured)
    shown = chain.figures()
    differences = {weight: shown.pop(f"difference {weight}") for weight in answer["gradients"]}
    assert all(float(text) < 1e-4 for text in differences.values()), differences
    expected = expected_figures(answer)
    del expected["∂f/∂W1"]  # a single factor, shown once
    assert shown == expected
    for weight, gradient in answer["gradients"].items():
        printed = chain.region.locator(f'[data-formula="∂f/∂{weight}"]')
        assert printed.text_content() == gradient["formula"]


def test_the_walk_by_keyboard(chain: Chain) -> None:
    height = chain.height()
    walked = chain.region.locator('[data-part="walked"]')
    said = chain.region.locator('[data-part="announcer"]')
    button = chain.region.get_by_role("button", name="Next factor")
    button.focus()
    for found, name in enumerate(WALK, start=1):
        factor = chain.region.locator(f'.chain-factor[data-factor="{name}"]')
        expect(factor.locator("b")).to_be_hidden()
        chain.page.page.keyboard.press("Enter")
        expect(factor).to_have_class(LIT)
        expect(factor.locator("b")).to_be_visible()
        expect(walked).to_contain_text(f"Factor {found} of 5")
        expect(said).to_contain_text(f"Factor {found} of 5: {name} = ")
        assert chain.height() == height
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(chain.region.locator(".is-ahead")).to_have_count(0)
    chain.press("Start over")
    expect(chain.region.locator(f'.chain-factor[data-factor="{WALK[0]}"] b')).to_be_hidden()
    expect(chain.region.locator(".is-lit")).to_have_count(0)
    assert chain.height() == height


def test_one_step_lowers_f(chain: Chain, http: httpx2.Client) -> None:
    for _ in range(3):
        before = ask(http, chain.question())
        shown = chain.region.locator('[data-part="forecast"] .figure')
        expect(shown).to_have_text(number(before["after"]["value"]))
        chain.press("Take one step")
        expect(chain.region.locator('[data-part="outcome"]')).to_have_text(
            f"f fell from {number(before['value'])} to {number(before['after']['value'])}."
        )
        expect(chain.figure("f")).to_have_text(number(before["after"]["value"]))
        for i, weight in enumerate(before["after"]["weights"], start=1):
            field = chain.control(f"W{i} value")
            assert float(field.input_value()) == pytest.approx(weight, rel=1e-4)
            # From here on the numbers are those of the weights as they can be read.
            field.fill(field.input_value())


def test_the_reader_moves_a_weight_and_takes_too_large_a_step(chain: Chain) -> None:
    v = chain.figure("v").inner_text()
    chain.control("W3 slider").focus()
    chain.page.page.keyboard.press("ArrowRight")
    expect(chain.control("W3 value")).to_have_value("0.51")
    expect(chain.figure("v")).not_to_have_text(v)
    chain.control("step size").fill("2")
    expect(chain.region.locator('[data-part="forecast"]')).to_contain_text("W − 2 · gradient")
    chain.press("Take one step")
    outcome = chain.region.locator('[data-part="outcome"]')
    expect(outcome).to_contain_text(re.compile("^f rose from .* Take a smaller one"))


def test_a_step_size_out_of_range_is_refused_in_words(chain: Chain) -> None:
    field = chain.control("step size")
    kept = field.input_value()
    for text in ("-1", "101", ""):
        field.fill(text)
        field.press("Enter")
        error = chain.region.get_by_role("alert")
        refusal = "The step size must be between 0.0001 and 100."
        expect(error).to_have_text(f"{refusal} Kept at {kept}.")
        expect(field).to_have_value(kept)
    field.fill("0.2")
    expect(chain.region.get_by_role("alert")).to_be_empty()


def test_weights_without_a_finite_f_are_refused_and_mended(open_page: OpenPage) -> None:
    chain = Chain(open_page(complaints_expected=True))  # the browser tells of every 422
    chain.choose("product", "product", "exponential")
    error = chain.region.get_by_role("alert")
    field = chain.control("W3 value")
    field.fill("1000")
    expect(error).to_contain_text("every value is finite")
    expect(chain.region.get_by_role("button", name="Take one step")).to_have_attribute(
        "aria-disabled", "true"
    )
    # What is said of the weights before is not said of these.
    expect(chain.region.locator("[data-part=forecast]")).to_have_css("opacity", "0.5")
    field.fill("1")
    expect(error).to_be_empty()
    expect(chain.figure("v")).to_have_text(number(2.718281828))


def test_a_large_difference_is_told_its_own_reason(chain: Chain) -> None:
    weights = [chain.control(f"W{i} value") for i in (1, 2, 3)]
    chain.choose("tanh", "tanh", "exponential")
    for field, value in zip(weights, ("1", "0", "10"), strict=True):
        field.fill(value)
    difference = chain.figure("difference W2")
    expect(difference).to_have_text("0.031, h = 1e-5 is too coarse or too fine here")
    chain.choose("product", "relu", "identity")
    expect(difference).to_have_text("1, at a kink of relu")


def test_each_number_explains_itself(chain: Chain, http: httpx2.Client) -> None:
    notebook = Notebook()
    for _ in WALK:
        chain.press("Next factor")
    expect(chain.figure("∂c/∂W3").first).to_be_visible()
    numbers = chain.region.locator(".explained[tabindex]")
    assert numbers.count() > 20
    for each in numbers.all():
        explained = read_explanation(chain.page, each)
        assert explained is not None, each.inner_text()
        assert disagreement(explained, notebook.value_of(explained)) is None
        method, path, question = explained.address.split(" ", 2)
        assert (method, path) == ("POST", "/api/chain")
        assert ask(http, json.loads(question))


def test_nothing_is_asked_out_of_sight(open_page: OpenPage) -> None:
    page = open_page()
    asked: list[str] = []
    page.page.on("request", lambda request: asked.append(request.url))
    page.press("Step batch")
    page.shows("batch", "1")
    assert not [url for url in asked if "/api/chain" in url]
    Chain(page)
    assert len([url for url in asked if "/api/chain" in url]) == 1


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_and_axe_finds_nothing(page_of_run: DescentPage, theme: Any) -> None:
    page = page_of_run.page
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    chain = Chain(page_of_run)
    chain.choose("relu", "sigmoid", "tanh")
    expect(chain.region.locator('[data-formula="f"]')).to_contain_text("relu(W1·sigmoid")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    for width in (1440, 1024, 360):
        page.set_viewport_size({"width": width, "height": 800})
        chain.press("Next factor")
        expect(chain.region.locator(".chain-factor.is-lit")).to_be_in_viewport()
        results = page.evaluate("async () => await axe.run('chain-region')")
        assert results["passes"]
        assert not results["violations"], json.dumps(results["violations"], indent=1)
        assert chain.region.evaluate("region => region.scrollWidth <= region.clientWidth")
        box = chain.region.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= width
