"""Pictures painted by a loop's team: the same codes, by two processes, on few canvases."""

import gc
import os
import signal
import weakref
from collections.abc import Iterator

import numpy as np
import pytest

import engine.team
from app.runs import canvas
from app.runs.canvas import LOOPS, MOST, RECENT, painted
from app.runs.codes import Codes, code_table
from app.runs.run import Run
from app.runs.weight_views import weight_picture, weight_views
from engine.arrays import Array
from engine.handover import NUMBER
from engine.plan import Stage
from engine.shared_memory import segment_of
from tests.app.conftest import MakeRun
from tests.support.server import wait_until
from tests.support.watcher import View

TABLE = code_table("signed", 0.25)
WEIGHTS = "layer1.weights"


@pytest.fixture
def run(make_run: MakeRun) -> Run:
    """A run at batch 1 whose first layer is large enough to be shared; the helper is ready."""
    layers = [{"units": 128, "activation": "relu"}, {"units": 10, "activation": "softmax"}]
    run = make_run(layers=layers)
    run.use_threads(2)
    run.loop.run_batch()
    wait_until(lambda: is_painted_by_two(run), what="the helper to paint")
    return run


def is_painted_by_two(run: Run) -> bool:
    """Whether the helper makes codes of its own share of the weights."""
    finish, done = engine.team._Helper.finish, []

    def noted(helper: engine.team._Helper, stage: Stage) -> bool:
        done.append(finish(helper, stage))
        return done[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine.team._Helper, "finish", noted)
        codes_of(painted(run.loop.tensor(WEIGHTS), TABLE, run.loop))
    return done == [True]


def codes_of(pieces: Iterator[memoryview] | None) -> list[Codes]:
    """Copies of what is lent; the canvas is free again."""
    assert pieces is not None
    return [np.array(piece) for piece in pieces]


def expected(values: Array) -> Codes:
    """The codes by the table, unit by unit."""
    codes: Codes = TABLE.take(values.astype(np.float32).view(np.uint32) >> 16)
    return codes.reshape(-1)


def test_a_team_paints_what_one_thread_codes(run: Run) -> None:
    views = [view for view in weight_views(run) if view["layer"] == 1]
    by_two = [View.read(weight_picture(run, view, {"a": "b"})) for view in views]
    run.loop.team.threads = 1
    for view, message in zip(views, by_two, strict=True):
        by_one = View.read(weight_picture(run, view, {"a": "b"}))
        assert message.metadata == by_one.metadata
        assert (message.tensors["values"] == by_one.tensors["values"]).all()
        assert message.tensors["values"].std() > 0


def test_codes_are_those_of_the_moment(run: Run) -> None:
    weights = run.loop.tensor(WEIGHTS)
    before = expected(weights)
    pieces = painted(weights, TABLE, run.loop)
    run.loop.run_batch()
    assert (codes_of(pieces)[0] == before).all()
    assert (codes_of(painted(weights, TABLE, run.loop))[0] == expected(weights)).all()
    assert (before != expected(weights)).any()


def test_what_waits_to_be_sent_is_not_painted_over(run: Run) -> None:
    weights, waiting, codes = run.loop.tensor(WEIGHTS), [], []
    while (pieces := painted(weights, TABLE, run.loop)) is not None:
        waiting.append(pieces)
        codes.append(expected(weights))
        run.loop.run_batch()
    assert len(waiting) == MOST
    for pieces, then in zip(waiting, codes, strict=True):
        assert (codes_of(pieces)[0] == then).all()
    assert painted(weights, TABLE, run.loop) is not None  # one is free again


def test_one_canvas_serves_again_and_again(run: Run) -> None:
    places = set()
    for _ in range(3):
        for piece in painted(run.loop.tensor(WEIGHTS), TABLE, run.loop) or ():
            places.add(np.asarray(piece).ctypes.data)
        run.loop.run_batch()
    assert len(places) == 1


def test_what_is_never_sent_leaves_its_place(run: Run) -> None:
    for _ in range(2 * MOST):
        assert painted(run.loop.tensor(WEIGHTS), TABLE, run.loop) is not None
        gc.collect()


def test_a_helper_lost_while_it_paints_costs_no_picture(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (helper,) = engine.team._helpers
    give = helper.give
    os.kill(helper._process.pid, signal.SIGSTOP)

    def give_and_kill(stage: Stage) -> bool:
        is_given = give(stage)
        assert os.read(helper._given, NUMBER.size)  # it has begun
        helper.kill()
        return is_given

    monkeypatch.setattr(helper, "give", give_and_kill)
    weights = run.loop.tensor(WEIGHTS)
    assert (codes_of(painted(weights, TABLE, run.loop))[0] == expected(weights)).all()
    assert not engine.team._helpers


def test_nothing_is_painted_where_no_helper_could(run: Run, make_run: MakeRun) -> None:
    small = make_run()
    small.use_threads(2)
    small.loop.run_batch()
    assert painted(small.loop.tensor(WEIGHTS), TABLE, small.loop) is None
    assert painted(run.loop.tensor("layer2.weights"), TABLE, run.loop) is None
    assert painted(run.loop.tensor(WEIGHTS).copy(order="K"), TABLE, run.loop) is None
    assert painted(run.loop.tensor(WEIGHTS), TABLE, run.loop) is not None
    run.use_threads(1)
    run.loop.run_batch()
    assert painted(run.loop.tensor(WEIGHTS), TABLE, run.loop) is None
    assert run.loop not in canvas._canvases


def test_canvases_go_with_their_loop(run: Run) -> None:
    codes_of(painted(run.loop.tensor(WEIGHTS), TABLE, run.loop))
    assert run.loop in canvas._canvases
    gone = weakref.ref(run.loop)
    run.command({"type": "reset"})
    gc.collect()
    assert gone() is None
    assert run.loop not in canvas._canvases


def test_the_last_few_loops_have_canvases(run: Run, make_run: MakeRun) -> None:
    loops = [run.loop]
    for _ in range(LOOPS):
        other = make_run(layers=run.recipe.config["layers"])
        other.use_threads(2)
        other.loop.run_batch()
        loops.append(other.loop)
    for loop in loops:
        codes_of(painted(loop.tensor(WEIGHTS), TABLE, loop))
    assert list(canvas._canvases) == loops[1:]


def test_what_is_watched_no_more_is_not_kept(run: Run) -> None:
    run.command({"type": "set", "optimizer": "adam"})
    run.loop.run_batch()
    state = run.loop.tensor(f"{WEIGHTS}.m")
    codes_of(painted(state, TABLE, run.loop))
    segment, _ = segment_of(state) or (None, 0)
    gone = weakref.ref(segment)
    del state, segment
    run.command({"type": "set", "optimizer": "rmsprop"})
    run.loop.tensor(f"{WEIGHTS}.v")  # the state is viewed anew
    for _ in range(RECENT):
        run.loop.run_batch()
        codes_of(painted(run.loop.tensor(WEIGHTS), TABLE, run.loop))
    gc.collect()
    assert gone() is None


def test_whatever_else_is_watched_after_many_others_is_painted(run: Run) -> None:
    for number in range(2 * MOST):
        table = code_table("signed", 1.0 + number)
        assert painted(run.loop.tensor(WEIGHTS), table, run.loop) is not None
        for piece in painted(run.loop.tensor(WEIGHTS), table, run.loop) or ():
            assert piece.nbytes == 128 * 784


def test_who_watch_by_turns_keep_their_canvases(run: Run) -> None:
    names = (WEIGHTS, f"{WEIGHTS}.gradient", f"{WEIGHTS}.step")
    seen = []
    for _ in range(3):
        for name in names:
            codes_of(painted(run.loop.tensor(name), TABLE, run.loop))
        seen.append(set(canvas._canvases[run.loop]._all))
    assert seen[0] == seen[1] == seen[2]
