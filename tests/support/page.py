"""The page as a person uses it: by the names of its controls, and the numbers it shows."""

import re
from collections.abc import Callable
from typing import Any, Self

import httpx2
from playwright.sync_api import Locator, Page, expect

from tests.support.client import Run, State
from tests.support.server import wait_until

FASTEST = "10"

# Puts into `app` what the page's elements share, as they ask for it themselves.
ASK = """
  let app;
  const receive = (given) => { app = given; };
  const question = new Event("context-request", { bubbles: true });
  document.body.dispatchEvent(Object.assign(question, { receive }));
"""


def asking_the_page(body: str, given: str = "") -> str:
    """A function for the page to call: `body`, which knows `app`, and what it is `given`."""
    return f"async ({given}) => {{{ASK}{body}}}"


# What the page keeps of the run, asked of the page itself: it is not on the screen as text.
SERIES = asking_the_page("""
  const { series } = app.run;
  return { loss: [...series.loss], accuracy: [...series.accuracy], tests: series.tests };
""")


# Until then no number is the run's. Of a run that there is not, none comes.
STATE_KNOWN = asking_the_page("""
  for (let i = 0; i < 200 && !app.run.state.peek(); i++) {
    await new Promise((done) => setTimeout(done, 10));
  }
""")


class ShownRun(Run):
    """A run that a page shows: while it is waited for, the page's messages are taken.

    Those of a page at full speed fill the pipe to its browser in seconds, and then it stands still.
    """

    def __init__(self, page: Page, http: httpx2.Client, run_id: str) -> None:
        super().__init__(http, {"id": run_id})
        self._page = page

    def until(
        self, holds: Callable[[State], bool], *, within: float = 60.0, what: str = "a state"
    ) -> State:
        """The first state seen that `holds`."""

        def seen(state: State) -> bool:
            self._page.wait_for_timeout(20)
            return holds(state)

        return super().until(seen, within=within, what=what)


class DescentPage:
    """One open page and the run it shows."""

    def __init__(self, page: Page, http: httpx2.Client) -> None:
        self.page = page
        self._http = http

    def wait_open(self) -> Self:
        """Wait until the page shows a run."""
        self.page.wait_for_url(re.compile(r"[?&]run=[0-9a-f]{32}"))
        expect(self.page.get_by_role("button", name="Step phase")).to_be_visible()
        # The last that the page defines.
        self.page.evaluate("customElements.whenDefined('keys-dialog')")
        self.page.evaluate(STATE_KNOWN)
        return self

    @property
    def run_id(self) -> str:
        """The run in the address."""
        found = re.search(r"run=([0-9a-f]{32})", self.page.url)
        assert found is not None, self.page.url
        return found[1]

    @property
    def run(self) -> Run:
        """The same run over REST, without a key."""
        return ShownRun(self.page, self._http, self.run_id)

    def press(self, name: str) -> None:
        """Press a button."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def input(self, name: str) -> Locator:
        """An input by its label."""
        return self.page.get_by_label(name, exact=True)

    def region(self, name: str) -> Locator:
        """A region by its name."""
        return self.page.get_by_role("region", name=name, exact=True)

    def play_fast(self) -> None:
        """Play, as fast as the machine allows."""
        self.input("Speed").fill(FASTEST)
        self.press("Play")

    def explode(self) -> None:
        """Train on with steps so large that the run fails."""
        self.input("Optimizer").select_option("sgd")
        self.input("Learning rate").fill("1e9")
        self.input("Learning rate").press("Enter")
        self.play_fast()
        self.run.until(lambda state: state["state"] == "failed", what="the run to fail")

    def pause(self) -> dict[str, Any]:
        """Pause, and wait until the page shows where the run stands; its state."""
        self.press("Pause")
        state = self.run.until(lambda state: state["state"] == "paused", what="the pause")
        self.shows("batch", f"{state['batch']:,}")
        return state

    def field(self, name: str) -> Locator:
        """A displayed number."""
        return self.page.locator(f'[data-field="{name}"]').first

    def shows(self, name: str, text: str) -> None:
        """Wait until a displayed number reads so."""
        expect(self.field(name)).to_have_text(text)

    def series(self) -> dict[str, Any]:
        """The series as the page keeps it."""
        series: dict[str, Any] = self.page.evaluate(SERIES)
        return series

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait until something holds, while the page goes on."""

        def ask() -> bool:
            self.page.wait_for_timeout(20)
            return holds()

        wait_until(ask, within=90, what=what)
