"""A slow connection: what is shown and done while answers are on their way, or are lost."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Route, WebSocketRoute, expect

from tests.browser.conftest import OpenPage
from tests.browser.test_around_the_loop import copied_as_seven
from tests.browser.test_comparing import small_page
from tests.browser.test_my_runs import asked_whether_to_delete, entry, open_list
from tests.browser.test_sharing import share
from tests.browser.test_watching import connections
from tests.support.page import DescentPage

PACK = """async (recipe) => {
  const packing = new CompressionStream("deflate-raw");
  await new Response(new Blob([JSON.stringify(recipe)]).stream().pipeThrough(packing)).text();
}"""


class HeldAnswers:
    """The page connected anew; from `hold` on the answers to its commands come when they are let.

    So do the frames, which come after them.
    """

    def __init__(self, page: DescentPage) -> None:
        self._page = page
        self._route: WebSocketRoute | None = None
        self._is_held = False
        self._is_heard = False
        self._held: list[str | bytes] = []
        self.sent: list[dict[str, Any]] = []
        page.page.route_web_socket(re.compile("/ws/runs/"), self._connect)
        page.page.reload()
        page.wait_open()

    def _connect(self, route: WebSocketRoute) -> None:
        server = route.connect_to_server()
        self._route = route

        def up(message: str | bytes) -> None:
            command = json.loads(message)
            if self._is_heard and "id" in command:
                self.sent.append(command)
            server.send(message)

        def down(message: str | bytes) -> None:
            if self._is_held:
                self._held.append(message)
            else:
                route.send(message)

        route.on_message(up)
        server.on_message(down)

    def hold(self) -> None:
        """Keep what the server sends from now on."""
        self._is_held = self._is_heard = True

    def commands(self, count: int) -> list[str]:
        """The types of what the page has sent since, once there are so many."""
        self._page.until(lambda: len(self.sent) >= count, f"{count} commands")
        return [command["type"] for command in self.sent]

    def answer(self) -> None:
        """Let everything come up to the next answer."""
        self._page.until(lambda: any(is_answer(message) for message in self._held), "an answer")
        assert self._route is not None
        while self._held:
            message = self._held.pop(0)
            self._route.send(message)
            if is_answer(message):
                return

    def let_go(self) -> None:
        """Let everything come, as it comes."""
        self._is_held = False
        assert self._route is not None
        for message in self._held:
            self._route.send(message)
        self._held.clear()


def is_answer(message: str | bytes) -> bool:
    """Whether it answers a command."""
    return isinstance(message, str) and json.loads(message)["type"] in ("reply", "error")


def test_of_two_choices_the_second_stays_while_the_first_is_answered(
    page_of_run: DescentPage,
) -> None:
    page = page_of_run
    answers = HeldAnswers(page)
    answers.hold()
    optimizer = page.input("Optimizer")
    optimizer.select_option("sgd")
    page.input("Batch size").select_option("64")
    optimizer.select_option("adam")
    page.input("Batch size").select_option("32")
    assert answers.commands(4) == ["set"] * 4
    for _ in range(2):
        answers.answer()
    page.until(lambda: page.page.evaluate(BATCH_SIZE) == 64, "the first answers")
    expect(optimizer).to_have_value("adam")
    expect(page.input("Batch size")).to_have_value("32")
    answers.let_go()
    page.until(lambda: page.page.evaluate(BATCH_SIZE) == 32, "the last answer")
    expect(optimizer).to_have_value("adam")


BATCH_SIZE = """() => {
  let size;
  const receive = ({ run }) => { size = run.state.peek().batch_size; };
  const question = new Event("context-request", { bubbles: true });
  document.body.dispatchEvent(Object.assign(question, { receive }));
  return size;
}"""


def test_a_rate_typed_back_before_the_answer_is_sent_as_well(page_of_run: DescentPage) -> None:
    page = page_of_run
    answers = HeldAnswers(page)
    answers.hold()
    field = page.input("Learning rate")
    for rate in ("0.01", "0.001"):
        field.fill(rate)
        field.press("Enter")
    answers.commands(1)
    answers.let_go()
    answers.commands(2)
    assert [command["learning_rate"] for command in answers.sent] == [0.01, 0.001]
    expect(field).to_have_value("0.001")


def test_a_reset_is_brought_back_once(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.press("Step batch")
    page.shows("batch", "1")
    answers = HeldAnswers(page)
    page.press("Reset")
    notice = page.page.locator("run-notice [data-part=discarded]")
    undo = notice.get_by_role("button", name="Undo")
    expect(undo).to_be_visible()
    answers.hold()
    undo.click()
    assert answers.commands(1) == ["undo"]
    # Pressed again it would take back a change by hand, if that was the last.
    expect(notice).to_be_hidden()
    answers.let_go()
    page.shows("batch", "1")
    expect(notice).to_be_hidden()


def test_weights_set_one_after_the_other_are_all_set(page_of_run: DescentPage) -> None:
    page = page_of_run
    answers = HeldAnswers(page)
    page.region("Weights").get_by_role("slider").press("Enter")
    dialog = page.page.get_by_role("dialog")
    expect(dialog.get_by_label("New w", exact=True)).to_be_visible()
    answers.hold()
    for column, value in (("14", "0.5"), ("14", "0.5"), ("15", "0.25")):
        dialog.get_by_label("Column", exact=True).fill(column)
        dialog.get_by_label("New w", exact=True).fill(value)
        dialog.get_by_role("button", name="Set this w").click()
    answers.commands(2)
    answers.let_go()
    result = dialog.locator("[data-part=result]")
    expect(result).to_contain_text(re.compile(r"^w .+ → 0\.25\."))
    set_to = [action["set"]["weight"]["value"] for action in page.run.state()["actions"]]
    assert set_to == [0.5, 0.25]
    answers.hold()
    undo = dialog.get_by_role("button", name="Undo")
    for _ in range(2):
        undo.press("Enter")
    answers.let_go()
    page.run.until(lambda state: state["actions"] == [], what="both taken back")
    expect(undo).to_be_hidden()


def test_a_comma_in_doubt_is_refused_in_words(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.region("Weights").get_by_role("slider").press("Enter")
    dialog = page.page.get_by_role("dialog")
    dialog.get_by_label("New w", exact=True).fill("1,234")
    dialog.get_by_role("button", name="Set this w").click()
    expect(dialog.locator("[data-part=result]")).to_have_text(
        "“1,234” can be read in two ways: type 1.234 or 1234."
    )


def test_a_link_is_copied_once_it_is_there(open_page: OpenPage) -> None:
    page = open_page()
    held: list[Route] = []
    page.page.route("**/recipe", lambda route: held.append(route))
    dialog = share(page)
    copy = dialog.get_by_role("button", name="Copy the link with the recipe")
    expect(copy).to_be_disabled()
    dialog.get_by_role("button", name="Close").click()
    share(page)
    page.until(lambda: len(held) == 2, "both questions")
    held[1].continue_()
    expect(copy).to_be_enabled()
    late = {"format": "descent.recipe", "config": {}, "actions": [], "batches": 777}
    with page.page.expect_response("**/recipe") as answered:
        held[0].fulfill(json=late)
    answered.value.finished()
    page.page.evaluate(PACK, late)  # what the page does with the late answer, if anything
    expect(dialog.locator("[data-part=recipe-words]")).to_contain_text("up to batch 0")


def test_a_branch_that_is_given_up_is_not_opened(page_of_run: DescentPage) -> None:
    page = page_of_run
    before = page.run_id
    held: list[Route] = []
    page.page.route("**/branch", lambda route: held.append(route))
    page.region("Loss").get_by_role("button", name=re.compile("[Bb]ranch")).click()
    dialog = page.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Open the branch").click()
    page.until(lambda: len(held) == 1, "the question")
    dialog.get_by_role("button", name="Cancel").click()
    with page.page.expect_response("**/branch"):
        held[0].continue_()
    # It would leave for the branch before it has shown this step.
    page.press("Step batch")
    page.shows("batch", "1")
    assert page.run_id == before


def test_a_run_is_deleted_once(open_page: OpenPage) -> None:
    page = small_page(open_page)
    other, dialog = asked_whether_to_delete(page)
    row = entry(dialog, other)
    held: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.method == "DELETE":
            held.append(route)
        else:
            route.fallback()

    page.page.route(f"**/api/runs/{other}", hold)
    for _ in range(2):
        row.get_by_role("button", name="Yes, delete it").click()
    page.until(lambda: len(held) >= 1, "the question")
    held[0].continue_()
    expect(row).to_have_count(0)
    assert len(held) == 1
    expect(dialog.get_by_role("alert")).to_be_hidden()


def test_a_name_is_not_put_back_while_it_is_on_its_way(open_page: OpenPage) -> None:
    page = small_page(open_page)
    dialog = open_list(page)
    name = entry(dialog, page.run_id).get_by_role("textbox")
    expect(name).to_be_visible()
    lists: list[Route] = []
    page.page.route("**/api/runs", lambda route: lists.append(route))
    page.until(lambda: len(lists) == 1, "the list to be asked for")
    renamings: list[Route] = []
    page.page.route(f"**/api/runs/{page.run_id}", lambda route: renamings.append(route))
    name.fill("too fast")
    name.press("Enter")
    page.until(lambda: len(renamings) == 1, "the name to be sent")
    with page.page.expect_response("**/api/runs"):
        lists[0].continue_()
    expect(name).to_have_value("too fast")
    page.page.unroute("**/api/runs")
    renamings[0].continue_()
    page.until(lambda: page.run.state()["name"] == "too fast", "the name")
    expect(name).to_have_value("too fast")


@pytest.mark.parametrize("last", ["too fast after all", ""])
def test_of_two_names_given_one_after_the_other_the_last_stays(
    open_page: OpenPage, last: str
) -> None:
    page = small_page(open_page)
    name = entry(open_list(page), page.run_id).get_by_role("textbox")
    renamings: list[Route] = []
    page.page.route(f"**/api/runs/{page.run_id}", lambda route: renamings.append(route))
    for text in ("too fast", last):
        name.fill(text)
        name.press("Enter")
    page.until(lambda: len(renamings) == 1, "the first to be sent")
    renamings[0].continue_()
    page.until(lambda: len(renamings) == 2, "the last to be sent, once the first is there")
    renamings[1].continue_()
    page.until(lambda: page.run.state()["name"] == last, "the name")
    expect(name).to_have_value(last)


def test_what_the_server_did_not_answer_is_asked_again_once_it_is_back(
    open_page: OpenPage,
) -> None:
    page = open_page(complaints_expected=True)
    routes = connections(page)
    region = page.region("The chain rule")
    region.scroll_into_view_if_needed()
    expect(region.locator('[data-figure="f"]').first).to_have_text(re.compile(r"\d"))
    page.page.route("**/api/chain", lambda route: route.abort())
    region.locator("input[data-weight]").first.fill("1")
    trouble = region.locator("[data-part=error]")
    expect(trouble).to_contain_text("The server does not answer.")
    page.page.unroute("**/api/chain")
    routes[-1].close(code=1012)
    expect(trouble).to_be_empty()
    step = region.locator("[data-action=step]")
    expect(step).to_have_attribute("aria-disabled", "false")


def test_a_run_deleted_while_it_plays_is_not_shown_running_nor_awaited(
    open_page: OpenPage,
) -> None:
    page = open_page(complaints_expected=True)
    answers = HeldAnswers(page)
    page.press("Play")
    page.until(lambda: page.run.state()["state"] == "playing", "it to play")
    answers.hold()
    page.press("Pause")
    page.page.evaluate("id => fetch(`/api/runs/${id}`, { method: 'DELETE' })", page.run_id)
    expect(page.page.get_by_text("This run does not exist")).to_be_visible()
    expect(page.page.get_by_text("The connection was lost")).to_be_hidden()
    expect(page.page.get_by_role("button", name="Play", exact=True)).to_be_visible()


def test_while_a_drawing_is_being_unlearnt_its_losses_are_not_shown(
    page_of_run: DescentPage,
) -> None:
    page = page_of_run
    answers = HeldAnswers(page)
    region = copied_as_seven(page)
    page.press("Learn this drawing")
    result = region.locator("[data-part=result]")
    expect(result).to_contain_text("One step on it: loss")
    answers.hold()
    region.get_by_role("button", name="Undo").click()
    expect(result).to_have_text("Taking it back.")
    answers.let_go()
    expect(result).to_have_text("Taken back. You can take one step on it.")
