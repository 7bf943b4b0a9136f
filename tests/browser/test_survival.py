"""Processes that die while a page watches: what it says of it, and that no point is missing."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
from playwright.sync_api import Browser, expect

from tests.browser.conftest import PATIENCE_MS
from tests.support.page import DescentPage
from tests.support.server import Server, keep_untrained_network, running_server


@contextmanager
def page_on(browser: Browser, server: Server) -> Iterator[DescentPage]:
    """The page of a server of the test's own."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    with httpx2.Client(base_url=server.address, timeout=60.0) as http:
        page = context.new_page()
        page.goto(server.address)
        yield DescentPage(page, http).wait_open()
    context.close()


def has_every_point(page: DescentPage) -> None:
    """Pause, and compare the loss that the page keeps with the API's."""
    state = page.pause()
    page.until(lambda: len(page.series()["loss"]) == state["batch"], "every point")
    assert page.series()["loss"] == page.run.series()["loss"]


def test_a_run_whose_process_is_killed_goes_on_and_the_page_says_so(
    browser: Browser, tmp_path: Path
) -> None:
    with (
        running_server(keep_untrained_network(tmp_path / "data"), workers=1) as server,
        page_on(browser, server) as page,
    ):
        page.play_fast()
        page.until(lambda: len(page.series()["loss"]) > 40, "some batches")
        os.kill(server.worker_pids[0], signal.SIGKILL)
        said = page.page.get_by_text("The process that trained this run stopped")
        expect(said).to_be_visible()
        batch = len(page.series()["loss"])
        page.until(lambda: len(page.series()["loss"]) > batch + 20, "it to go on")
        has_every_point(page)
        expect(said).to_be_hidden()


def test_a_page_open_while_the_server_is_started_again_has_the_run_back(
    browser: Browser, tmp_path: Path
) -> None:
    data_dir = keep_untrained_network(tmp_path / "data")
    with running_server(data_dir, workers=1) as server, page_on(browser, server) as page:
        page.play_fast()
        page.until(lambda: len(page.series()["loss"]) > 40, "some batches")
        server.stop()
        expect(page.page.get_by_text("Connection lost")).to_be_visible()
        before = page.series()["loss"]
        port = str(urlsplit(server.address).port)
        again = Server(data_dir, "--port", port, "--workers", "1").wait_ready(1)
        try:
            said = page.page.get_by_text("The server was restarted")
            expect(said).to_be_visible()
            batch = page.run.at_rest()["batch"]
            assert batch >= len(before)
            page.shows("batch", f"{batch:,}")
            page.press("Dismiss")
            expect(said).to_be_hidden()
            page.press("Step batch")
            page.shows("batch", f"{batch + 1:,}")
            page.until(lambda: len(page.series()["loss"]) == batch + 1, "the next point")
            assert page.series()["loss"] == page.run.series()["loss"]
            assert page.run.series()["loss"][: len(before)] == before
        finally:
            again.stop()


def test_a_page_for_which_there_is_no_room_says_why_and_opens_when_there_is(
    browser: Browser, tmp_path: Path
) -> None:
    data_dir = keep_untrained_network(tmp_path / "data")
    with running_server(data_dir, workers=1, env={"APP_MAX_VIEWERS": "1"}) as server:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.set_default_timeout(PATIENCE_MS)
        late = context.new_page()
        why = late.get_by_text("Expected at most 1 viewers of one run. Close another window")
        with page_on(browser, server) as page:
            late.goto(page.page.url)
            expect(why).to_be_visible()
            expect(late.get_by_text("Connection lost")).to_have_count(0)
        expect(late.get_by_text("You are watching this run")).to_be_visible()
        expect(why).to_have_count(0)
        context.close()
