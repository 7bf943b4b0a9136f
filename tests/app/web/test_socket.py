"""The socket on a real server: frames, acknowledgements, commands, and what it refuses."""

import json
import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from app.errors import shorten
from tests.support.client import Run, Visitor, checked_error
from tests.support.server import Server, keep_untrained_network, running_server, wait_until
from tests.support.watcher import Frame, KeptSeries, Watcher, decode

EVERYTHING = ["loop", "layer1.weights", "layer1.weights.gradient"]


@pytest.fixture
def run(visitor: Visitor) -> Run:
    return visitor.make_run()


@pytest.fixture
def watcher(run: Run) -> Iterator[Watcher]:
    """The maker of the run, watching it."""
    with Watcher.of(run) as watcher:
        yield watcher


def assert_whole(series: KeptSeries, run: Run) -> None:
    """The series kept by the receiver's rule is the one that REST gives."""
    truth = run.series()
    for name, values in series.columns.items():
        assert values == truth[name][: len(values)]
    assert series.actions == run.state()["actions"]


def denied(visitor: Visitor, run_id: str, **headers: str) -> tuple[int, dict[str, str]]:
    """The status and error with which a handshake was refused."""
    with pytest.raises(InvalidStatus) as raised:
        Watcher(visitor.address, run_id, headers=headers)
    body = raised.value.response.body
    return raised.value.response.status_code, checked_error(json.loads(body or b"{}"))


# Series


def test_the_series_is_complete_at_full_speed(run: Run, watcher: Watcher) -> None:
    watcher.send(type="look", views=EVERYTHING, rate=30)
    watcher.command("play")
    watcher.command("set", learning_rate=0.002)
    watcher.follow(500)
    watcher.command("set", learning_rate=0.003)
    last = watcher.command("pause")["batch"]
    watcher.frame_with(lambda frame: frame.state["state"] == "paused")
    watcher.follow(last)
    assert watcher.series.length == run.series()["to_batch"] == last
    assert_whole(watcher.series, run)


def test_the_series_is_complete_through_slow_acknowledgements(run: Run, watcher: Watcher) -> None:
    watcher.send(type="look", views=EVERYTHING, rate=60)
    watcher.command("play")
    for _ in range(8):
        first = watcher.frame(acknowledge=False)
        second = watcher.frame(acknowledge=False)
        # While both wait, the run goes on and nothing is sent.
        run.until(lambda state, at=second.batch: state["batch"] > at + 50)  # type: ignore[misc]
        watcher.send(type="ack", frame=first.number)
        watcher.send(type="ack", frame=second.number)
    watcher.follow(watcher.command("pause")["batch"])
    assert_whole(watcher.series, run)


def test_the_series_is_complete_after_a_reconnect(run: Run) -> None:
    with Watcher.of(run) as before:
        before.command("play")
        before.follow(100)
    kept = before.series
    run.until(lambda state: state["batch"] > kept.length + 200)
    with Watcher.of(run) as after:
        after.series = kept
        after.send(type="resume", from_batch=kept.length + 1, timeline=0)
        after.follow(after.command("pause")["batch"])
        assert_whole(kept, run)


def test_a_reconnect_without_resume_starts_at_batch_1(run: Run) -> None:
    run.step(30)
    with Watcher.of(run) as watcher:
        frame = watcher.frame()
        assert frame.views["series"].metadata["from_batch"] == "1"
        assert watcher.series.length == 30


def test_a_reconnect_after_a_discarded_future_is_cut_back(run: Run) -> None:
    run.step(40)
    with Watcher.of(run) as before:
        before.follow(40)
    run.command("seek", batch=10)
    run.at_rest()
    run.command("set", learning_rate=0.5)
    run.step(5)
    with Watcher.of(run) as after:
        after.series = before.series
        after.send(type="resume", from_batch=41, timeline=0)
        while after.series.length != 15:
            after.frame()
        assert_whole(after.series, run)


def test_measurements_arrive_however_late_they_come(run: Run, watcher: Watcher) -> None:
    watcher.command("play")
    watcher.frame_with(lambda frame: len(watcher.series.tests) >= 3)
    watcher.command("pause")
    state = run.until(lambda state: state["test_batch"] == state["batch"])
    watcher.frame_with(lambda frame: frame.state["test_batch"] == state["batch"])
    assert watcher.series.tests == [tuple(row) for row in run.series(0)["test"]]


# Frames


def test_the_hello_has_the_whole_state(run: Run, watcher: Watcher) -> None:
    assert set(watcher.hello) == {"type", "writable", "state"}
    assert set(watcher.hello["state"]) == set(run.state())
    views = {view["view"]: view for view in watcher.hello["state"]["views"]}
    assert views["layer1.weights"]["shape"] == [16, 784]
    assert views["layer1.weights.v"]["coding"] == "unsigned"


def test_at_most_two_frames_are_unacknowledged(run: Run, watcher: Watcher) -> None:
    watcher.send(type="look", views=["layer1.weights"], rate=60)
    watcher.command("play")
    unacknowledged = [watcher.frame(acknowledge=False) for _ in range(2)]
    run.until(lambda state: state["batch"] > unacknowledged[-1].batch + 200)
    # Whatever had been sent before this answer would have come before it.
    watcher.send(type="nonsense", id=99)
    answer = watcher.receive(acknowledge=False)
    assert isinstance(answer, dict), "a third frame"
    assert answer["id"] == 99
    watcher.send(type="ack", frame=unacknowledged[-1].number)
    assert watcher.frame().number > unacknowledged[-1].number


def test_a_look_is_sent_what_it_asks_for_and_no_more(run: Run, watcher: Watcher) -> None:
    run.step(2)
    for views in (
        [],
        ["loop"],
        ["layer1.weights", "layer2.weights.step"],
        ["layer1.weights.v", "loop", "nothing"],
        [],
    ):
        expected = {*views, "series"} - {"nothing"}
        watcher.send(type="look", views=views, rate=60)
        assert set(watcher.frame_with(lambda f, e=expected: set(f.views) == e).views) == expected  # type: ignore[misc]
        run.step()
        assert set(watcher.frame().views) == expected


def test_a_viewer_that_looks_at_nothing_gets_the_series_alone(run: Run, watcher: Watcher) -> None:
    watcher.command("play")
    for _ in range(10):
        assert set(watcher.frame().views) == {"series"}


def test_the_views_of_a_frame_are_of_one_moment_and_the_numbers_of_the_interface(
    run: Run, watcher: Watcher
) -> None:
    watcher.send(type="look", views=EVERYTHING, rate=60, sample=5)
    watcher.command("play")
    watcher.follow(50)
    last = watcher.command("pause")
    frame = watcher.frame_with(lambda frame: frame.state["state"] == "paused")
    assert frame.batch == last["batch"]
    assert {view.metadata["batch"] for view in frame.views.values()} == {str(last["batch"])}
    assert {view.metadata["run"] for view in frame.views.values()} == {run.id}
    assert frame.state["loss"] == run.state()["loss"] == watcher.series.columns["loss"][-1]
    for name in ("layer1.weights", "layer1.weights.gradient"):
        exact, scale = run.tensor(name), float(frame.views[name].metadata["scale"])
        inside = np.abs(exact) < scale
        assert np.abs(decode(frame.views[name]) - exact)[inside].max() <= 2.1 * scale / 127
    loop = frame.views["loop"].tensors
    assert np.array_equal(loop["batch.x"], np.rint(run.tensor("batch.x") * 255))
    assert np.array_equal(loop["activations.1"], run.tensor("layer1.activations")[5])


def test_every_frame_is_newer_than_the_one_before(run: Run, watcher: Watcher) -> None:
    watcher.send(type="look", views=["layer1.weights"], rate=60)
    watcher.command("play")
    frames = [watcher.frame() for _ in range(30)]
    assert [frame.number for frame in frames] == sorted({frame.number for frame in frames})
    batches = [frame.batch for frame in frames]
    assert batches == sorted(batches)
    assert batches[-1] > batches[0]


def test_a_phase_at_a_time_is_shown_phase_by_phase(run: Run, watcher: Watcher) -> None:
    watcher.send(type="look", views=["loop"], rate=60)
    for phase in ("draw", "forward", "loss", "backward", "update"):
        watcher.command("step", unit="phase")
        frame = watcher.frame_with(lambda f, p=phase: f.state["phase"] == p)  # type: ignore[misc]
        assert frame.views["loop"].metadata["phase"] == phase
    assert frame.batch == 1


def test_the_rate_of_a_look_is_kept_to(run: Run, watcher: Watcher) -> None:
    watcher.send(type="look", views=[], rate=2)
    watcher.command("play")
    watcher.frame()
    start = time.monotonic()
    frames = [watcher.frame() for _ in range(3)]
    assert time.monotonic() - start > 0.9
    assert frames[-1].batch > frames[0].batch


# Several viewers


def test_two_viewers_see_the_same_numbers(run: Run, visitor: Visitor) -> None:
    with Watcher.of(run) as one, Watcher.of(visitor.watch(run)) as other:
        one.send(type="look", views=["layer1.weights"], rate=60)
        other.send(type="look", views=["loop"], rate=5)
        one.command("play")
        one.follow(300)
        last = one.command("pause")["batch"]
        one.follow(last)
        other.follow(last)
        assert one.series.columns == other.series.columns
        assert set(one.frame_with(lambda f: f.batch == last).views) == {"layer1.weights", "series"}


def test_a_silent_viewer_does_not_hold_up_the_others(run: Run, visitor: Visitor) -> None:
    with Watcher.of(visitor.watch(run), max_queue=1) as silent, Watcher.of(run) as other:
        silent.send(type="look", views=EVERYTHING, rate=60)
        other.send(type="look", views=EVERYTHING, rate=60)
        other.command("play")
        other.follow(150)
        last = other.command("pause")["batch"]
        other.follow(last)
        assert_whole(other.series, run)
        silent.follow(last)
        assert silent.series.columns["loss"] == other.series.columns["loss"]


def test_a_viewer_that_leaves_is_forgotten(run: Run, visitor: Visitor) -> None:
    def viewers() -> float:
        text = visitor.http.get("/metrics").text
        (line,) = [line for line in text.splitlines() if line.startswith("descent_viewers ")]
        return float(line.split()[1])

    before = viewers()
    with Watcher.of(run), Watcher.of(run):
        wait_until(lambda: viewers() == before + 2, what="two viewers to be counted")
    wait_until(lambda: viewers() == before, what="them to be forgotten")
    assert run.step(2)["batch"] == 2


def test_commands_from_rest_are_seen_on_the_socket(run: Run, watcher: Watcher) -> None:
    run.command("set", learning_rate=0.02)
    frame = watcher.frame_with(lambda frame: frame.state["learning_rate"] == 0.02)
    assert watcher.series.actions == [{"batch": 0, "set": {"learning_rate": 0.02}}]
    run.command("set", optimizer="adam")
    frame = watcher.frame_with(lambda frame: frame.state["optimizer"]["name"] == "adam")
    assert "layer1.weights.m" in {view["view"] for view in frame.state["views"]}


# Commands


def test_answers_carry_the_commands_id_and_come_in_order(run: Run, watcher: Watcher) -> None:
    for number, rate in enumerate((0.1, 0.2, 0.3)):
        watcher.send(type="set", learning_rate=rate, id=f"c{number}")
    replies: list[tuple[str, str, float]] = []
    while len(replies) < 3:
        item = watcher.receive()
        if isinstance(item, dict):
            replies.append((item["type"], item["id"], item["state"]["learning_rate"]))
    assert replies == [("reply", "c0", 0.1), ("reply", "c1", 0.2), ("reply", "c2", 0.3)]


def test_steps_sent_at_once_are_all_taken(run: Run, watcher: Watcher) -> None:
    for number in range(10):
        watcher.send(type="step", unit="batch", id=number)
    states = [watcher.event("reply", number)["state"] for number in range(10)]
    assert states[-1]["batch"] == 10
    assert run.at_rest()["batch"] == 10


def test_pause_on_the_socket_stops_within_one_batch(run: Run, watcher: Watcher) -> None:
    watcher.command("play")
    watcher.follow(50)
    paused = watcher.command("pause")
    assert paused["state"] == "paused"
    state = run.state()
    assert (state["batch"], state["phase"]) == (paused["batch"], "update")


BAD_MESSAGES: dict[str, tuple[Any, str]] = {
    "binary": (b"\x00\x01", "malformed_message"),
    "no JSON": ("play", "malformed_message"),
    "half": ('{"type": "pl', "malformed_message"),
    "empty": ("", "malformed_message"),
    "list": ('["play"]', "malformed_message"),
    "number": ("7", "malformed_message"),
    "deep": ("[" * 30_000, "malformed_message"),
    "deep object": ('{"a":' * 10_000 + "1" + "}" * 10_000, "malformed_message"),
    "surrogate": ('"\\ud800"', "malformed_message"),
    "long number": ('{"type": "ack", "frame": ' + "9" * 5000 + "}", "malformed_message"),
    "unknown": ({"type": "explode"}, "invalid_request"),
    "untyped": ({}, "invalid_request"),
    "type": ({"type": ["play"]}, "invalid_request"),
    "surrogate type": ({"type": "\ud800"}, "invalid_request"),
    "extra": ({"type": "play", "x": 1}, "invalid_request"),
    "rate": ({"type": "set", "learning_rate": float("nan")}, "invalid_request"),
    "slow": ({"type": "set", "speed": 5e-324}, "invalid_request"),
    "negative": ({"type": "set", "learning_rate": -1}, "invalid_configuration"),
    "momentum": ({"type": "set", "momentum": 0.5}, "invalid_configuration"),
    "far": ({"type": "seek", "batch": 10**9}, "batch_not_reached"),
    "views": ({"type": "look", "views": "loop"}, "malformed_message"),
    "repeat": ({"type": "look", "repeat": "no"}, "malformed_message"),
    "inner view": ({"type": "look", "views": ["loop/x"]}, "malformed_message"),
    "rate of look": ({"type": "look", "rate": 0}, "malformed_message"),
    "sample": ({"type": "look", "sample": -1}, "malformed_message"),
    "ack": ({"type": "ack"}, "malformed_message"),
    "resume": ({"type": "resume", "from_batch": -1}, "malformed_message"),
    "extra of ack": ({"type": "ack", "frame": 1, "x": 1}, "malformed_message"),
    "extra of ping": ({"type": "ping", "x": 1}, "malformed_message"),
}


def test_text_that_is_no_utf8_ends_the_socket_and_no_more_is_said(
    server: Server, watcher: Watcher
) -> None:
    watcher.socket.send(b"\xff\xfe", text=True)
    with pytest.raises(ConnectionClosed, match="1007"):
        watcher.event("never")
    assert "Traceback" not in server.output


def test_a_ping_is_answered_to_anyone(run: Run, visitor: Visitor) -> None:
    with Watcher.of(visitor.watch(run)) as guest:
        guest.send(type="ping", id=7)
        guest.event("pong", 7)
        guest.send(type="ping")
        guest.event("pong", None)


def test_an_empty_message_is_not_called_a_binary_one(watcher: Watcher) -> None:
    assert watcher.refusal("")["message"] == "expected a JSON object, got ''"
    assert watcher.refusal(b"")["message"] == "expected a JSON object, got a binary message"


def test_a_message_without_a_type_is_told_the_types_there_are(watcher: Watcher) -> None:
    message = watcher.refusal({"Type": "play"})["message"]
    assert message.startswith("expected a command whose type is one of play, pause, step, set, ")
    assert message.endswith(', got {"Type": "play"}')


@pytest.mark.parametrize("name", BAD_MESSAGES)
def test_a_bad_message_is_answered_and_harms_nothing(run: Run, watcher: Watcher, name: str) -> None:
    message, code = BAD_MESSAGES[name]
    error = watcher.refusal(message)
    assert error["code"] == code, error
    assert error["hint"]
    assert "\n" not in error["message"]
    assert len(error["message"]) < 400
    assert watcher.command("step", unit="batch")["state"] in ("paused", "stepping")
    watcher.follow(1)


@pytest.mark.parametrize(
    "number", [1.5, True, {"a": 1}, [1], "x" * 65, "x" * 60_000, 10**64], ids=lambda n: str(n)[:9]
)
def test_a_command_with_an_id_that_is_none_is_refused_and_not_carried_out(
    run: Run, watcher: Watcher, number: Any
) -> None:
    error = watcher.refusal(json.dumps({"type": "step", "id": number}))
    assert error["code"] == "malformed_message"
    assert error["message"] == (
        "expected id to be a text of at most 64 characters or such a whole number, "
        f"got {shorten(number)}"
    )
    assert watcher.command("pause")["batch"] == 0


@pytest.mark.parametrize("number", ["", "x" * 64, 0, -7, 10**63, None])
def test_an_answer_has_its_commands_id(watcher: Watcher, number: Any) -> None:
    watcher.send(type="pause", id=number)
    assert watcher.event("reply", number)["state"]["state"] == "paused"


@pytest.mark.parametrize(
    "message",
    [
        {"type": "look", "views": ["\ud800", "layer9.weights", "", "🙂", "series", "a:b"]},
        {"type": "look", "views": ["inside", "inside/x/y/z", "inside/-1/0/0", "flow/1", "loop"]},
        {"type": "look", "views": [f"inside/{10**20}/{10**20}/{10**15}", "exciters/99999"]},
        {"type": "look", "views": ["exciters/x", "derivative/9/9/9", "derivative/1", "curve/1"]},
        {"type": "look", "views": ["loop"], "sample": 10**300, "rate": 1e-300},
        {"type": "ack", "frame": 10**300},
        {"type": "ack", "frame": -1},
        {"type": "resume", "from_batch": 10**300, "timeline": 10**300},
        {"type": "resume", "from_batch": 0},
    ],
)
def test_an_odd_message_harms_nothing(
    run: Run, watcher: Watcher, visitor: Visitor, message: dict[str, Any]
) -> None:
    run.step()
    watcher.send(**message)
    run.step(2)
    with Watcher.of(visitor.watch(run)) as other:
        other.send(type="look", views=["loop"])
        other.follow(3)
    assert watcher.command("step", unit="batch")["batch"] >= 3


def test_a_look_may_have_an_id_which_is_in_its_refusal(run: Run, watcher: Watcher) -> None:
    watcher.send(type="look", views=["layer1.weights"], id=7)
    run.step()
    watcher.frame_with(lambda frame: "layer1.weights" in frame.views)
    watcher.send(type="look", view=["loop"], id=8)
    error = watcher.event("error", 8)["error"]
    assert (
        error["message"]
        == "expected no fields but type, views, rate, sample, repeat, rates, got 'view'"
    )


def test_too_long_a_message_closes_the_socket_and_nothing_else(run: Run, watcher: Watcher) -> None:
    watcher.send(type="look", views=["x" * 70_000])
    with pytest.raises(ConnectionClosed) as raised:
        watcher.event("never")
    assert raised.value.rcvd is not None
    assert raised.value.rcvd.code == 1009
    assert run.step()["batch"] == 1


def test_a_flood_of_commands_is_answered_or_refused(run: Run, watcher: Watcher) -> None:
    flood = 200
    for number in range(flood):
        watcher.send(type="set", learning_rate=0.001 + number * 1e-6, id=number)
    answers: dict[int, str] = {}
    while len(answers) < flood:
        item = watcher.receive()
        if isinstance(item, dict):
            assert item["id"] not in answers
            answers[item["id"]] = item["type"]
            if item["type"] == "error":
                assert checked_error(item)["code"] == "too_many_commands"
    assert answers[0] == "reply"
    assert run.step()["batch"] == 1


def test_a_viewer_that_floods_and_reads_nothing_is_cut_off(
    run: Run, server: Server, visitor: Visitor
) -> None:
    with Watcher.of(visitor.watch(run), max_queue=1) as flooding, Watcher.of(run) as other:
        ended: queue.Queue[bool] = queue.Queue()

        def flood() -> None:
            try:
                while True:
                    flooding.socket.send("x" * 60_000)
            except (ConnectionClosed, OSError):
                ended.put(True)

        thread = threading.Thread(target=flood)
        thread.start()
        other.command("play")
        other.follow(200)
        other.command("pause")
        assert ended.get(timeout=60)
        thread.join()
        flooding.drain()


# Handshakes


def test_an_unknown_run_has_no_socket(visitor: Visitor) -> None:
    status, error = denied(visitor, "0" * 32)
    assert (status, error["code"]) == (404, "unknown_run")


def test_a_viewer_too_many_is_told_on_the_socket_and_finds_room_later(tmp_path: Path) -> None:
    data_dir = keep_untrained_network(tmp_path / "data")
    with running_server(data_dir, workers=1, env={"APP_MAX_VIEWERS": "1"}) as server:
        visitor = Visitor(server.address)
        run = visitor.make_run()
        with Watcher.of(run):
            address = f"{server.address.replace('http', 'ws', 1)}/ws/runs/{run.id}"
            with connect(address, proxy=None) as refused:
                error = checked_error(json.loads(refused.recv(60)))
                assert error["code"] == "too_many_viewers"
                with pytest.raises(ConnectionClosed):
                    refused.recv(60)
                assert refused.close_code == 1013
        wait_until(lambda: "descent_viewers 0.0" in visitor.http.get("/metrics").text)
        with Watcher.of(run) as watcher:
            assert watcher.hello["type"] == "hello"
        visitor.close()


def test_another_address_has_no_socket(visitor: Visitor) -> None:
    status, error = denied(visitor, "../../elsewhere")
    assert (status, error["code"]) == (404, "not_found")


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "null", "http://["])
def test_another_sites_page_has_no_socket(visitor: Visitor, run: Run, origin: str) -> None:
    status, error = denied(visitor, run.id, origin=origin)
    assert (status, error["code"]) == (403, "foreign_origin")


def test_its_own_page_has_one(visitor: Visitor, run: Run) -> None:
    with Watcher(visitor.address, run.id, headers={"origin": visitor.address}) as watcher:
        assert watcher.hello["type"] == "hello"


def test_a_frame_is_of_the_type_the_page_expects(run: Run, watcher: Watcher) -> None:
    item = watcher.receive()
    assert isinstance(item, Frame)
    header_length = 8  # little-endian length of the JSON header, which is aligned
    run.step()
    data = watcher.socket.recv(60)
    assert isinstance(data, bytes)
    length = int.from_bytes(data[:header_length], "little")
    assert (header_length + length) % 8 == 0
    assert json.loads(data[header_length : header_length + length])["loss"]["dtype"] == "F64"
