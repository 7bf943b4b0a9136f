"""Frames: valid safetensors files, views of one moment, the series complete whatever was missed."""

import contextlib
import json
from typing import Any

import numpy as np
import pytest

from app.errors import AppError
from app.runs import frames, history
from app.runs.codes import encode
from app.runs.frames import Want, encode_frame, last_batch
from app.runs.motion import RunState
from app.runs.report import moving_report, report
from app.runs.run import Run
from app.runs.step_sizes import step_sizes
from app.runs.weight_views import weight_views
from tests.app.conftest import MakeRun
from tests.support.runs import Clock, column, same_bits, work
from tests.support.training import seek, step
from tests.support.watcher import COLUMNS, Frame, KeptSeries, View, decode


def want(views: list[str] | None = None, **fields: Any) -> Want:
    seen = fields.get("seen", 0)
    named = dict.fromkeys(views or [], seen)
    nothing_yet = {"views": named, "from_batch": 1, "timeline": 0, "seen": 0, "after": 0}
    return Want(nothing_yet | {"repeat": True, "looked_at": []} | fields)


def frame_of(run: Run, wanted: Want, number: int = 1) -> Frame:
    messages = encode_frame("run", run, wanted, number)
    assert messages[-1][0] == "series"
    return Frame(
        {view.metadata["view"]: view for view in (View.read(data) for _, data in messages)}
    )


def test_every_message_says_which_moment_it_is_of(run: Run, clock: Clock) -> None:
    step(run, clock, 2)
    step(run, clock, 2, "phase")
    frame = frame_of(run, want(["layer1.weights", "loop/0"]), 17)
    assert set(frame.views) == {"layer1.weights", "loop", "series"}
    for name, view in frame.views.items():
        common = {key: view.metadata[key] for key in ("frame", "view", "run", "batch", "phase")}
        assert common == {
            "frame": "17",
            "view": name,
            "run": "run",
            "batch": "2",
            "phase": "forward",
        }


def test_the_series_message_has_the_state_and_every_batch(run: Run, clock: Clock) -> None:
    step(run, clock, 3)
    run.command({"type": "set", "learning_rate": 0.01})
    step(run, clock, 2)
    frame = frame_of(run, want())
    series = frame.views["series"]
    assert series.metadata["from_batch"] == "1"
    assert frame.state == json.loads(json.dumps(moving_report(run)))
    whole = report("run", run)
    assert set(whole) - set(frame.state) == {"id", "config", "actions", "name", "branched_from"}
    assert json.loads(series.metadata["actions"]) == [{"batch": 3, "set": {"learning_rate": 0.01}}]
    for name in COLUMNS:
        assert series.tensors[name].dtype == np.float64
        assert series.tensors[name].tolist() == column(run.series, name)
    assert series.tensors["learning_rate"].tolist() == [0.001] * 3 + [0.01] * 2
    assert series.tensors["test"].shape == (len(run.series.tests()), 3)


def test_an_untrained_run_has_a_frame_too(run: Run) -> None:
    frame = frame_of(run, want(["layer1.weights", "layer1.weights.gradient", "loop/0"]))
    assert set(frame.views) == {"layer1.weights", "loop", "series"}
    assert frame.views["loop"].tensors == {}
    assert frame.views["series"].metadata["phase"] == ""
    assert frame.views["series"].tensors["loss"].shape == (0,)
    assert frame.views["series"].tensors["test"].shape == (0, 3)


@pytest.mark.parametrize(
    "name",
    [
        *("nothing", "layer9.weights", "layer1.bias", "batch.x", ""),
        *(
            f"layer1.weights/{units}"
            for units in ("3", "3/3", "9/3", "0/17", "1/2/3", "-1/3", "x/9")
        ),
    ],
)
def test_a_view_there_is_not_is_left_out(run: Run, clock: Clock, name: str) -> None:
    step(run, clock)
    assert set(frame_of(run, want([name])).views) == {"series"}


def test_weight_pictures_are_the_coded_tensors(run: Run, clock: Clock) -> None:
    step(run, clock, 2)
    views = weight_views(run)
    frame = frame_of(run, want([view["view"] for view in views]))
    for view in views:
        message = frame.views[view["view"]]
        assert message.metadata["coding"] == view["coding"]
        assert float(message.metadata["scale"]) == view["scale"]
        exact = run.loop.tensor(view["view"])
        shown = np.sqrt(exact) if view["kind"] == "v" else exact
        inside = np.abs(shown) < view["scale"]
        # One code is 1/127 of the range of square roots.
        bound = 2.1 * view["scale"] / 127
        assert np.abs(decode(message) - shown)[inside].max() <= bound


@pytest.mark.parametrize(("first", "last"), [(0, 16), (3, 9), (15, 16)])
def test_a_part_of_a_picture_is_what_the_whole_has_there(
    run: Run, clock: Clock, first: int, last: int
) -> None:
    step(run, clock, 2)
    for view in weight_views(run):
        units = min(first, view["shape"][0] - 1), min(last, view["shape"][0])
        name = "{}/{}/{}".format(view["view"], *units)
        frame = frame_of(run, want([view["view"], name]))
        whole, part = frame.views[view["view"]], frame.views[name]
        assert (part.tensors["values"] == whole.tensors["values"][slice(*units)]).all()
        assert part.metadata == whole.metadata | {"view": name}


CHANGES: list[dict[str, Any]] = [
    {"type": "set_weight", "tensor": "layer1.weights", "index": [3, 7], "value": 0.5},
    {"type": "set_weight", "tensor": "layer1.weights", "index": [3, 7], "value": -0.5},
    {"type": "train_on", "pixels": [[200] * 28] * 28, "label": 3},
    {"type": "undo"},
    {"type": "set", "optimizer": "adam"},
    {"type": "set", "optimizer": "sgd"},
    {"type": "set", "learning_rate": 0.5},
    {"type": "set", "learning_rate": 1e30},
    {"type": "reset"},
    *({"type": "step", "unit": "phase", "count": count} for count in (1, 1, 1, 2, 4)),
    *({"type": "step", "unit": "batch", "count": count} for count in (1, 2)),
    *({"type": "seek", "batch": batch} for batch in (0, 1, 2)),
]


class Page:
    """Wants nothing twice, keeps what it has been sent, and compares it with what there is."""

    def __init__(self, run: Run) -> None:
        self._weights = [view["view"] for view in weight_views(run)] + ["layer1.weights.m"]
        self._weights += ["layer1.weights.gradient/3/9"]
        self._names = [*self._weights, "loop/0", "inside/0/3/7", "values", "flow", "mistakes"]
        self._names += ["mistakes/4/9", "mistakes/7/7"]
        self._kept: dict[str, View] = {}
        self._seen, self._before = 0, (0, 0, True)
        self.left_out = self.drawn_left_out = 0

    def look(self, run: Run) -> None:
        """Take a frame."""
        everything = frame_of(run, want(self._names)).views
        sent = frame_of(run, want(self._names, seen=self._seen, repeat=False)).views
        self._seen = run.version
        moment = run.timeline, run.loop.batch, run.loop.phase is None
        if moment[0] != self._before[0] or (moment[2] and moment != self._before):
            self._kept.clear()
        self._before = moment
        loop = sent.get("loop")
        if loop is not None and "samples" in loop.metadata and "batch.x" not in loop.tensors:
            drawn = {name: self._kept["loop"].tensors[name] for name in ("batch.x", "batch.y")}
            sent["loop"] = View(loop.metadata, drawn | loop.tensors)
            self.drawn_left_out += 1
        self._kept |= sent
        self.left_out += len(everything) - len(sent)
        for name in everything.keys() - {"series"}:
            kept, whole = self._kept[name], everything[name]
            phase = {"phase": run.loop.phase or ""} if name in self._weights else {}
            assert kept.metadata | phase == whole.metadata
            assert same_bits(kept.tensors, whole.tensors)


@pytest.mark.parametrize("seed", range(12))
def test_what_is_not_repeated_is_what_was_shown_before(run: Run, clock: Clock, seed: int) -> None:
    random, page = np.random.default_rng(seed), Page(run)
    for _ in range(40):
        with contextlib.suppress(AppError):
            run.command(CHANGES[random.integers(len(CHANGES))])
        while run.wait() == 0:
            if random.integers(3) == 0:
                page.look(run)
            run.advance(clock() + random.choice([0.003, 0.01, 0.05]))
        if random.integers(3) > 0:
            page.look(run)
    assert page.left_out > 10
    assert page.drawn_left_out > 0


def test_a_weight_that_is_undone_is_seen_to_be(run: Run, clock: Clock) -> None:
    page = Page(run)
    step(run, clock, 3)
    page.look(run)
    for command in (CHANGES[0], {"type": "undo"}):
        run.command(command)
        page.look(run)
        work(run, clock)
        page.look(run)


def test_of_a_run_that_fails_its_last_batch_is_seen(run: Run, clock: Clock) -> None:
    page = Page(run)
    step(run, clock, 3)
    step(run, clock, 2, "phase")
    page.look(run)
    run.loop.network.parameters["layer1.weights"][:] = np.nan
    run.command({"type": "step", "unit": "batch", "count": 2})
    work(run, clock, until=lambda: run.state is RunState.FAILED)
    page.look(run)
    work(run, clock)
    page.look(run)
    assert "loss.per_sample" in frame_of(run, want(["loop/0"])).views["loop"].tensors


def test_weights_come_again_with_an_update_and_gradients_with_their_batch(
    run: Run, clock: Clock
) -> None:
    step(run, clock)
    names, seen, came = ["layer1.weights", "layer1.weights.gradient"], 0, []
    for _ in range(6):
        views = frame_of(run, want(names, seen=seen, repeat=False)).views
        came.append((run.loop.phase, {name for name in names if name in views}))
        seen = run.version
        step(run, clock, 1, "phase")
    gradient = {"layer1.weights.gradient"}
    assert came == [
        ("update", set(names)),
        ("draw", set()),
        ("forward", set()),
        ("loss", set()),
        ("backward", gradient),
        ("update", set(names)),
    ]


def test_what_float32_cannot_hold_is_infinite(make_run: MakeRun, clock: Clock) -> None:
    run = make_run(dtype="float64")
    run.loop.network.parameters["layer1.weights"][:] = 1e60
    step(run, clock, 1, "phase")
    step(run, clock, 1, "phase")
    frame = frame_of(run, want(["layer1.weights", "loop/0"]))
    assert np.isinf(frame.views["loop"].tensors["activations.1"]).all()
    assert (frame.views["layer1.weights"].tensors["values"] == 255).all()


def test_much_that_is_missing_comes_in_pieces(
    run: Run, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "MAX_POINTS", 4)
    step(run, clock, 10)
    kept, cursor, pieces = KeptSeries(), 0, 0
    while cursor < run.furthest:
        wanted = want(from_batch=cursor + 1)
        kept.take(frame_of(run, wanted).views["series"])
        cursor = last_batch(run, wanted)
        pieces += 1
    assert pieces == 3
    assert kept.columns["loss"] == column(run.series, "loss")


def test_a_measurement_that_comes_late_is_sent_again(run: Run, clock: Clock) -> None:
    step(run, clock, 3)
    kept = KeptSeries()
    kept.take(frame_of(run, want()).views["series"])
    run.series.add_test(2, 0.5, 0.75, run.version)
    kept.take(frame_of(run, want(from_batch=4)).views["series"])
    assert (2, 0.5, 0.75) in kept.tests
    assert kept.tests == run.series.tests()


def test_what_is_measured_far_behind_is_told(run: Run, clock: Clock) -> None:
    kept, seen = KeptSeries(), 0
    step(run, clock, 3000)
    for batch in (3000, 500, 1200, 0, 3000):
        seek(run, clock, batch)
        work(run, clock, until=lambda: run.measuring.knows(run.loop))
        kept.take(
            frame_of(run, want(from_batch=len(kept.columns["loss"]) + 1, seen=seen)).views["series"]
        )
        seen = run.version
        assert kept.tests == run.series.tests()
        assert batch in {at for at, *_ in kept.tests}
    run.command({"type": "set_weight", "tensor": "layer1.bias", "index": [3], "value": 2.0})
    kept.take(frame_of(run, want(from_batch=3001, seen=seen)).views["series"])
    assert kept.tests == run.series.tests()


def test_a_discarded_future_is_cut_off_at_the_receiver(run: Run, clock: Clock) -> None:
    kept = KeptSeries()
    step(run, clock, 2)
    run.command({"type": "set", "batch_size": 100})
    step(run, clock, 4)
    kept.take(frame_of(run, want()).views["series"])
    assert kept.length == 6
    # Two futures are discarded before the receiver hears of either.
    seek(run, clock, 4)
    run.command({"type": "set", "learning_rate": 0.1})
    step(run, clock, 3)
    seek(run, clock, 3)
    run.command({"type": "set", "learning_rate": 0.2})
    step(run, clock, 2)
    kept.take(frame_of(run, want(from_batch=7, timeline=0)).views["series"])
    assert kept.columns["loss"] == column(run.series, "loss")
    assert kept.columns["learning_rate"] == [0.001] * 3 + [0.2] * 2
    assert kept.tests == run.series.tests()
    assert kept.actions == [action.to_json() for action in run.recipe.actions]


def test_a_receiver_of_a_timeline_long_gone_is_sent_everything(
    run: Run, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "KNOWN_TIMELINES", 3)
    step(run, clock, 4)
    for learning_rate in (0.1, 0.2, 0.3, 0.4):
        seek(run, clock, 3)
        run.command({"type": "set", "learning_rate": learning_rate})
        step(run, clock)
    assert run.timeline == 4
    assert len(run.history.timeline_starts) == 3
    first = [want(from_batch=5, timeline=known).first_batch(run) for known in range(5)]
    assert first == [1, 4, 4, 4, 5]


def test_a_receiver_of_another_past_is_sent_everything(run: Run, clock: Clock) -> None:
    step(run, clock, 3)
    for stale in (want(from_batch=500), want(from_batch=2, timeline=7)):
        assert frame_of(run, stale).views["series"].metadata["from_batch"] == "1"
        assert stale.is_due(run)


def test_a_frame_is_due_when_there_is_something_to_tell(run: Run, clock: Clock) -> None:
    step(run, clock, 3)
    version = run.version
    assert not want(from_batch=4, seen=version).is_due(run)
    assert want(from_batch=3, seen=version).is_due(run)
    assert want(from_batch=4, seen=version - 1).is_due(run)
    run.command({"type": "reset"})
    assert want(from_batch=4, seen=run.version, timeline=0).is_due(run)


PHASES: dict[str, set[str]] = {
    "draw": {"batch.x", "batch.y"},
    "forward": {"activations.1", "activations.2"},
    "loss": {"loss.per_sample", "loss.order", "loss.answers", "loss.correct"},
    "backward": {"gradient.images", "gradient.output"},
    "update": {"update.histogram", "update.median", "update.still"},
}


def test_the_loop_shows_the_phases_that_ran(run: Run, clock: Clock) -> None:
    step(run, clock, 2)
    expected: set[str] = set()
    for phase, names in PHASES.items():
        step(run, clock, unit="phase")
        loop = frame_of(run, want(["loop/0"])).views["loop"]
        expected |= names
        assert loop.metadata["phase"] == phase
        assert set(loop.tensors) == expected


def test_the_loop_shows_the_numbers_of_the_batch_at_hand(run: Run, clock: Clock) -> None:
    step(run, clock, 2)
    loop = frame_of(run, want(["loop/5"])).views["loop"]
    tensor, shown = run.loop.tensor, loop.tensors
    assert np.array_equal(shown["batch.x"], np.rint(tensor("batch.x") * 255))
    assert np.array_equal(shown["batch.y"], tensor("batch.y"))
    assert np.array_equal(shown["activations.1"], tensor("layer1.activations")[5])
    assert np.array_equal(shown["activations.2"], tensor("layer2.activations")[5])
    assert np.array_equal(shown["loss.per_sample"], np.sort(tensor("loss.per_sample"))[::-1])
    assert np.array_equal(tensor("loss.per_sample")[shown["loss.order"]], shown["loss.per_sample"])
    right = tensor("layer2.activations").argmax(axis=1) == tensor("batch.y")
    assert np.array_equal(shown["loss.correct"], right)
    assert float(loop.metadata["loss.mean"]) == run.loop.last_loss
    assert run.loop.last_accuracy == pytest.approx(right.mean())
    units = json.loads(loop.metadata["gradient.images.units"])
    for name, values in {
        "gradient.images": tensor("layer1.weights.gradient")[units],
        "gradient.output": tensor("layer2.weights.gradient"),
    }.items():
        codes = encode(values, "signed", float(loop.metadata[f"{name}.scale"]))
        assert np.array_equal(shown[name], codes)
    moved = tensor("layer1.weights.step")
    histogram, median, still = step_sizes(moved, tensor("layer1.weights") - moved)
    assert np.array_equal(shown["update.histogram"], histogram)
    assert shown["update.median"].tolist() == [pytest.approx(median)]
    assert shown["update.still"].tolist() == [still]


@pytest.mark.parametrize(
    ("batch_size", "sample", "followed", "pictures"),
    [
        (4, 3, 3, 4),
        (4, 99, 3, 4),
        (200, 150, 150, 128),
        (1, 0, 0, 1),
    ],
)
def test_the_followed_sample_and_how_many_are_shown(
    make_run: MakeRun, clock: Clock, batch_size: int, sample: int, followed: int, pictures: int
) -> None:
    run = make_run(batch_size=batch_size)
    step(run, clock)
    loop = frame_of(run, want([f"loop/{sample}"])).views["loop"]
    assert (loop.metadata["sample"], loop.metadata["samples"]) == (str(followed), str(batch_size))
    assert len(loop.tensors["batch.x"]) == len(loop.tensors["loss.correct"]) == pictures
    assert len(loop.tensors["loss.per_sample"]) == batch_size
    activations = run.loop.tensor("layer1.activations")[followed]
    assert np.array_equal(loop.tensors["activations.1"], activations)


def test_all_types_are_those_of_the_protocol_in_float64_too(
    make_run: MakeRun, clock: Clock
) -> None:
    run = make_run(dtype="float64")
    step(run, clock)
    frame = frame_of(run, want(["loop/0", "layer1.weights"]))
    types = {name: str(array.dtype) for name, array in frame.views["loop"].tensors.items()}
    assert types == {
        "batch.x": "uint8",
        "batch.y": "uint8",
        "activations.1": "float32",
        "activations.2": "float32",
        "loss.per_sample": "float32",
        "loss.order": "uint16",
        "loss.answers": "uint16",
        "loss.correct": "uint8",
        "gradient.images": "uint8",
        "gradient.output": "uint8",
        "update.histogram": "uint32",
        "update.median": "float32",
        "update.still": "uint32",
    }
    assert frame.views["layer1.weights"].tensors["values"].dtype == np.uint8


def test_after_a_failure_the_last_sound_batch_is_shown(run: Run, clock: Clock) -> None:
    run.command({"type": "set", "optimizer": {"name": "sgd", "learning_rate": 1e9}})
    run.command({"type": "play"})
    work(run, clock)
    assert run.error is not None
    views = ["loop/0", "layer1.weights", "layer1.weights.gradient"]
    frame = frame_of(run, want(views))
    assert set(frame.views) == {"loop", *views[1:], "series"}
    assert {view.metadata["batch"] for view in frame.views.values()} == {str(run.furthest)}
    assert "update.histogram" in frame.views["loop"].tensors
    assert frame.state["error"]["code"] == "not_finite"
