"""Words and numbers are right for any network that the server accepts, not the example alone."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.test_comparing import small_page
from tests.browser.test_explanations import check_numbers
from tests.support.page import DescentPage


def layers(*sizes: tuple[int, str]) -> list[dict[str, Any]]:
    return [{"units": units, "activation": activation} for units, activation in sizes]


def open_station(page: DescentPage, phase: str) -> None:
    page.page.locator(f'.station[data-phase="{phase}"]').click()
    expect(page.page.locator(f'.detail.is-shown[data-detail="{phase}"]')).to_be_visible()


@pytest.mark.parametrize(
    ("last", "loss", "back", "unit"),
    [
        ("linear", "mean_squared_error", "∂loss/∂output", ""),
        ("sigmoid", "mean_squared_error", "∂loss/∂output", "%"),
        ("softmax", "categorical_crossentropy", None, "%"),
    ],
)
def test_a_network_of_one_layer(
    open_page: OpenPage, last: str, loss: str, back: str | None, unit: str
) -> None:
    page = small_page(open_page, layers=layers((10, last)), loss=loss)
    page.press("Step batch")
    page.shows("batch", "1")
    open_station(page, "forward")
    detail = page.page.locator(".detail.is-shown")
    for answer in detail.locator(".answer-p").all():
        expect(answer).to_contain_text(unit) if unit else expect(answer).not_to_contain_text("%")
    check_numbers(page, detail.locator('[data-part="answers"]'))
    open_station(page, "backward")
    flow = detail.locator(".of-back")
    if back is None:
        expect(flow).to_be_hidden()
    else:
        expect(flow).to_contain_text(back)
    factor = detail.locator('[data-factor="back"] .factor-name')
    expect(factor).to_have_text(back or "∂loss/∂z")
    check_numbers(page, detail)


def test_an_output_that_is_no_share_is_not_written_as_one(open_page: OpenPage) -> None:
    config = {"layers": layers((8, "relu"), (10, "linear")), "loss": "mean_squared_error"}
    page = small_page(open_page, **config)
    page.press("Step batch")
    page.shows("batch", "1")
    expect(page.page.locator('.station[data-phase="forward"]')).not_to_contain_text("%")
    page.press("Copy followed digit")
    region = page.region("Draw a digit")
    expect(region.locator(".bar-share").first).to_contain_text(".")
    expect(region).not_to_contain_text("%")


def test_units_whose_inputs_form_a_square_are_called_images(open_page: OpenPage) -> None:
    page = small_page(open_page, layers=layers((64, "relu"), (20, "relu"), (10, "softmax")))
    region = page.region("Weights")
    region.get_by_label("layer").select_option("2")
    expect(region).to_contain_text("Each image is one unit, with a cell for each of its 64 weights")
    region.get_by_label("layer").select_option("3")
    expect(region).to_contain_text("Each row is one unit, with a cell for each of its 20 weights")


def test_a_batch_of_one_digit(open_page: OpenPage) -> None:
    page = small_page(open_page, batch_size=1)
    page.press("Step batch")
    page.shows("batch", "1")
    open_station(page, "backward")
    line = page.page.locator('.detail.is-shown [data-part="sum-line"]')
    expect(line).to_contain_text("the whole batch, 1 digit: ∂loss/∂w = ")
