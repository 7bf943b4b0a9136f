"""Who may do what: a run is watched by its id, and commanded by its key or its maker's cookie."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.support.client import Run, Visitor, answer, error_of
from tests.support.server import Server, keep_untrained_network, running_server
from tests.support.watcher import Watcher


@pytest.fixture
def other(server: Server) -> Iterator[Visitor]:
    """A second visitor."""
    visitor = Visitor(server.address)
    yield visitor
    visitor.close()


def test_anyone_who_has_the_id_may_watch(visitor: Visitor, other: Visitor) -> None:
    run = visitor.make_run()
    run.step(2)
    run.until(lambda state: state["test_batch"] == 2)
    watched = other.watch(run)
    assert watched.state() == run.state()
    assert watched.series() == run.series()
    assert watched.tensor("layer1.weights").shape == (16, 784)
    assert other.http.get(f"{run.path}/weights").status_code == 200


@pytest.mark.parametrize("command", ["play", "pause", "reset"])
def test_without_the_key_nothing_changes(visitor: Visitor, other: Visitor, command: str) -> None:
    run = visitor.make_run()
    run.step(2)
    error_of(other.watch(run).post({"type": command}), 403, "not_your_run")
    stranger = other.make_run()
    for key in (stranger.key, "x", f"{run.key}x", run.id):
        headers = {"authorization": f"Bearer {key}"}
        response = other.http.post(f"{run.path}/commands", json={"type": command}, headers=headers)
        error_of(response, 403, "not_your_run")
    assert (run.state()["batch"], run.state()["state"]) == (2, "paused")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER  "])
def test_the_key_lets_another_client_command(visitor: Visitor, other: Visitor, scheme: str) -> None:
    run = visitor.make_run()
    headers = {"authorization": f"{scheme} {run.key}"}
    response = other.http.post(f"{run.path}/commands", json={"type": "play"}, headers=headers)
    assert answer(response)["state"] == "playing"


def test_another_scheme_is_no_key(visitor: Visitor, other: Visitor) -> None:
    run = visitor.make_run()
    headers = {"authorization": f"Basic {run.key}"}
    response = other.http.post(f"{run.path}/commands", json={"type": "play"}, headers=headers)
    error_of(response, 403, "not_your_run")


def test_the_cookie_of_its_maker_is_enough(visitor: Visitor) -> None:
    run = visitor.make_run()
    run.key = None
    assert run.command("play")["state"] == "playing"


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(server: Server) -> None:
    with httpx2.Client(base_url=server.address) as http:
        cookie = http.post("/api/runs").headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie


@pytest.mark.parametrize(("kept", "lasts"), [("20", 20), ("0.01", 0.01), ("36500", 400)])
def test_the_cookie_lasts_as_long_after_the_last_visit_as_the_runs_and_browsers_let_it(
    tmp_path: Path, kept: str, lasts: float
) -> None:
    data_dir = keep_untrained_network(tmp_path)
    with (
        running_server(data_dir, workers=1, env={"APP_KEEP_DAYS": kept}) as server,
        contextlib.closing(Visitor(server.address)) as visitor,
    ):
        run = visitor.make_run()
        run.key = None
        secret = visitor.http.cookies["visitor"]
        for response in (
            visitor.http.post("/api/runs"),
            visitor.http.post(f"{run.path}/branch", json={"batch": 0}),
            visitor.http.get("/api/runs"),
            run.post({"type": "pause"}),
        ):
            renewed = response.headers["set-cookie"]
            assert renewed.startswith(f"visitor={secret};")
            assert f"Max-Age={lasts * 24 * 3600:.0f};" in renewed


def test_reading_gives_no_cookie(visitor: Visitor, other: Visitor) -> None:
    run = visitor.make_run()
    for path in ("/", "/api/runs", run.path, f"{run.path}/series"):
        assert "set-cookie" not in other.http.get(path).headers


def test_a_key_is_told_once_and_to_its_maker_alone(visitor: Visitor) -> None:
    run = visitor.make_run()
    assert run.key is not None
    assert run.key not in visitor.http.get(run.path).text
    assert "key" not in run.state()


def test_two_visitors_do_not_disturb_each_other(visitor: Visitor, other: Visitor) -> None:
    runs = [visitor.make_run(), other.make_run()]
    runs[0].command("set", learning_rate=0.01)
    runs[0].command("play")
    runs[1].step(3)
    runs[0].until(lambda state: state["batch"] > 50)
    state = runs[1].state()
    assert (state["batch"], state["learning_rate"], state["actions"]) == (3, 0.001, [])
    runs[1].command("reset")
    assert runs[0].state()["batch"] > 50
    losses = runs[0].series()["loss"]
    alone = visitor.make_run()
    alone.command("set", learning_rate=0.01)
    alone.step(50)
    assert losses[:50] == alone.series()["loss"]


def test_a_socket_is_writable_by_key_or_cookie(visitor: Visitor, other: Visitor) -> None:
    run = visitor.make_run()
    cookie = {"cookie": f"visitor={visitor.http.cookies['visitor']}"}
    with Watcher.of(run) as by_key:
        assert by_key.hello["writable"] is True
        assert by_key.command("set", learning_rate=0.01)["learning_rate"] == 0.01
    with Watcher(visitor.address, run.id, headers=cookie) as by_cookie:
        assert by_cookie.hello["writable"] is True


def test_a_socket_without_the_key_watches(visitor: Visitor, other: Visitor) -> None:
    run = visitor.make_run()
    with Watcher.of(other.watch(run)) as watcher:
        assert watcher.hello["writable"] is False
        assert watcher.refusal({"type": "play"})["code"] == "not_your_run"
        run.step(5)
        watcher.follow(5)
    assert run.state()["batch"] == 5


def test_the_run_that_reads_a_digit_needs_no_key(visitor: Visitor, other: Visitor) -> None:
    run: Run = visitor.make_run()
    picture = {"pixels": [[255 if 10 < x < 16 else 0 for x in range(28)] for _ in range(28)]}
    response = other.http.post(f"/api/classify?run={run.id}", json=picture)
    assert len(answer(response)["probabilities"]) == 10
