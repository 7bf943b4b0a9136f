"""What the page shows is what the API says, to the digits displayed."""

from playwright.sync_api import expect

from tests.support.page import DescentPage


def percent(share: float, decimals: int) -> str:
    return f"{share * 100:.{decimals}f} %"


def loss_text(loss: float) -> str:
    text = f"{loss:#.4g}"
    return text.rstrip(".")


def agree(page: DescentPage) -> None:
    """Compare every number of the progress line with the API's."""
    state = page.run.until(
        lambda state: state["test_batch"] == state["batch"], what="the measurement at rest"
    )
    page.shows("batch", f"{state['batch']:,}")
    page.shows("batch_in_epoch", f"{state['batch_in_epoch']:,}")
    page.shows("batches_per_epoch", f"{state['batches_per_epoch']:,}")
    page.shows("epoch", f"{state['epoch'] + 1:,}")
    page.shows("loss", loss_text(state["loss"]))
    page.shows("accuracy", percent(state["accuracy"], 1))
    page.shows("test_batch", f"{state['test_batch']:,}")
    page.shows("test_accuracy", percent(state["test_accuracy"], 2))


def test_the_numbers_after_each_of_some_batches(page_of_run: DescentPage) -> None:
    for batch in range(1, 6):
        page_of_run.press("Step batch")
        page_of_run.shows("batch", str(batch))
        agree(page_of_run)


def test_the_numbers_after_playing(page_of_run: DescentPage) -> None:
    page_of_run.play_fast()
    page_of_run.until(lambda: page_of_run.run.state()["batch"] > 60, "some batches")
    page_of_run.pause()
    agree(page_of_run)


def test_the_loss_of_a_phase_under_way(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.press("Step batch")
    page.shows("batch", "1")
    for _ in range(3):
        page.press("Step phase")
    expect(page.region("The loop").locator("[aria-current=step]")).to_have_attribute(
        "data-phase", "loss"
    )
    page.shows("loss", loss_text(page.run.state()["loss"]))


def test_the_station_of_the_loss_tells_the_mean_of_the_tensor(page_of_run: DescentPage) -> None:
    page_of_run.press("Step batch")
    page_of_run.shows("batch", "1")
    mean = float(page_of_run.run.tensor("loss.per_sample").mean(dtype="float64"))
    station = page_of_run.region("The loop").locator("[data-phase=loss] .caption")
    expect(station).to_contain_text(f"{mean:.3f}"[:5])


def test_the_page_keeps_every_point_of_the_series(page_of_run: DescentPage) -> None:
    page_of_run.play_fast()
    page_of_run.until(lambda: page_of_run.run.state()["batch"] > 100, "some batches")
    state = page_of_run.pause()
    page_of_run.until(lambda: len(page_of_run.series()["loss"]) == state["batch"], "every point")
    kept, series = page_of_run.series(), page_of_run.run.series()
    assert kept["loss"] == series["loss"]
    assert kept["accuracy"] == series["accuracy"]


def test_large_counts_are_in_groups(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.input("Batch size").select_option("8")
    page.shows("batches_per_epoch", "7,500")
    page.input("Batch size").select_option("1024")
    page.press("Step batch")
    expect(page.region("The loop")).to_contain_text("1,024 digits, five phases")
    expect(page.region("The loop").locator("[data-phase=draw] .caption")).to_contain_text(
        "1,024 of"
    )


def test_a_number_is_not_broken_in_two(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.press("Step batch")
    median = page.region("The loop").locator("[data-phase=update] .figure").first
    median.evaluate("(figure) => { figure.firstChild.data = '6.5e-5\\u00a0%'; }")
    for width in (1440, 1024, 390):
        page.page.set_viewport_size({"width": width, "height": 900})
        assert median.evaluate("(figure) => figure.getClientRects().length") == 1


def test_a_batch_of_one_is_told_as_one(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.input("Batch size").select_option("1")
    page.press("Step phase")
    expect(page.region("Inside this step")).to_contain_text(
        "x: 1 image of 784 pixels; y: its true digit."
    )
