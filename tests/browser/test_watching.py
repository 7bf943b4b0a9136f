"""A second window on a run, a lost connection, a run that is not there."""

import re
from functools import partial

from playwright.sync_api import WebSocketRoute, expect

from tests.browser.conftest import OpenPage
from tests.support.page import DescentPage
from tests.support.server import Server


def test_a_run_opened_by_its_link_is_followed_live(open_page: OpenPage) -> None:
    owner = open_page()
    guest = open_page(f"/?run={owner.run_id}")
    assert guest.run_id == owner.run_id
    expect(guest.page.get_by_role("button", name="Step batch")).to_be_disabled()
    expect(guest.page.get_by_text("You are watching this run")).to_be_visible()
    owner.press("Step batch")
    guest.shows("batch", "1")
    owner.play_fast()
    guest.until(lambda: len(guest.series()["loss"]) > 20, "the guest to see it play")
    state = owner.pause()
    guest.shows("batch", f"{state['batch']:,}")
    guest.until(lambda: len(guest.series()["loss"]) == state["batch"], "every point")
    assert guest.series()["loss"] == owner.run.series()["loss"]


def test_who_watches_is_told_why_no_weight_can_be_set(open_page: OpenPage) -> None:
    guest = open_page(f"/?run={open_page().run_id}")
    guest.region("Weights").get_by_role("slider").press("Enter")
    dialog = guest.page.get_by_role("dialog")
    expect(dialog.locator("[data-part=result]")).to_have_text(
        "Only the page that made this run can change it."
    )


def test_the_owners_second_window_can_command_too(open_page: OpenPage) -> None:
    first = open_page()
    second = open_page(f"/?run={first.run_id}", beside=first)
    second.press("Step batch")
    first.shows("batch", "1")


def test_a_reload_in_mid_run_goes_on_with_it(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.play_fast()
    page.until(lambda: page.run.state()["batch"] > 20, "some batches")
    run_id = page.run_id
    page.page.reload()
    page.wait_open()
    assert page.run_id == run_id
    state = page.pause()
    page.until(lambda: len(page.series()["loss"]) == state["batch"], "every point")
    assert page.series()["loss"] == page.run.series()["loss"]


def has_points(page: DescentPage, count: int) -> bool:
    """Whether the page keeps that many points of the series."""
    return len(page.series()["loss"]) >= count


def has_more(routes: list[WebSocketRoute], count: int) -> bool:
    """Whether the page has connected more than `count` times."""
    return len(routes) > count


def connections(page: DescentPage) -> list[WebSocketRoute]:
    """The page's connections, from a new one on: the last can be closed."""
    routes: list[WebSocketRoute] = []

    def pass_on(route: WebSocketRoute) -> None:
        routes.append(route)
        route.connect_to_server()

    page.page.route_web_socket(re.compile("/ws/runs/"), pass_on)
    page.page.reload()
    page.wait_open()
    return routes


def test_a_lost_connection_is_made_again_and_no_point_is_missing(
    page_of_run: DescentPage,
) -> None:
    page = page_of_run
    routes = connections(page)
    page.play_fast()
    for cuts in range(1, 4):
        enough = len(page.series()["loss"]) + 10
        page.until(partial(has_points, page, enough), "more points")
        routes[-1].close(code=1012)
        page.until(partial(has_more, routes, cuts), "the page to connect again")
    state = page.pause()
    page.until(lambda: len(page.series()["loss"]) == state["batch"], "every point")
    assert page.series()["loss"] == page.run.series()["loss"]


def lose_the_first(page: DescentPage, command: str) -> None:
    """Let the page connect anew; a command of that type loses the connection, the first time."""
    lost: list[str] = []

    def connect(route: WebSocketRoute) -> None:
        server = route.connect_to_server()

        def pass_on(message: str | bytes) -> None:
            if command in str(message) and not lost:
                lost.append(str(message))
                route.close(code=1012)
            else:
                server.send(message)

        route.on_message(pass_on)

    page.page.route_web_socket(re.compile("/ws/runs/"), connect)
    page.page.reload()
    page.wait_open()


def test_a_rate_lost_with_the_connection_is_not_shown_when_it_is_back(
    page_of_run: DescentPage,
) -> None:
    page = page_of_run
    lose_the_first(page, '"learning_rate":')
    field = page.input("Learning rate")
    field.fill("0.02")
    field.press("Enter")
    expect(field).to_have_value("0.001")
    expect(field).not_to_have_attribute("aria-invalid", "true")
    expect(page.page.locator("#rate-message")).to_be_empty()
    assert page.run.state()["learning_rate"] == 0.001
    field.fill("0.02")
    field.press("Enter")
    page.until(lambda: page.run.state()["learning_rate"] == 0.02, "the rate")


def test_a_weight_lost_with_the_connection_is_not_told_when_it_is_back(
    page_of_run: DescentPage,
) -> None:
    page = page_of_run
    lose_the_first(page, "set_weight")
    page.region("Weights").get_by_role("slider").press("Enter")
    dialog = page.page.get_by_role("dialog")
    dialog.get_by_label("New w", exact=True).fill("0.5")
    result = dialog.locator("[data-part=result]")
    dialog.get_by_role("button", name="Set this w").click()
    expect(result).to_contain_text("The connection was lost")
    expect(result).to_be_empty()
    dialog.get_by_role("button", name="Set this w").click()
    expect(result).to_contain_text("0.5")


def test_a_speed_is_told_only_while_there_is_news(page_of_run: DescentPage) -> None:
    page = page_of_run
    routes: list[WebSocketRoute] = []

    def pass_on_once(route: WebSocketRoute) -> None:
        routes.append(route)
        if len(routes) == 1:
            route.connect_to_server()

    page.page.route_web_socket(re.compile("/ws/runs/"), pass_on_once)
    page.page.reload()
    page.wait_open()
    page.play_fast()
    speed = page.page.locator('[data-field="batches_per_second"]')
    expect(speed).to_have_text(re.compile("[1-9]"))
    routes[0].close(code=1012)
    expect(speed).to_have_text("–")


def test_a_deleted_run_is_said_to_be_gone_and_nothing_else(open_page: OpenPage) -> None:
    owner = open_page(complaints_expected=True)
    guest = open_page(f"/?run={owner.run_id}", complaints_expected=True)
    owner.page.get_by_role("button", name="Play").focus()
    owner.page.evaluate("id => fetch(`/api/runs/${id}`, { method: 'DELETE' })", owner.run_id)
    for page in (owner, guest):
        expect(page.page.get_by_text("This run does not exist")).to_be_visible()
        expect(page.page.get_by_text("You are watching this run.")).to_be_hidden()
    expect(owner.page.get_by_role("button", name="Start a new run")).to_be_focused()
    assert guest.page.evaluate("document.activeElement === document.body")


def test_it_is_said_in_the_dialog_that_hides_the_notice_and_of_whatever_is_asked(
    open_page: OpenPage,
) -> None:
    page = open_page(complaints_expected=True)
    page.region("Weights").get_by_role("slider").press("Enter")
    dialog = page.page.get_by_role("dialog", name="Inside unit 0", exact=True)
    expect(dialog).to_be_visible()
    page.page.evaluate("id => fetch(`/api/runs/${id}`, { method: 'DELETE' })", page.run_id)
    expect(dialog.get_by_role("alert")).to_contain_text("This run does not exist")
    dialog.get_by_label("New w").fill("0.5")
    dialog.get_by_role("button", name="Set this w").click()
    expect(dialog.get_by_role("status")).to_contain_text("This run does not exist", timeout=4_000)


def test_an_address_that_names_no_run_opens_a_new_one(open_page: OpenPage) -> None:
    page = open_page("/?run=")
    page.press("Step batch")
    page.shows("batch", "1")


def test_a_run_that_is_not_there_is_said_and_a_new_one_offered(
    open_page: OpenPage, server: Server
) -> None:
    page = open_page(complaints_expected=True)
    page.page.goto(f"{server.address}/?run={'0' * 32}")
    expect(page.page.get_by_role("alert").filter(has_text="run")).to_be_visible()
    page.press("Start a new run")
    page.page.wait_for_url(lambda url: "0" * 32 not in url)
    page.wait_open()
    page.press("Step batch")
    page.shows("batch", "1")
