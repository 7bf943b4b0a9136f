"""One viewer: what it may be sent, and when."""

import asyncio
from typing import Any

import pytest

from app.errors import AppError
from app.viewers.viewer import MAX_LATE_S, MAX_QUEUED, MAX_UNACKNOWLEDGED, Viewer
from app.workers.pool import Frame


@pytest.fixture
def viewer() -> Viewer:
    return Viewer(writable=True)


def frame(number: int, *views: str, to_batch: int = 0) -> Frame:
    messages = [(view, memoryview(view.encode())) for view in (*views, "series")]
    return Frame(number, number, 0, untrained=False, to_batch=to_batch, messages=messages)


def send(viewer: Viewer, frame: Frame, now: float) -> None:
    viewer.send_frame(frame, viewer.need(now), now)


def sent(viewer: Viewer) -> list[Any]:
    return [viewer.outbox.get_nowait() for _ in range(viewer.outbox.qsize())]


def test_a_viewer_that_has_said_nothing_gets_the_series_alone(viewer: Viewer) -> None:
    send(viewer, frame(1, "layer1.weights", "loop/0"), 0.0)
    assert sent(viewer) == [b"series"]


def test_a_viewer_gets_what_it_looks_at_and_the_series_last(viewer: Viewer) -> None:
    viewer.look_at({"views": ["loop", "layer1.weights"], "sample": 3})
    send(viewer, frame(1, "layer1.weights", "layer2.weights", "loop/0", "loop/3"), 0.0)
    assert sent(viewer) == [b"layer1.weights", b"loop/3", b"series"]
    viewer.look_at({"views": ["layer2.weights"]})
    send(viewer, frame(2, "layer1.weights", "layer2.weights"), 0.0)
    assert sent(viewer) == [b"layer2.weights", b"series"]


SIZES = {"layer1.weights": 400_000, "loop/0": 120_000, "values": 2_000}


def looks_at_pictures(viewer: Viewer, *, repeat: bool = False) -> None:
    viewer.look_at({"views": ["layer1.weights", "loop", "values"], "repeat": repeat})


def send_pictures(viewer: Viewer, number: int, now: float, *, takes: float) -> set[str]:
    """Send what it needs, acknowledged after so many seconds; the views."""
    need = viewer.need(now)
    messages = [(view, memoryview(bytes(SIZES[view]))) for view in sorted(need.views)]
    viewer.send_frame(Frame(number, number, 0, False, 0, messages), need, now)
    viewer.acknowledge({"frame": number}, now + takes)
    return set(need.views)


def test_of_large_pictures_that_are_slow_to_arrive_every_other_frame_has_one(
    viewer: Viewer,
) -> None:
    looks_at_pictures(viewer)
    frames = [send_pictures(viewer, number, 10.0 * number, takes=1.0) for number in range(1, 10)]
    assert frames[0] == set(SIZES)
    assert frames[1::2] == [{"values"}] * 4
    assert frames[2::2] == [{"values", "layer1.weights"}, {"values", "loop/0"}] * 2


def test_a_view_with_a_rate_of_its_own_comes_no_more_often(viewer: Viewer) -> None:
    viewer.look_at(
        {"views": ["layer1.weights", "loop"], "sample": 3, "rates": {"loop": 10, "x": 5}}
    )
    came = 0
    for number in range(300):
        now = 10 + number / 30
        need = viewer.need(now)
        assert "layer1.weights" in need.views
        came += "loop/3" in need.views
        viewer.send_frame(Frame(number + 1, number + 1, 0, False, 0, []), need, now)
        viewer.acknowledge({"frame": number + 1}, now)
    assert came == pytest.approx(100, abs=2)
    viewer.look_at({"views": ["layer1.weights", "loop"], "sample": 3})
    assert "loop/3" in viewer.need(20.0).views


def test_all_pictures_come_again_where_they_are_quick_to_arrive(viewer: Viewer) -> None:
    looks_at_pictures(viewer)
    assert send_pictures(viewer, 1, 10.0, takes=1.0) == set(SIZES)
    assert send_pictures(viewer, 2, 20.0, takes=1.0) == {"values"}  # which tells nothing of that
    send_pictures(viewer, 3, 30.0, takes=0.1)
    assert send_pictures(viewer, 4, 40.0, takes=0.1) == set(SIZES)


def test_who_wants_all_in_each_frame_gets_all_however_slowly(viewer: Viewer) -> None:
    looks_at_pictures(viewer, repeat=True)
    for number in range(1, 4):
        assert viewer.is_ready(10.0 * number)
        assert send_pictures(viewer, number, 10.0 * number, takes=1.0) == set(SIZES)


def test_nothing_is_sent_behind_a_large_picture_that_is_slow_to_arrive(viewer: Viewer) -> None:
    looks_at_pictures(viewer)
    send_pictures(viewer, 1, 10.0, takes=1.0)
    message = "layer1.weights", memoryview(bytes(SIZES["layer1.weights"]))
    send(viewer, frame(2), 20.0)
    assert viewer.is_ready(21.0)
    viewer.send_frame(Frame(3, 3, 0, False, 0, [message]), viewer.need(21.0), 21.0)
    viewer.acknowledge({"frame": 2}, 21.5)
    assert viewer.ready_in(22.0) is None
    viewer.acknowledge({"frame": 3}, 22.5)
    assert viewer.is_ready(22.5)


def test_a_viewer_is_behind_until_it_has_been_sent_what_was_left_out(viewer: Viewer) -> None:
    looks_at_pictures(viewer)
    seen = []
    for number in range(1, 6):
        send_pictures(viewer, number, 10.0 * number, takes=1.0)
        seen.append(viewer.need(0.0).seen)
    assert seen == [1, 1, 1, 1, 3]


def test_what_it_goes_on_looking_at_is_not_new_to_it(viewer: Viewer) -> None:
    looks_at_pictures(viewer)
    send_pictures(viewer, 1, 10.0, takes=0.1)
    viewer.look_at({"views": ["layer1.weights", "curve"], "repeat": False})
    assert viewer.need(0.0).views == {"layer1.weights": 1, "curve": 0}
    looks_at_pictures(viewer)
    assert viewer.need(0.0).views == {"layer1.weights": 1, "loop/0": 0, "values": 0}
    looks_at_pictures(viewer, repeat=True)
    assert set(viewer.need(0.0).views.values()) == {0}


def test_who_forgets_all_with_a_frame_is_sent_what_was_left_out_of_it(viewer: Viewer) -> None:
    looks_at_pictures(viewer)
    send_pictures(viewer, 1, 10.0, takes=1.0)

    def views_after(number: int, *, untrained: bool) -> set[str]:
        need = viewer.need(10.0 * number)
        frame = Frame(number, number, 0, untrained, 0, [])
        viewer.send_frame(frame, need, 10.0 * number)
        viewer.acknowledge({"frame": number}, 10.0 * number)
        return {view for view, seen in viewer.need(10.0 * number).views.items() if seen == 0}

    assert views_after(2, untrained=True) == {"layer1.weights"}  # the next of two
    assert views_after(3, untrained=True) == {"loop/0"}  # it is forgotten once, not each time
    assert views_after(4, untrained=True) == set()


def test_two_frames_may_be_under_way(viewer: Viewer) -> None:
    for number in range(1, MAX_UNACKNOWLEDGED + 1):
        assert viewer.is_ready(float(number))
        send(viewer, frame(number), float(number))
    assert viewer.ready_in(99.0) is None
    viewer.acknowledge({"frame": 1}, 99.0)
    assert viewer.is_ready(99.0)


def test_an_acknowledgement_covers_all_frames_before_it(viewer: Viewer) -> None:
    send(viewer, frame(1), 0.0)
    send(viewer, frame(2), 1.0)
    viewer.acknowledge({"frame": 2}, 2.0)
    send(viewer, frame(3), 3.0)
    assert viewer.is_ready(4.0)


def test_an_old_acknowledgement_makes_no_room(viewer: Viewer) -> None:
    send(viewer, frame(5), 0.0)
    send(viewer, frame(6), 1.0)
    viewer.acknowledge({"frame": 4}, 2.0)
    assert viewer.ready_in(99.0) is None
    assert viewer.silent_for(10.0) == 10.0


def test_frames_are_spaced_by_the_rate(viewer: Viewer) -> None:
    viewer.look_at({"rate": 4})
    send(viewer, frame(1), 0.0)
    viewer.acknowledge({"frame": 1}, 0.0)
    assert viewer.ready_in(0.0) == pytest.approx(0.25)
    assert viewer.ready_in(0.25) == 0


def test_the_time_a_frame_takes_does_not_widen_the_spacing(viewer: Viewer) -> None:
    viewer.look_at({"rate": 4})
    send(viewer, frame(1), 0.0)
    send(viewer, frame(2), 0.265)  # due at 0.25, made by 0.265
    viewer.acknowledge({"frame": 2}, 0.265)
    assert viewer.ready_in(0.265) == pytest.approx(0.235)


def test_time_without_news_is_not_made_up_for(viewer: Viewer) -> None:
    viewer.look_at({"rate": 4})
    send(viewer, frame(1), 10.0)
    viewer.acknowledge({"frame": 1}, 10.0)
    assert viewer.ready_in(10.0) == pytest.approx(0.25 - MAX_LATE_S)


def test_a_new_look_is_answered_at_once(viewer: Viewer) -> None:
    viewer.look_at({"rate": 0.1})
    send(viewer, frame(1), 10.0)
    assert not viewer.is_ready(11.0)
    viewer.look_at({"views": ["loop"]})
    assert viewer.is_ready(11.0)
    assert viewer.need(0.0).seen == 0


def test_what_was_sent_is_where_the_series_goes_on(viewer: Viewer) -> None:
    send(viewer, frame(1, to_batch=70), 0.0)
    assert (viewer.cursor, viewer.need(0.0).seen) == (70, 1)
    viewer.resume({"from_batch": 31, "timeline": 2})
    assert (viewer.cursor, viewer.timeline, viewer.need(0.0).seen) == (30, 2, 0)
    viewer.resume({})
    assert (viewer.cursor, viewer.timeline) == (0, 0)


def test_a_resume_that_comes_after_a_frame_leaves_no_gap(viewer: Viewer) -> None:
    send(viewer, frame(1, to_batch=70), 0.0)
    viewer.resume({"from_batch": 201, "timeline": 0})
    assert viewer.cursor == 70


def test_silence_is_counted_from_the_oldest_frame_that_waits(viewer: Viewer) -> None:
    assert viewer.silent_for(99.0) == 0
    send(viewer, frame(1), 10.0)
    send(viewer, frame(2), 12.0)
    assert viewer.silent_for(15.0) == 5
    viewer.acknowledge({"frame": 1}, 16.0)
    assert viewer.silent_for(20.0) == 4  # the second still waits
    viewer.acknowledge({"frame": 2}, 21.0)
    assert viewer.silent_for(99.0) == 0


def test_what_is_not_read_overruns_the_outbox_without_an_error(viewer: Viewer) -> None:
    for _ in range(MAX_QUEUED):
        viewer.tell({"type": "reply"})
    assert not viewer.overrun.is_set()
    send(viewer, frame(1), 0.0)
    assert viewer.overrun.is_set()
    assert viewer.outbox.qsize() == MAX_QUEUED


def test_acknowledging_what_was_not_read_does_not_fill_the_memory(viewer: Viewer) -> None:
    for number in range(1, 10 * MAX_QUEUED):
        send(viewer, frame(number), 0.0)
        viewer.acknowledge({"frame": 10**9}, 0.0)
    assert viewer.outbox.qsize() == MAX_QUEUED
    assert viewer.overrun.is_set()


NAN, INFINITY = float("nan"), float("inf")


@pytest.mark.parametrize(
    "message",
    [
        {"views": "loop"},
        {"views": None},
        {"views": [1]},
        {"views": ["x" * 65]},
        {"views": ["loop"] * 17},
        {"views": ["loop/3"]},
        {"rate": 0},
        {"rate": -1},
        {"rate": 61},
        {"rate": NAN},
        {"rate": INFINITY},
        {"rate": "30"},
        {"rate": True},
        {"rate": None},
        {"rates": 10},
        {"rates": {"loop": 0}},
        {"rates": {"loop": 61}},
        {"rates": {"loop": True}},
        {"rates": {"loop": NAN}},
        {"sample": -1},
        {"sample": 1.5},
        {"sample": True},
        {"sample": "0"},
    ],
)
def test_a_malformed_look_changes_nothing(viewer: Viewer, message: dict[str, Any]) -> None:
    before = viewer.look
    with pytest.raises(AppError) as raised:
        viewer.look_at(message)
    assert (raised.value.code, raised.value.status) == ("malformed_message", 422)
    assert next(iter(message)) in raised.value.message
    assert viewer.look == before


@pytest.mark.parametrize("value", [-1, 1.5, "1", None, True, [1]])
@pytest.mark.parametrize("name", ["from_batch", "timeline"])
def test_a_malformed_resume_changes_nothing(viewer: Viewer, name: str, value: object) -> None:
    send(viewer, frame(1, to_batch=7), 0.0)
    with pytest.raises(AppError, match=name):
        viewer.resume({name: value})
    assert viewer.cursor == 7


@pytest.mark.parametrize("value", [None, 1.5, "1", True])
def test_a_malformed_acknowledgement_makes_no_room(viewer: Viewer, value: object) -> None:
    send(viewer, frame(1), 0.0)
    send(viewer, frame(2), 0.0)
    with pytest.raises(AppError, match="frame"):
        viewer.acknowledge({"frame": value}, 0.0)
    assert viewer.ready_in(9.0) is None


def test_an_outbox_is_emptied_in_order(viewer: Viewer) -> None:
    viewer.tell({"type": "hello"})
    send(viewer, frame(1), 0.0)
    viewer.tell({"type": "closing"})
    assert sent(viewer) == [{"type": "hello"}, b"series", {"type": "closing"}]
    with pytest.raises(asyncio.QueueEmpty):
        viewer.outbox.get_nowait()


def test_a_field_that_a_message_has_not_is_refused_and_nothing_is_taken(viewer: Viewer) -> None:
    before = viewer.look, viewer.cursor
    with pytest.raises(
        AppError, match="no fields but type, views, rate, sample, repeat, rates, got 'view'"
    ):
        viewer.look_at({"type": "look", "view": ["loop"], "rate": 5})
    with pytest.raises(AppError, match="no fields but type, from_batch, timeline, got 'batch'"):
        viewer.resume({"type": "resume", "from_batch": 9, "batch": 9})
    with pytest.raises(AppError, match="no fields but type, frame, got 'frames'"):
        viewer.acknowledge({"type": "ack", "frame": 1, "frames": 1}, 0.0)
    assert (viewer.look, viewer.cursor) == before
