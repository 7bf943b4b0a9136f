"""Studies: made once a moment at rest, now and then in play, and true."""

import json
import math
import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.runs import mistakes_view
from app.runs.motion import RunState
from app.runs.run import Run
from app.runs.studies.curve import CurveStudy
from app.runs.studies.derivative import DerivativeStudy
from app.runs.studies.diagnosis import diagnose, lost_weights
from app.runs.studies.schedule import Result, has_study, is_study
from app.runs.views import encode_view
from engine import Evaluation, NonFiniteError
from engine.health import LayerHealth
from tests.app.conftest import MakeRun
from tests.support.runs import Clock, work
from tests.support.training import seek, step
from tests.support.watcher import View


def study(run: Run, clock: Clock, name: str) -> Result:
    """What a study finds of the run at rest."""
    run.studies.want([name], run.loop)
    work(run, clock, until=lambda: run.wait() is None)
    result = run.studies.result(name)
    assert result is not None
    return result


def found(result: Result, key: str) -> Any:
    """A figure of its metadata."""
    return json.loads(result.metadata[key])


@pytest.mark.parametrize(
    ("name", "well_formed"),
    [
        ("curve", True),
        ("health", True),
        ("exciters/3", True),
        ("derivative/1/3/400", True),
        ("curve/1", False),
        ("exciters", False),
        ("exciters/-1", False),
        ("exciters/x", False),
        ("exciters/٣", False),
        ("loop/3", False),
    ],
)
def test_a_study_has_a_kind_and_its_numbers(name: str, well_formed: bool) -> None:
    assert is_study(name) is well_formed


def test_at_rest_a_study_is_made_once_a_moment(run: Run, clock: Clock) -> None:
    step(run, clock, 2)
    first = study(run, clock, "curve")
    assert study(run, clock, "curve") is first
    step(run, clock)
    assert study(run, clock, "curve") is not first


def test_a_change_by_hand_is_another_moment(run: Run, clock: Clock) -> None:
    step(run, clock, 2)
    first = study(run, clock, "exciters/3")
    run.command({"type": "set_weight", "tensor": "layer1.weights", "index": [3, 400], "value": 9.0})
    assert study(run, clock, "exciters/3") is not first


def test_a_study_tells_of_which_moment_it_is(run: Run, clock: Clock) -> None:
    step(run, clock, 2)
    step(run, clock, 4, unit="phase")
    metadata = study(run, clock, "health").metadata
    assert (metadata["study.batch"], metadata["study.phase"]) == ("2", "backward")


def test_what_is_asked_for_once_is_made_once(run: Run, clock: Clock) -> None:
    step(run, clock, 2)
    run.studies.ask("health")
    work(run, clock)
    step(run, clock)
    work(run, clock)
    result = run.studies.result("health")
    assert result is not None
    assert result.moment.batch == 2


def test_those_asked_for_once_are_not_kept_for_ever(run: Run, clock: Clock) -> None:
    step(run, clock, 2)
    for unit in range(5):
        run.studies.ask(f"exciters/{unit}")
        work(run, clock)
        assert run.studies.result(f"exciters/{unit}") is not None
    known = [unit for unit in range(5) if run.studies.result(f"exciters/{unit}")]
    assert known == [4]


def test_one_asked_for_again_and_again_in_play_comes_once_a_second(run: Run, clock: Clock) -> None:
    step(run, clock, 2)
    run.command({"type": "play"})
    made = set()
    for _ in range(50):  # a second, by what the clock ticks meanwhile
        run.studies.ask("health")
        run.advance(clock() + 0.010)
        clock.now += 0.010
        result = run.studies.result("health")
        if result is not None:
            made.add(result.moment)
        run.studies.want([], run.loop)  # as every frame does
    assert len(made) <= 2


def test_what_nobody_looks_at_is_not_made(run: Run, clock: Clock) -> None:
    step(run, clock, 2)
    work(run, clock)
    assert run.studies.result("curve") is None
    assert run.wait() is None


@pytest.mark.parametrize(
    "motion", [{"type": "play"}, {"type": "step", "unit": "epoch", "count": 1000}]
)
def test_while_it_trains_a_study_comes_once_a_second(
    run: Run, clock: Clock, motion: dict[str, Any]
) -> None:
    run.command(motion)
    seen: set[int] = set()
    start = clock.now
    while clock.now < start + 4.5:
        run.studies.want(["health"], run.loop)
        run.advance(clock() + 0.010)
        result = run.studies.result("health")
        if result is not None:
            seen.add(result.moment.batch)
        clock.now += 0.05
    assert run.state is not RunState.PAUSED
    assert 4 <= len(seen) <= 5


@pytest.mark.parametrize(
    "motion", [{"type": "play"}, {"type": "step", "unit": "batch", "count": 9}]
)
def test_pieces_longer_than_a_slice_do_not_hold_the_training_up(
    run: Run, clock: Clock, motion: dict[str, Any]
) -> None:
    step(run, clock, 1)
    run.command(motion)
    run.studies.want(["curve", "health"], run.loop)
    clock.tick = 0.05  # however little is done, a slice is over
    for _ in range(5):
        run.advance(clock() + 0.010)
    assert run.loop.batch == 6


def test_before_there_is_a_gradient_there_is_nothing_to_study(run: Run, clock: Clock) -> None:
    result = study(run, clock, "curve")
    assert (result.tensors, result.metadata) == ({}, {})


def test_the_curve_starts_at_the_loss_and_lands_where_the_step_did(run: Run, clock: Clock) -> None:
    step(run, clock, 3)
    result = study(run, clock, "curve")
    assert result.tensors["step.batch"][0] == pytest.approx(run.loop.last_loss, rel=1e-5)
    x, y = run.loop.tensor("batch.x"), run.loop.tensor("batch.y")
    landed, _ = run.loop.network.loss_and_gradients(x, y)
    distances = result.tensors["step.distances"]
    nearest = int(np.abs(distances - run.loop.learning_rate).argmin())
    assert distances[nearest] == pytest.approx(run.loop.learning_rate)
    assert result.tensors["step.batch"][nearest] == pytest.approx(landed, rel=1e-4)
    gradient = run.loop.flat_gradient().astype(float)
    assert found(result, "slope")["gradient"] == pytest.approx(-(gradient @ gradient), rel=1e-5)


def test_the_curves_of_a_batch_take_turns_with_one_copy_of_it(
    make_run: MakeRun, clock: Clock
) -> None:
    run = make_run(batch_size=1000)
    step(run, clock)
    as_pixels, as_floats = run.data.train.x.nbytes, 4 * run.data.train.x.size
    tracemalloc.start()
    curves = CurveStudy(run.loop, run.data)
    begun_with, _ = tracemalloc.get_traced_memory()
    while not curves.done:
        curves.advance()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert begun_with < as_pixels
    assert most < 2 * (as_pixels + as_floats)


def test_a_step_with_next_to_no_learning_rate_has_no_curve(make_run: MakeRun, clock: Clock) -> None:
    run = make_run(optimizer={"name": "sgd", "learning_rate": 0.1, "momentum": 0.9})
    step(run, clock, 3)
    run.command({"type": "set", "learning_rate": 1e-310})
    step(run, clock, 1)
    result = study(run, clock, "curve")
    assert "gradient.batch" in result.tensors
    assert "step.batch" not in result.tensors


@pytest.mark.parametrize(
    "optimizer",
    [{"name": "rmsprop", "learning_rate": 1e5}, {"name": "sgd", "learning_rate": 1e9}],
    ids=str,
)
def test_where_the_weights_before_a_step_are_lost_nothing_is_studied_at_them(
    make_run: MakeRun, clock: Clock, optimizer: dict[str, Any]
) -> None:
    run = make_run(optimizer=optimizer)
    step(run, clock, 1)
    result = study(run, clock, "curve")
    assert (result.tensors, found(result, "lost")) == ({}, True)
    derivative = "derivative/1/0/406"
    assert found(study(run, clock, derivative), "lost")
    assert "measured" not in study(run, clock, derivative).metadata
    health = study(run, clock, "health")
    assert (found(health, "lost"), found(health, "layers")) == (True, [])
    (hint,) = found(health, "hints")
    assert (hint["layer"], hint["code"]) == ("layer1", "lost")
    step(run, clock, 4, unit="phase")  # before the step of the next batch they are there
    losses = study(run, clock, "curve").tensors["gradient.batch"]
    assert losses[0] == pytest.approx(run.loop.last_loss, rel=1e-5)
    assert "measured" in study(run, clock, derivative).metadata
    assert "lost" not in study(run, clock, "health").metadata
    assert found(study(run, clock, "health"), "layers")[0]["gradient_norm"] > 0


@pytest.mark.parametrize("name", ["sgd", "rmsprop", "adam"])
@pytest.mark.parametrize("rate", [0.001, 0.1, 1.0])
def test_however_often_it_has_stepped_studies_start_at_the_loss(
    make_run: MakeRun, clock: Clock, name: str, rate: float
) -> None:
    run = make_run(optimizer={"name": name, "learning_rate": rate})
    for _ in range(3):
        step(run, clock, 10)
        curve = study(run, clock, "curve").tensors["step.batch"]
        assert curve[0] == pytest.approx(run.loop.last_loss, rel=1e-5)
        assert "lost" not in study(run, clock, "health").metadata


def test_the_derivative_is_the_tensors(run: Run, clock: Clock) -> None:
    step(run, clock, 3)
    gradient = run.loop.tensor("layer1.weights.gradient")
    unit, pixel = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
    result = study(run, clock, f"derivative/1/{unit}/{pixel}")
    assert found(result, "derived") == pytest.approx(float(gradient[unit, pixel]), rel=1e-4)
    assert found(result, "relative_difference") < 1e-4


def test_a_derivative_is_measured_in_pieces(run: Run, clock: Clock) -> None:
    step(run, clock, 3)
    measuring = DerivativeStudy(run.loop, run.data, 1, 3, 400)
    pieces = 0
    while not measuring.done:
        step(run, clock)  # of the moment at which it was begun, however long it takes
        measuring.advance()
        pieces += 1
    assert pieces >= 4  # the batch, the gradient, and two distances at least
    _, after = measuring.found()
    seek(run, clock, 3)
    assert after["derived"] == found(study(run, clock, "derivative/1/3/400"), "derived")


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("exciters/15", True),
        ("exciters/16", False),
        ("derivative/0/0/0", False),
        ("derivative/1/15/783", True),
        ("derivative/1/16/0", False),
        ("derivative/1/0/784", False),
        ("derivative/2/9/15", True),
        ("derivative/2/9/16", False),
        ("derivative/3/0/0", False),
    ],
)
def test_only_what_the_network_has_is_studied(
    run: Run, clock: Clock, name: str, there: bool
) -> None:
    step(run, clock)
    assert has_study(run.loop, name) is there
    run.studies.want([name], run.loop)
    work(run, clock, until=lambda: run.wait() is None)
    assert (run.studies.result(name) is not None) is there
    assert (encode_view(run, name, {}) is not None) is there


def test_before_the_first_gradient_a_weight_has_nothing_to_study_yet(
    run: Run, clock: Clock
) -> None:
    result = study(run, clock, "derivative/1/0/0")
    assert (result.tensors, result.metadata) == ({}, {})


def test_the_shares_of_the_samples_sum_to_the_picked_gradient(run: Run, clock: Clock) -> None:
    step(run, clock, 2)
    gradient = run.loop.tensor("layer1.weights.gradient")
    unit, pixel = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
    data = encode_view(run, f"inside/5/{unit}/{pixel}", {})
    assert data is not None
    inside = View.read(data)
    shares = inside.tensors["unit.preactivations.gradient"] * inside.tensors["input.x"]
    assert shares.sum() == pytest.approx(float(gradient[unit, pixel]), rel=1e-4)
    assert np.array_equal(inside.tensors["x"], run.loop.tensor("batch.x")[5])
    weight = json.loads(inside.metadata["weight"])
    assert weight["before"] + weight["step"] == pytest.approx(weight["value"])


def test_mistakes_are_those_of_the_last_measurement(run: Run, clock: Clock) -> None:
    step(run, clock, 5)
    work(run, clock)
    data = encode_view(run, "mistakes", {})
    assert data is not None
    tensors = View.read(data).tensors
    test = run.data.test
    predicted = run.loop.network.predict(test.x / np.float32(255)).argmax(axis=1)
    assert tensors["confusion"].sum() == len(test)
    assert np.trace(tensors["confusion"]) == np.count_nonzero(predicted == test.y)
    assert (tensors["labels"] != tensors["predicted"]).all()
    assert (np.diff(tensors["confidence"]) <= 0).all()


def test_the_images_of_a_cell_are_those_the_network_answers_so(
    run: Run, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 5
    monkeypatch.setattr(mistakes_view, "LISTED", most)
    step(run, clock, 5)
    work(run, clock)
    test = run.data.test
    outputs = run.loop.network.predict(test.x / np.float32(255))
    predicted, confidence = outputs.argmax(axis=1), outputs.max(axis=1)
    cut = 0
    for label, answer in np.ndindex(10, 10):
        data = encode_view(run, f"mistakes/{label}/{answer}", {})
        assert data is not None
        view = View.read(data)
        assert view.metadata["measured.batch"] == "5"
        listed = view.tensors
        its = np.flatnonzero((test.y == label) & (predicted == answer))
        assert listed["confusion"][label, answer] == len(its)
        assert len(set(listed["indices"])) == len(listed["indices"]) == min(len(its), most)
        assert set(listed["indices"]) <= set(its)
        assert np.array_equal(listed["images"], test.x[listed["indices"]])
        assert set(listed["labels"]) <= {label}
        assert set(listed["predicted"]) <= {answer}
        shown = listed["confidence"]
        assert shown == pytest.approx(confidence[listed["indices"]], rel=1e-5)
        # Ascending where they are right, else descending: and none of the others comes before.
        sign = 1 if label == answer else -1
        assert (np.diff(sign * shown) >= 0).all()
        assert sign * shown == pytest.approx(np.sort(sign * confidence[its])[:most], rel=1e-5)
        cut += len(its) > most
    assert cut > 0


@pytest.mark.parametrize("name", ["mistakes/10/0", "mistakes/0/10", "mistakes/4", "mistakes/4/9/1"])
def test_a_cell_that_the_table_does_not_have_has_no_images(
    run: Run, clock: Clock, name: str
) -> None:
    assert encode_view(run, "mistakes/9/9", {}) is not None
    assert encode_view(run, name, {}) is None
    step(run, clock)
    work(run, clock)
    assert encode_view(run, name, {}) is None


def test_mistakes_of_weights_that_are_gone_are_not_told(run: Run, clock: Clock) -> None:
    def told() -> str | None:
        views = [encode_view(run, name, {}) for name in ("mistakes", "mistakes/4/9")]
        all_of_it, of_a_cell = (View.read(data).metadata for data in views if data is not None)
        assert all_of_it == of_a_cell | {"view": "mistakes"}
        return all_of_it.get("measured.batch")

    step(run, clock, 5)
    work(run, clock)
    assert told() == "5"
    run.command({"type": "set_weight", "tensor": "layer1.bias", "index": [3], "value": 2.0})
    assert told() is None
    work(run, clock)
    assert told() == "5"
    seek(run, clock, 2)
    run.command({"type": "set", "learning_rate": 0.5})
    step(run, clock)  # discards the future of which batch 5 was
    assert told() != "5"


def test_after_a_reset_mistakes_are_those_of_the_untrained_network(run: Run, clock: Clock) -> None:
    step(run, clock, 5)
    work(run, clock)
    run.command({"type": "reset"})
    work(run, clock)
    data = encode_view(run, "mistakes", {})
    assert data is not None
    assert View.read(data).metadata["measured.batch"] == "0"


def test_a_past_that_could_not_be_measured_is_no_reason_not_to_measure(
    run: Run, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Evaluation, "advance", too_large)
        step(run, clock, 3)
        work(run, clock)
    assert not run.series.has_test(3)
    seek(run, clock, 1)
    run.command({"type": "set", "learning_rate": 0.01})
    step(run, clock, 2)
    work(run, clock)
    assert run.series.has_test(3)


def too_large(evaluation: Evaluation, _threads: int) -> None:
    raise NonFiniteError(batch=evaluation.batch, phase="evaluation", what="loss", value=math.inf)


WELL: dict[str, Any] = {
    "layer": "layer1",
    "activation": "relu",
    "units": 10,
    "gradient_norm": 0.3,
    "weight_norm": 27.0,
    "update_norm": 0.1,
    "dead_units": 1,
    "saturated": None,
    "angle": 70.0,
}


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({}, []),
        ({"dead_units": 5}, ["dead_units"]),
        ({"gradient_norm": 1e4}, ["exploding"]),
        ({"gradient_norm": 1e-9}, ["vanishing"]),
        ({"saturated": 0.6}, ["saturated"]),
        ({"update_norm": 27.0}, ["large_update"]),
        ({"update_norm": 1e-9}, ["small_update"]),
        ({"update_norm": 0.0011}, ["small_update"]),  # as of SGD at a rate of 0.001
        ({"update_norm": 0.0028}, []),
    ],
)
def test_a_hint_for_what_is_wrong_and_none_where_all_is_well(
    change: dict[str, Any], codes: list[str]
) -> None:
    hints = diagnose([LayerHealth(**{**WELL, **change})])
    assert [hint.code for hint in hints] == codes
    assert all(hint.help.endswith(".") for hint in hints)


def test_no_hint_raises_the_rate_that_another_lowers() -> None:
    small = LayerHealth(**{**WELL, "layer": "layer2", "update_norm": 1e-9})
    dead = LayerHealth(**{**WELL, "dead_units": 10})
    assert [hint.code for hint in diagnose([small])] == ["small_update"]
    assert [hint.code for hint in diagnose([dead, small])] == ["dead_units"]


def test_of_the_layers_whose_weights_are_lost_that_with_the_largest_step_is_named() -> None:
    small, none = ({**WELL, "layer": "layer2"}, {**WELL, "layer": "layer3", "weight_norm": 0.0})
    well = LayerHealth(**WELL)
    assert lost_weights([well, LayerHealth(**small | {"update_norm": 1e9})]).layer == "layer2"
    assert lost_weights([well, LayerHealth(**none)]).layer == "layer3"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"gradient_norm": 942_000.0}, "The gradient's norm is 940000: it explodes."),
        ({"gradient_norm": 1.72e12}, "The gradient's norm is 1.7e12: it explodes."),
        ({"gradient_norm": 1.96e-9}, "The gradient's norm is 2e-9: it has vanished."),
        ({"update_norm": 5.4}, "One step changes the weights by 20 % of their size. Lower the"),
        ({"update_norm": 5.4e12}, "One step changes the weights by 2e13 % of their size. Go back"),
        ({"update_norm": 5.4e-9}, "One step changes the weights by 2e-8 % of their size: it"),
        ({"saturated": 0.6}, "60 % of the activations are saturated, so little gradient passes."),
    ],
)
def test_a_hint_writes_numbers_as_the_page_does(change: dict[str, Any], said: str) -> None:
    (hint,) = diagnose([LayerHealth(**{**WELL, **change})])
    assert f"{hint.what} {hint.help}".startswith(said)


def test_in_play_a_study_that_takes_long_keeps_no_other_waiting(run: Run, clock: Clock) -> None:
    step(run, clock, 2)
    for batch in range(400):
        run.studies.want(["curve", "health"], run.loop)
        clock.now += 0.5  # a curve takes longer than the rest between two
        run.studies.advance(run.loop, replace(run.moment, batch=batch), 0, training=True)
    assert run.studies.result("curve") is not None
    assert run.studies.result("health") is not None
