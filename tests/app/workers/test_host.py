"""Inside a worker: every request is answered once, in order, and runs share the time."""

import collections
import gc
import math
import sqlite3
import weakref
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load

from app.runs import frames
from app.runs.keeping import Keeper
from app.runs.recipe import Action
from app.runs.studies.curve import CurveStudy
from app.workers.host import MANY, SAVE_EVERY_S
from app.workers.lookups import KEPT_S
from engine import Evaluation
from tests.support.hosting import Hosting, array_of, error_code, state_of
from tests.support.runs import Clock
from tests.support.watcher import View


@pytest.fixture
def hosting(clock: Clock, tmp_path: Path) -> Iterator[Hosting]:
    """A host with a run of the name "run"."""
    hosting = Hosting(clock, tmp_path)
    hosting.create()
    yield hosting
    hosting.close()


def want(**fields: Any) -> dict[str, Any]:
    nothing_yet = {"views": {}, "from_batch": 1, "timeline": 0, "seen": 0, "after": 0}
    return nothing_yet | {"repeat": True, "looked_at": []} | fields


def test_every_request_is_answered_exactly_once(hosting: Hosting) -> None:
    sent = [
        hosting.send("health"),
        hosting.send("command", command={"type": "play"}),
        hosting.send("frames", want=want(seen=10**9)),
        hosting.send("frames", want=want()),
        hosting.send("command", command={"type": "step", "unit": "batch", "count": 2}),
        hosting.send("command", command={"type": "step", "unit": "epoch", "count": 9}),
        hosting.send("tensor", name="layer1.weights", batch=0),
        hosting.send("state"),
        hosting.send("series", from_batch=1),
        hosting.send("command", command={"type": "seek", "batch": 0}),
        hosting.send("command", command={"type": "set", "learning_rate": -1}),
        hosting.send("classify", pixels=[0] * 784),
        hosting.send("weights"),
        hosting.send("command", command={"type": "reset"}),
        hosting.send("tensor", name="nothing", batch=None),
        hosting.send("close"),
        hosting.send("state"),
    ]
    for number in sent:
        hosting.answer(number)
    for _ in range(50):
        hosting.turn()
    counts = collections.Counter(answer.header["id"] for answer in hosting.answers)
    assert {number: counts[number] for number in sent} == dict.fromkeys(sent, 1)


def test_commands_are_carried_out_in_the_order_they_arrive(hosting: Hosting) -> None:
    hosting.step(3)
    sent = [
        hosting.send("command", command=command)
        for command in (
            {"type": "seek", "batch": 1},
            {"type": "set", "learning_rate": 0.01},
            {"type": "seek", "batch": 0},
            {"type": "seek", "batch": 1},
            {"type": "step", "unit": "batch", "count": 2},
            {"type": "step", "unit": "batch", "count": 3},
        )
    ]
    hosting.answer(sent[-1])
    states = [state_of(hosting.answer(number)) for number in sent]
    answered = [answer.header["id"] for answer in hosting.answers if answer.header["id"] in sent]
    assert answered == sent
    assert [state["batch"] for state in states] == [1, 1, 0, 1, 6, 6]
    assert states[1]["timeline"] == 1


def test_settings_changed_in_the_midst_of_a_step_leave_it_going(hosting: Hosting) -> None:
    step = hosting.send("command", command={"type": "step", "unit": "batch", "count": 20})
    hosting.turn()
    assert hosting.command("set", learning_rate=0.5)["state"] == "stepping"
    assert state_of(hosting.answer(step))["batch"] == 20


def test_a_seek_is_finished_before_the_next_command(hosting: Hosting) -> None:
    hosting.step(40)
    seek = hosting.send("command", command={"type": "seek", "batch": 31})
    phase = hosting.send("command", command={"type": "step", "unit": "phase", "count": 1})
    assert hosting.answers_to(seek) == hosting.answers_to(phase) == []
    state = state_of(hosting.answer(phase))
    assert (state["batch"], state["phase"]) == (31, "draw")


def test_a_name_given_during_a_seek_is_kept_when_it_is_answered(hosting: Hosting) -> None:
    hosting.step(40)
    hosting.send("command", command={"type": "seek", "batch": 31})
    hosting.ask("rename", name="Monday's")
    kept = hosting.index.find("run")
    assert kept is not None
    assert kept.name == "Monday's"


def test_what_is_asked_to_be_kept_during_a_seek_is_all_kept_when_it_is_answered(
    hosting: Hosting,
) -> None:
    hosting.step(40)
    hosting.command("play")
    for _ in range(20):
        hosting.turn()
    trained = state_of(hosting.ask("state"))["furthest"]
    assert trained > 40
    hosting.send("command", command={"type": "seek", "batch": 31})
    hosting.ask("save", batch=trained)
    hosting.index.branch("run", "branch", key=b"key", owner=b"owner", batch=trained)
    hosting.ask("open", "branch", lost=False)
    assert hosting.series("branch")["to_batch"] == trained


def test_who_asks_for_a_run_to_be_kept_is_told_that_it_cannot_be(
    hosting: Hosting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    hosting.step(5)
    monkeypatch.setattr(hosting.host._runs["run"].keeper._journal, "save", refuse)
    hosting.host._runs["run"].run.changed()
    assert error_code(hosting.ask("save", batch=5)) == "not_saved"
    assert error_code(hosting.ask("rename", name="Monday's")) == "not_saved"
    monkeypatch.undo()
    assert "error" not in hosting.ask("save", batch=5).header


def test_a_run_that_was_only_given_a_name_is_worth_keeping(hosting: Hosting) -> None:
    new = hosting.index.find("run")
    hosting.ask("rename", name="Monday's")
    named = hosting.index.find("run")
    assert new is not None
    assert named is not None
    assert (new.has_happened, named.has_happened) == (False, True)


def test_during_a_seek_questions_are_answered(hosting: Hosting) -> None:
    hosting.step(40)
    seek = hosting.send("command", command={"type": "seek", "batch": 31})
    state = state_of(hosting.ask("state"))
    assert state["state"] == "stepping"
    assert hosting.answers_to(seek) == []


def test_a_question_behind_a_waiting_command_keeps_its_place(hosting: Hosting) -> None:
    hosting.step(40)
    hosting.send("command", command={"type": "seek", "batch": 31})
    hosting.send("command", command={"type": "set", "learning_rate": 0.5})
    assert state_of(hosting.ask("state"))["learning_rate"] == 0.5


def test_a_seek_to_the_present_batch_is_answered_at_once(hosting: Hosting) -> None:
    hosting.step(2)
    while hosting.host.turn() is not None:
        pass
    seek = hosting.send("command", command={"type": "seek", "batch": 2})
    (answer,) = hosting.answers_to(seek)
    assert state_of(answer)["state"] == "paused"


def test_a_long_step_is_answered_as_under_way_after_a_second(hosting: Hosting) -> None:
    hosting.clock.tick = 0.005
    start = hosting.clock.now
    state = hosting.command("step", unit="epoch", count=1000)
    assert state["state"] == "stepping"
    assert 1 <= hosting.clock.now - start < 1.2


def test_a_command_ends_a_step_which_is_answered_first(hosting: Hosting) -> None:
    step = hosting.send("command", command={"type": "step", "unit": "epoch", "count": 1000})
    pause = hosting.send("command", command={"type": "pause"})
    assert [answer.header["id"] for answer in hosting.answers[-2:]] == [step, pause]
    assert state_of(hosting.answer(step))["state"] == "paused"


def test_a_newer_want_replaces_an_open_one(hosting: Hosting) -> None:
    version = hosting.answer(hosting.send("frames", want=want())).header["version"]
    first = hosting.send("frames", want=want(seen=version))
    second = hosting.send("frames", want=want(seen=version))
    assert hosting.answer(first).header["frame"] is None
    assert hosting.answers_to(second) == []
    hosting.command("step", unit="batch", count=1)
    assert hosting.answer(second).header["frame"] == 2


def test_a_change_at_rest_is_told_to_those_who_watch(hosting: Hosting) -> None:
    hosting.step(40)
    hosting.command("seek", batch=10)
    hosting.answer(hosting.send("state"))
    seen = hosting.ask("frames", want=want()).header
    open_want = {"timeline": seen["timeline"], "seen": seen["version"], "from_batch": 41}
    waiting = hosting.send("frames", want=want(**open_want))
    assert hosting.answers_to(waiting) == []
    hosting.send("command", command={"type": "set", "learning_rate": 0.5})
    (answer,) = hosting.answers_to(waiting)
    assert answer.header["to_batch"] == 10


def test_a_frame_tells_what_the_next_want_is_made_of(hosting: Hosting) -> None:
    hosting.step(3)
    answer = hosting.ask("frames", want=want(views={"layer1.weights": 0, "nothing": 0}))
    state = state_of(hosting.ask("state"))
    assert answer.header["views"] == ["layer1.weights", "series"]
    assert len(answer.blobs) == 2
    assert (answer.header["to_batch"], answer.header["timeline"]) == (3, state["timeline"])
    assert answer.header["version"] > 1


def test_frames_are_counted_on_from_those_of_another_worker(hosting: Hosting) -> None:
    for after, number in ((0, 1), (41, 42), (7, 43)):
        asked = hosting.ask("frames", want=want(after=after))
        assert asked.header["frame"] == number


def test_a_look_at_a_batch_sees_what_has_been_changed_there_since(hosting: Hosting) -> None:
    hosting.step(3)
    for value in (0.25, -0.5):
        hosting.command("set_weight", tensor="layer1.bias", index=[2], value=value)
        assert hosting.tensor("layer1.bias", batch=3)[2] == value


def test_a_frame_is_made_while_playing_without_stopping(hosting: Hosting) -> None:
    hosting.command("play")
    numbers = []
    batches = [0]
    version = 0
    for _ in range(20):
        answer = hosting.ask("frames", want=want(from_batch=batches[-1] + 1, seen=version))
        version = answer.header["version"]
        numbers.append(answer.header["frame"])
        batches.append(answer.header["to_batch"])
    assert numbers == list(range(1, 21))
    assert batches == sorted(batches)
    assert batches[-1] > 10


def test_tensors_of_earlier_batches_are_those_of_that_time(hosting: Hosting) -> None:
    at_the_time = {}
    names = ["layer1.weights", "layer1.weights.step", "batch.x", "layer2.weights.gradient"]
    for batch in range(1, 7):
        hosting.step()
        at_the_time[batch] = [hosting.tensor(name).tobytes() for name in names]
    hosting.command("set", learning_rate=0.01)
    hosting.command("play")
    for batch in (2, 6, 1, 1):
        found = [hosting.tensor(name, batch).tobytes() for name in names]
        assert found == at_the_time[batch]
    state = state_of(hosting.ask("state"))
    assert state["state"] == "playing"
    assert state["batch"] > 6


def test_looking_back_does_not_stop_the_run(hosting: Hosting) -> None:
    hosting.step(31)
    before = hosting.command("play")["batch"]
    assert array_of(hosting.ask("tensor", name="batch.y", batch=30)).shape == (128,)
    assert state_of(hosting.ask("state"))["batch"] > before


@pytest.mark.parametrize(
    ("name", "batch", "code"),
    [
        ("layer1.weights", 4, "batch_not_reached"),
        ("nothing", 2, "unknown_tensor"),
        ("nothing", None, "unknown_tensor"),
        ("batch.x", 0, "unknown_tensor"),
        ("", None, "unknown_tensor"),
    ],
)
def test_a_tensor_there_is_not(hosting: Hosting, name: str, batch: int | None, code: str) -> None:
    hosting.step(3)
    assert error_code(hosting.ask("tensor", name=name, batch=batch)) == code


def test_looking_back_at_a_run_that_is_closed_meanwhile(hosting: Hosting) -> None:
    hosting.step(31)
    look = hosting.send("tensor", name="batch.y", batch=30)
    hosting.send("close")
    assert error_code(hosting.answer(look)) == "unknown_run"


def test_looking_back_at_a_batch_that_is_discarded_meanwhile(hosting: Hosting) -> None:
    hosting.step(31)
    look = hosting.send("tensor", name="batch.y", batch=30)
    hosting.command("reset")
    assert error_code(hosting.answer(look)) == "batch_not_reached"


def test_who_looks_back_waits_for_one_look_of_another_run(hosting: Hosting) -> None:
    hosting.create("other")
    for run in ("run", "other"):
        hosting.step(20, run=run)
    many = [hosting.send("tensor", name="batch.y", batch=batch) for batch in (9, 19, 9, 3)]
    one = hosting.send("tensor", "other", name="batch.y", batch=19)
    for number in (*many, one):
        hosting.answer(number)
    answered = [answer.header["id"] for answer in hosting.answers]
    order = [number for number in answered if number in (*many, one)]
    assert order == [many[0], many[2], one, many[1], many[3]]  # a batch is gone to once


@pytest.mark.parametrize("playing", [0, 1, 2, 12])
def test_looks_into_the_past_take_no_more_time_than_a_run(
    hosting: Hosting, playing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    spent = {"runs": 0.0, "looks": 0.0}

    def work(until: float, name: str, least: float = 0.0) -> list[object]:
        took = max(least, until - hosting.clock.now)
        spent[name] += took
        hosting.clock.now += took
        return []

    for number in range(playing):
        hosting.create(f"{number}")
        hosting.command("play", f"{number}")
        run = hosting.host._runs[f"{number}"].run
        monkeypatch.setattr(run, "advance", partial(work, name="runs"))
    hosting.step()
    hosting.send("tensor", name="batch.y", batch=1)
    # A batch of whose way there takes longer than any slice.
    looks = partial(work, name="looks", least=0.1)
    monkeypatch.setattr(hosting.host._lookups, "advance", looks)
    for _ in range(2000):
        hosting.turn()
    share = spent["looks"] / sum(spent.values())
    assert share == pytest.approx(1 / (1 + min(playing, MANY)), rel=0.1)


def test_runs_share_the_time_fairly(hosting: Hosting) -> None:
    hosting.create("other")
    for run in ("run", "other"):
        hosting.command("play", run)
    for _ in range(60):
        hosting.turn()
    batches = [state_of(hosting.ask("state", run))["batch"] for run in ("run", "other")]
    assert min(batches) > 0.7 * max(batches)


def test_a_slow_run_does_not_hold_up_a_fast_one(hosting: Hosting) -> None:
    hosting.create("slow")
    hosting.command("set", "slow", speed=1)
    hosting.command("play", "slow")
    hosting.command("play", "run")
    start = hosting.clock.now
    while hosting.clock.now < start + 1:
        hosting.turn()
    assert state_of(hosting.ask("state", "run"))["batch"] > 50
    assert state_of(hosting.ask("state", "slow"))["batch"] == 0


def test_a_run_of_long_batches_takes_no_more_time_than_another(
    hosting: Hosting, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosting.create("long")
    spent = {"run": 0.0, "long": 0.0}
    for name in spent:
        hosting.command("play", name)

        def work(until: float, name: str = name) -> None:
            took = 0.1 if name == "long" else until - hosting.clock.now
            spent[name] += took
            hosting.clock.now += took

        monkeypatch.setattr(hosting.host._runs[name].run, "advance", work)
    for _ in range(2000):
        hosting.turn()
    assert spent["long"] > 1
    assert spent["long"] == pytest.approx(spent["run"], rel=0.1)


def test_what_a_lost_worker_took_comes_back_before_its_neighbours_go_on(hosting: Hosting) -> None:
    hosting.step(60)
    hosting.ask("close")
    hosting.create("other")
    hosting.command("play", "other")
    batches: dict[bool, int] = {}
    hosting.clock.tick = 0.002  # a slice is a few batches
    for lost in (False, True):
        before = state_of(hosting.ask("state", "other"))["batch"]
        opened = state_of(hosting.answer(hosting.send("open", lost=lost)))
        assert (opened["state"], opened["batch"]) == ("paused", 60)
        batches[lost] = state_of(hosting.ask("state", "other"))["batch"] - before
        hosting.ask("close")
    assert batches[True] < batches[False] / 2


def test_who_asked_for_a_study_of_a_run_that_is_closed_is_told(hosting: Hosting) -> None:
    hosting.step(3)
    hosting.command("play")
    asked = hosting.send("view", name="exciters/1")
    hosting.ask("close")
    assert error_code(hosting.answer(asked)) == "unknown_run"


def test_who_asked_for_a_study_before_a_seek_to_the_moment_of_the_last_is_answered(
    hosting: Hosting,
) -> None:
    hosting.step(5)
    hosting.ask("view", name="exciters/1")
    hosting.step(1)
    asked = hosting.send("view", name="exciters/1")
    hosting.send("command", command={"type": "seek", "batch": 5})
    view = View.read(bytes(hosting.answer(asked, turns=100).blobs[0]))
    assert view.metadata["study.batch"] == "5"


@pytest.mark.parametrize("method", ["__init__", "advance", "found"])
def test_a_study_that_fails_stops_no_run_and_is_not_tried_for_ever(
    hosting: Hosting,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    method: str,
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(CurveStudy, method, fail)
    hosting.step(3)
    for _ in range(2):
        view = View.read(bytes(hosting.ask("view", name="curve").blobs[0]))
        assert view.tensors == {}
        assert "learning_rate" not in view.metadata
    assert state_of(hosting.ask("state"))["state"] == "paused"
    hosting.step(2)
    assert state_of(hosting.ask("state"))["batch"] == 5
    assert capsys.readouterr().err.count("Traceback") == 1


def test_a_run_that_cannot_be_kept_stops_no_other(
    hosting: Hosting, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise RuntimeError("no place")

    monkeypatch.setattr(hosting.host._runs["run"].keeper, "save", fail)
    hosting.send("rename", name="a")
    for _ in range(100):
        wait = hosting.host.turn()
        assert wait is None or wait < math.inf
        hosting.clock.now += 0.001
    assert "no place" in capsys.readouterr().err
    monkeypatch.undo()


def test_a_run_opened_again_is_looked_back_at_anew(hosting: Hosting) -> None:
    hosting.step(10)
    change: dict[str, Any] = {"tensor": "layer1.bias", "index": [0]}
    hosting.command("set_weight", **change, value=1.0)
    assert hosting.tensor("layer1.bias", batch=10)[0] == 1
    hosting.command("undo")
    hosting.ask("close")
    hosting.ask("open", lost=False)
    hosting.command("set_weight", **change, value=2.0)
    assert hosting.tensor("layer1.bias", batch=10)[0] == 2


DRAWING = {"label": 1, "pixels": [0] * 400 + [255] * 20 + [0] * 364}


def changing(hosting: Hosting, changes: int = 200) -> None:
    """Play the run "run", whose recipe makes so many changes at batch 3, into their midst."""
    run = hosting.host._runs["run"].run
    run.recipe.actions += [Action(3, {"drawing": DRAWING}) for _ in range(changes)]
    run.history.follows_to = 3
    hosting.send("command", command={"type": "step", "unit": "batch", "count": 3})
    while not run._due:
        hosting.turn()
    assert len(run._due) > 1


def test_between_changes_no_state_is_given_away(hosting: Hosting) -> None:
    changing(hosting)
    now, file = hosting.send("tensor", name="layer1.weights", batch=None), hosting.send("weights")
    state = hosting.ask("state")
    assert state_of(state)["batch"] == 3
    assert hosting.answers_to(now) == hosting.answers_to(file) == []
    weights = load(hosting.answer(file).blobs[0].tobytes())["layer1.weights"]
    np.testing.assert_array_equal(weights, array_of(hosting.answer(now)))
    np.testing.assert_array_equal(weights, hosting.tensor("layer1.weights", batch=3))


def test_a_look_ahead_of_changes_under_way_has_all_of_them(hosting: Hosting) -> None:
    changing(hosting)
    hosting.ask("state")
    while hosting.host._runs["run"].run._due:
        hosting.turn()
    hosting.step(10)
    expected = hosting.tensor("layer1.weights", batch=8)
    hosting.tensor("layer1.weights", batch=2)  # and now another moment is the last
    hosting.command("seek", batch=1)
    hosting.command("play")
    while not hosting.host._runs["run"].run._due:
        hosting.turn()
    np.testing.assert_array_equal(hosting.tensor("layer1.weights", batch=8), expected)


def test_who_branches_holds_up_nobody(hosting: Hosting) -> None:
    hosting.step(40)
    hosting.send("command", command={"type": "seek", "batch": 31})
    save = hosting.send("save", batch=40)
    frame, state = hosting.send("frames", want=want()), hosting.send("state")
    assert hosting.answers_to(frame)
    assert hosting.answers_to(state)
    assert hosting.answers_to(save) == []
    hosting.answer(save)


def test_what_was_done_before_many_changes_is_kept(hosting: Hosting) -> None:
    changing(hosting)
    hosting.host.close()
    kept = hosting.index.find("run")
    assert kept is not None
    assert kept.progress["batch"] == 3


@pytest.mark.parametrize("after", [{"type": "set", "learning_rate": 0.01}, {"type": "pause"}])
def test_a_command_right_after_a_failure_leaves_its_tensors(
    hosting: Hosting, after: dict[str, Any]
) -> None:
    hosting.step(3)
    hosting.command("set", optimizer={"name": "sgd", "learning_rate": 1e12})
    run = hosting.host._runs["run"].run
    hosting.send("command", command={"type": "play"})
    for _ in range(1000):
        if run.error is not None:
            break
        hosting.turn()
    answer = hosting.ask("command", command=after)
    assert state_of(answer)["state"] == "failed"
    assert "layer1.weights.gradient" in state_of(answer)["tensors"]
    assert np.isfinite(
        array_of(hosting.ask("tensor", name="layer1.weights.gradient", batch=None))
    ).all()


def test_a_step_that_fails_is_answered_with_its_tensors(hosting: Hosting) -> None:
    hosting.step(3)
    hosting.command("set", optimizer={"name": "sgd", "learning_rate": 1e12})
    state = hosting.command("step", unit="batch", count=9)
    assert state["state"] == "failed"
    assert "layer1.weights.gradient" in state["tensors"]


def test_a_look_at_a_change_that_explodes_is_refused_every_time(hosting: Hosting) -> None:
    hosting.create(
        "steep", layers=[{"units": 10, "activation": "linear"}], loss="mean_squared_error"
    )
    run = hosting.host._runs["steep"].run
    run.recipe.actions += [Action(2, {"optimizer": {"name": "sgd", "learning_rate": 1e12}})]
    run.recipe.actions += [Action(2, {"drawing": DRAWING})] * 40
    run.history.follows_to = 2
    hosting.step(2, run="steep")
    for _ in range(3):
        assert error_code(hosting.ask("tensor", "steep", name="layer1.weights", batch=2))


def test_the_past_that_was_looked_at_is_not_held_for_good(hosting: Hosting) -> None:
    hosting.step(10)
    hosting.tensor("layer1.bias", batch=4)
    last = hosting.host._lookups._last
    assert last is not None
    loop = weakref.ref(last[1].loop)
    del last
    hosting.turn()
    assert loop() is not None  # there may be more to look at
    while (wait := hosting.host.turn()) is not None:
        assert wait <= KEPT_S
        hosting.clock.now += wait
    gc.collect()
    assert loop() is None


def test_a_host_with_nothing_to_do_waits_for_requests(hosting: Hosting) -> None:
    while hosting.host.turn() is not None:
        pass
    hosting.command("set", speed=0.5)
    hosting.command("play")
    while hosting.host.turn() == 0:
        pass
    wait = hosting.host.turn()
    assert wait is not None
    assert 0 < wait <= 2


def test_what_has_been_answered_is_kept(hosting: Hosting) -> None:
    def kept() -> tuple[int, str | None]:
        entry = hosting.index.find("run")
        assert entry is not None
        return entry.progress["batch"], entry.progress["phase"]

    hosting.step(5)
    assert kept() == (5, None)
    hosting.step(3, "phase")
    assert kept() == (5, "loss")
    hosting.command("seek", batch=2)
    assert kept() == (2, None)


def test_a_run_that_is_closed_is_not_held(hosting: Hosting) -> None:
    hosting.step(3)
    run = weakref.ref(hosting.host._runs["run"].run)
    gc.disable()  # what waits for the collector may be a gigabyte
    try:
        hosting.ask("close")
        assert run() is None
    finally:
        gc.enable()


def test_runs_that_are_closed_are_gone(hosting: Hosting) -> None:
    open_want = hosting.send("frames", want=want(seen=1, from_batch=99))
    step = hosting.send("command", command={"type": "step", "unit": "epoch", "count": 9})
    assert "error" not in hosting.ask("close").header
    assert hosting.answers_to(open_want)
    assert hosting.answers_to(step)
    assert error_code(hosting.ask("state")) == "unknown_run"
    assert hosting.ask("health").header["runs"] == 0


def test_a_configuration_the_engine_refuses_makes_no_run(hosting: Hosting) -> None:
    config = {**state_of(hosting.ask("state"))["config"], "optimizer": {"name": "newton"}}
    hosting.index.add("other", key=b"", owner=b"", config=config)
    answer = hosting.ask("open", "other", lost=False)
    assert (error_code(answer), answer.header["status"]) == ("invalid_configuration", 422)
    assert error_code(hosting.ask("state", "other")) == "unknown_run"


def test_a_digit_is_not_read_by_weights_too_large_for_it(hosting: Hosting) -> None:
    hosting.create(
        "steep",
        layers=[{"units": 10, "activation": "linear"}] * 6,
        loss="mean_squared_error",
        optimizer={"name": "rmsprop", "learning_rate": 1e10},
    )
    assert hosting.step(run="steep")["batch"] == 1
    assert error_code(hosting.ask("classify", "steep", pixels=[255] * 784)) == "not_finite"


def test_a_defect_is_answered_and_the_other_runs_go_on(
    hosting: Hosting, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hosting.create("other")
    monkeypatch.setattr(frames, "MAX_POINTS", None)
    assert error_code(hosting.ask("frames", want=want())) == "internal_error"
    assert "Traceback" in capsys.readouterr().err
    assert hosting.step(run="other")["batch"] == 1


def test_a_defect_while_it_works_stops_that_run_alone(
    hosting: Hosting, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_loop: object) -> None:
        raise RuntimeError("a defect at work")

    hosting.create("other")
    hosting.command("play", "other")
    monkeypatch.setattr(hosting.host._runs["run"].run.history, "add_batch", fail)
    state = hosting.step()
    assert (state["state"], state["error"]["code"]) == ("failed", "internal_error")
    assert "a defect at work" in capsys.readouterr().err
    before = state_of(hosting.ask("state", "other"))
    for _ in range(20):
        hosting.turn()
    after = state_of(hosting.ask("state", "other"))
    assert (after["state"], after["error"]) == ("playing", None)
    assert after["batch"] > before["batch"]


def test_a_study_of_a_moment_is_answered_however_often_it_is_asked_for(hosting: Hosting) -> None:
    hosting.step()
    first, again = (load(bytes(hosting.ask("view", name="curve").blobs[0])) for _ in range(2))
    assert {name: array.tobytes() for name, array in first.items()} == {
        name: array.tobytes() for name, array in again.items()
    }


def measurements(hosting: Hosting, runs: list[str], seconds: float) -> int:
    """How often the runs have been measured on the test images over some seconds of playing."""

    def so_far() -> int:
        series = [hosting.series(run) for run in runs]
        return sum(len(each["test"]) for each in series)

    for run in runs:
        hosting.command("set", run, speed=50)
        hosting.command("play", run)
    before, start = so_far(), hosting.clock.now
    while hosting.clock.now < start + seconds:
        hosting.turn()
    return so_far() - before


def test_many_runs_are_not_measured_more_often_than_one(hosting: Hosting) -> None:
    alone = measurements(hosting, ["run"], 16.0)
    assert alone >= 5
    for run in ("second", "third", "fourth"):
        hosting.create(run)
    together = measurements(hosting, ["run", "second", "third", "fourth"], 16.0)
    assert 4 <= together <= alone + 4


def test_what_a_measurement_computes_in_is_made_anew_only_after_another_run(
    hosting: Hosting, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    make_shares = Evaluation._make_shares

    def noted(evaluation: Evaluation, threads: int) -> Any:
        made.append(threads)
        return make_shares(evaluation, threads)

    monkeypatch.setattr(Evaluation, "_make_shares", noted)
    hosting.clock.tick = 0.002  # some pieces a slice, and some slices a measurement
    measured = measurements(hosting, ["run"], 8.0)
    assert 0 < len(made) <= measured + 1  # one may be under way
    made.clear()
    hosting.create("second")
    measured = measurements(hosting, ["run", "second"], 8.0)
    assert len(made) > 20 * measured > 0


def test_many_runs_are_kept_as_often_in_all_as_a_few(
    hosting: Hosting, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[Keeper] = []
    save = Keeper.save

    def noted(keeper: Keeper) -> None:
        saved.append(keeper)
        save(keeper)

    runs = [f"run {number}" for number in range(2 * MANY)]
    for run in runs:
        hosting.create(run)
        hosting.command("play", run)
    monkeypatch.setattr(Keeper, "save", noted)
    hosting.clock.tick = 0.001
    end = hosting.clock.now + 4 * SAVE_EVERY_S
    while hosting.clock.now < end:
        hosting.turn()
    assert 3 * MANY <= len(saved) <= 5 * MANY  # every one of a few would have been saved four times
    assert {hosting.host._runs[run].keeper for run in runs} <= set(saved)
