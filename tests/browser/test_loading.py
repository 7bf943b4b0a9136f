"""How the page comes up: drawn first, in the theme that was chosen; then come the modules."""

from tests.support.page import DescentPage

# The style sheet is the last that the first frame waits for.
LOADED = """() => {
  const files = performance.getEntriesByType("resource");
  const modules = files.filter(({ name }) => /\\/(main|elements\\/.*)\\.js$/.test(name));
  return {
    styles: files.find(({ name }) => name.endsWith("/page.css")).responseEnd,
    modules: modules.map(({ startTime }) => startTime),
  };
}"""


def test_modules_are_asked_for_once_the_page_can_be_drawn(page_of_run: DescentPage) -> None:
    loaded = page_of_run.page.evaluate(LOADED)
    assert len(loaded["modules"]) > 20
    assert min(loaded["modules"]) >= loaded["styles"]


def test_a_chosen_theme_holds_before_the_modules_are_there(page_of_run: DescentPage) -> None:
    page_of_run.press("Theme: as the system")
    chosen = page_of_run.page.locator("html").get_attribute("data-theme")
    assert chosen == "light"
    page = page_of_run.page.context.new_page()
    page.emulate_media(color_scheme="dark")
    page.route("**/static/main.js", lambda route: route.abort())
    page.goto(page_of_run.page.url)
    assert page.locator("html").get_attribute("data-theme") == "light"
