"""A visitor's browser on the real server; what the console says against the page fails the test."""

from collections.abc import Callable, Iterator

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.page import DescentPage
from tests.support.server import Server

# The machine that tests may be busy, and no test here is about time.
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)

OpenPage = Callable[..., DescentPage]


@pytest.fixture
def open_page(browser: Browser, server: Server) -> Iterator[OpenPage]:
    """Opens the page, each time as another visitor unless it is `beside` a page's other window.

    A browser itself complains of an address that is not there: `complaints_expected` then.
    """
    contexts: list[BrowserContext] = []
    http = httpx2.Client(base_url=server.address, timeout=60.0)
    complaints: list[str] = []

    def open_(
        path: str = "/", *, beside: DescentPage | None = None, complaints_expected: bool = False
    ) -> DescentPage:
        if beside is None:
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            context.set_default_timeout(PATIENCE_MS)
            contexts.append(context)
        else:
            context = beside.page.context
        page = context.new_page()
        if not complaints_expected:
            _listen(page, complaints)
        page.goto(server.address + path)
        return DescentPage(page, http).wait_open()

    yield open_
    for context in contexts:
        context.close()
    http.close()
    assert not complaints, "\n".join(complaints)


def _listen(page: Page, complaints: list[str]) -> None:
    page.on("pageerror", lambda error: complaints.append(f"uncaught: {error}"))
    page.on(
        "console",
        lambda message: (
            complaints.append(f"{message.type}: {message.text}")
            if message.type in ("error", "warning")
            else None
        ),
    )


@pytest.fixture
def page_of_run(open_page: OpenPage) -> DescentPage:
    """The page as a new visitor finds it, with a run of its own."""
    return open_page()
