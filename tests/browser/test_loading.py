"""How the page comes up: drawn first, in the theme that was chosen; then come the scripts."""

from playwright.sync_api import Browser, Route, expect

from tests.support.page import DescentPage
from tests.support.server import Server

# The style sheet is the last that the first frame waits for.
LOADED = """() => {
  const files = performance.getEntriesByType("resource");
  const scripts = files.filter(({ name }) => /\\/(main|part-.*)\\.js$/.test(name));
  return {
    styles: files.find(({ name }) => name.endsWith("/page.css")).responseEnd,
    scripts: scripts.map(({ startTime }) => startTime),
  };
}"""


def test_scripts_are_asked_for_once_the_page_can_be_drawn(page_of_run: DescentPage) -> None:
    loaded = page_of_run.page.evaluate(LOADED)
    assert len(loaded["scripts"]) == 2  # with what it shares with the one that is loaded later
    assert min(loaded["scripts"]) >= loaded["styles"]


def test_a_chosen_theme_holds_before_the_scripts_are_there(page_of_run: DescentPage) -> None:
    page_of_run.press("Theme: as the system")
    chosen = page_of_run.page.locator("html").get_attribute("data-theme")
    assert chosen == "light"
    page = page_of_run.page.context.new_page()
    page.emulate_media(color_scheme="dark")
    page.route("**/static/main.js", lambda route: route.abort())
    page.goto(page_of_run.page.url)
    assert page.locator("html").get_attribute("data-theme") == "light"


def test_nothing_can_be_pressed_before_it_acts(page_of_run: DescentPage) -> None:
    page = page_of_run.page.context.new_page()
    held: list[Route] = []
    page.route("**/static/main.js", lambda route: held.append(route))
    with page.expect_request("**/static/main.js"):
        page.goto(page_of_run.page.url)
    controls = page.locator("transport-bar :is(button, input, select):visible")
    assert controls.count() > 8
    assert all(control.is_disabled() for control in controls.all())
    assert page.locator("body").get_attribute("inert") == ""
    # A preload that has failed may be asked for again.
    page.route("**/static/main.js", lambda route: route.abort())
    for route in held:
        route.abort()
    expect(page.get_by_role("alert").filter(has_text="Reload it")).to_be_visible()
    assert page.locator("body").get_attribute("inert") is None


def test_what_is_pressed_as_soon_as_the_page_has_loaded_acts(page_of_run: DescentPage) -> None:
    page = page_of_run.page
    page.reload()
    page.get_by_label("Speed", exact=True).fill("7")
    page.get_by_role("button", name="Keys").click()
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Step batch").click()
    page_of_run.shows("batch", "1")
    assert page_of_run.run.state()["speed"] not in (None, 2)


def test_without_scripts_the_page_says_so_and_has_no_dead_controls(
    browser: Browser, server: Server
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(server.address)
    message = page.locator("noscript p")
    expect(message).to_be_visible()
    assert "needs JavaScript" in message.inner_text()
    expect(page.locator(":is(button, input, select, canvas):visible")).to_have_count(0)
    context.close()


REFUSE_STORAGE = """Object.defineProperty(window, "localStorage", {
  get() { throw new DOMException("denied", "SecurityError"); },
});"""


def test_a_browser_that_keeps_no_data_of_sites_shows_the_page_all_the_same(
    page_of_run: DescentPage,
) -> None:
    page = page_of_run.page
    page.add_init_script(REFUSE_STORAGE)
    page.reload()
    page_of_run.wait_open()
    page_of_run.press("Theme: as the system")
    assert page.locator("html").get_attribute("data-theme") == "light"
    page_of_run.press("Step batch")
    page_of_run.shows("batch", "1")
