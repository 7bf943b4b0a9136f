"""Changes of weights by hand: what they do, that the recipe has them, how they are undone."""

import json
from typing import Any

import numpy as np
import pytest

from app.errors import AppError
from app.runs.motion import RunState
from app.runs.network import DataSet, check_actions
from app.runs.recipe import Action
from app.runs.report import moving_report
from app.runs.run import Run
from engine import TrainingLoop
from tests.app.conftest import MakeRun
from tests.support.runs import Clock, config_of, same_bits, snapshot, work
from tests.support.training import refusal, step

DRAWING = [
    [255 if 12 < column < 16 and 4 < row < 24 else 0 for column in range(28)] for row in range(28)
]


def learn(label: int = 1) -> dict[str, Any]:
    """A step on a drawing."""
    return {"type": "train_on", "pixels": DRAWING, "label": label}


def set_weight(value: float, *index: int) -> dict[str, Any]:
    """A weight of the first layer typed in."""
    return {"type": "set_weight", "tensor": "layer1.weights", "index": list(index), "value": value}


def weights(run: Run) -> np.ndarray[Any, Any]:
    return run.loop.network.parameters.flat.copy()


def test_a_weight_is_set_and_the_loss_of_the_batch_told(run: Run, clock: Clock) -> None:
    step(run, clock, 3)
    before = run.loop.tensor("layer1.weights")[2, 400]
    run.command(set_weight(2.5, 2, 400))
    assert run.loop.tensor("layer1.weights")[2, 400] == 2.5
    edit = run.edit
    assert edit is not None
    assert (edit.kind, edit.value_before, edit.value_after) == ("weight", float(before), 2.5)
    assert edit.loss_before != edit.loss_after


def test_of_an_untrained_network_the_loss_of_the_first_batch_is_told(
    run: Run, clock: Clock
) -> None:
    run.command(set_weight(2.5, 2, 400))
    assert run.edit is not None
    after = run.edit.loss_after
    step(run, clock, 3, "phase")
    assert run.loop.last_loss == pytest.approx(after, rel=1e-6)


def test_a_step_on_a_drawing_lowers_its_loss_and_counts_as_no_batch(run: Run, clock: Clock) -> None:
    step(run, clock, 3)
    run.command(learn())
    assert run.edit is not None
    assert run.edit.loss_before is not None
    assert run.edit.loss_after < run.edit.loss_before
    assert (run.loop.batch, run.furthest) == (3, 3)
    assert np.abs(run.loop.tensor("layer1.weights.step")).max() > 0


def test_it_is_told_whose_gradient_and_step_there_are(run: Run, clock: Clock) -> None:
    step(run, clock, 3)
    told = [moving_report(run)["trained_apart"]]
    run.command(learn())
    told.append(moving_report(run)["trained_apart"])
    run.command(set_weight(2.5, 2, 400))
    told.append(moving_report(run)["trained_apart"])
    for _ in range(2):
        run.command({"type": "undo"})
        work(run, clock)
        told.append(moving_report(run)["trained_apart"])
    assert told == [False, True, True, True, False]


def test_a_loss_before_that_is_not_finite_is_told_as_none(make_run: MakeRun, clock: Clock) -> None:
    run = make_run(
        layers=[{"units": 1, "activation": "linear"}] * 3
        + [{"units": 10, "activation": "softmax"}],
        optimizer={"name": "sgd", "learning_rate": 1e11},
    )
    step(run, clock)  # too far: at the new weights the loss is no number
    run.command({**set_weight(0.0, 0, 0), "tensor": "layer3.weights"})
    assert run.edit is not None
    assert run.edit.loss_before is None
    assert json.dumps(moving_report(run), allow_nan=False)


@pytest.mark.parametrize("command", [set_weight(2.5, 2, 400), learn()])
def test_undo_brings_back_the_very_bits(run: Run, clock: Clock, command: dict[str, Any]) -> None:
    step(run, clock, 3)
    before = weights(run)
    run.command(command)
    assert not np.array_equal(weights(run), before)
    assert run.can_undo
    run.command({"type": "undo"})
    work(run, clock)
    assert np.array_equal(weights(run), before)
    assert run.recipe.actions == []
    assert (run.edit, run.can_undo) == (None, False)


def test_what_was_changed_by_hand_is_replayed_bit_for_bit(run: Run, clock: Clock) -> None:
    step(run, clock, 3)
    run.command(learn())
    run.command(set_weight(0.5, 1, 300))
    run.command(learn(label=7))
    step(run, clock, 4)
    after = weights(run)
    for stop in (2, 3, 7):
        run.command({"type": "seek", "batch": stop})
        work(run, clock)
    assert run.loop.batch == 7
    assert np.array_equal(weights(run), after)


def test_a_replay_makes_one_change_at_a_time(run: Run, clock: Clock) -> None:
    # Between two of them a worker looks at what else it is asked.
    step(run, clock, 2)
    for label in (1, 2, 3):
        run.command(learn(label))
    replay = run.replay_to(2)
    pieces = 0
    while not replay.done:
        replay.advance()
        pieces += 1
    assert pieces == 2 + 3
    assert np.array_equal(replay.loop.network.parameters.flat, weights(run))


def test_steps_on_drawings_are_not_tried_when_a_recipe_is_checked(
    data: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A recipe may have thousands of them, and its worker has other runs.
    monkeypatch.delattr(TrainingLoop, "train_on")
    drawing = {"label": 1, "pixels": [pixel for row in DRAWING for pixel in row]}
    check_actions(config_of(), [(5, {"drawing": drawing})], data)
    with pytest.raises(AppError, match="change 1 of the recipe"):
        check_actions(config_of(), [(5, {"momentum": 0.5})], data)


def test_a_change_is_measured_again(run: Run, clock: Clock) -> None:
    step(run, clock, 3)
    work(run, clock)
    measured = run.series.test_at(3)
    run.command(set_weight(50.0, 2, 400))
    work(run, clock)
    assert run.series.test_at(3) != measured


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (set_weight(1.0, 2, 784), "expected an index into layer1.weights"),
        (set_weight(1e9, 2, 400), "expected a value from"),
        (
            {**set_weight(1.0, 2, 400), "tensor": "layer9.weights"},
            "expected the name of a parameter",
        ),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(
    run: Run, clock: Clock, command: dict[str, Any], words: str
) -> None:
    step(run, clock, 1)
    before = weights(run)
    assert words in refusal(run, command).message
    assert np.array_equal(weights(run), before)
    assert run.recipe.actions == []


@pytest.mark.parametrize("failed_first", [False, True])
def test_a_step_that_would_end_the_run_leaves_all_that_is_shown(
    make_run: MakeRun, clock: Clock, failed_first: bool
) -> None:
    run = make_run(
        layers=[{"units": 16, "activation": "linear"}] * 6
        + [{"units": 10, "activation": "softmax"}]
    )
    step(run, clock, 3)
    run.command({"type": "set", "optimizer": {"name": "sgd", "learning_rate": 1e12}})
    if failed_first:  # its own loss is not finite, else that after the step
        step(run, clock, 1)
    before, tensors = moving_report(run), snapshot(run)
    assert "finite" in refusal(run, learn()).message
    assert moving_report(run) == before
    assert same_bits(snapshot(run), tensors)


def test_in_the_middle_of_a_batch_nothing_is_changed_by_hand(run: Run, clock: Clock) -> None:
    step(run, clock, 2, "phase")
    with pytest.raises(AppError, match="expected a run between two batches"):
        run.command(learn())


def test_there_is_nothing_to_undo_once_it_has_trained_on(run: Run, clock: Clock) -> None:
    step(run, clock, 1)
    run.command(learn())
    step(run, clock, 1)
    assert refusal(run, {"type": "undo"}).code == "nothing_to_undo"


def test_undo_ends_what_the_edit_made_fail(make_run: MakeRun, clock: Clock) -> None:
    run = make_run(
        layers=[{"units": 4, "activation": "linear"}] * 7 + [{"units": 10, "activation": "softmax"}]
    )
    step(run, clock, 2)
    for layer in range(2, 8):
        for unit in range(4):
            tensor = f"layer{layer}.weights"
            run.command({"type": "set_weight", "tensor": tensor, "index": [unit, 0], "value": 1e6})
    step(run, clock, 1)
    assert run.state == "failed"
    run.command({"type": "undo"})
    work(run, clock, until=lambda: not run.seeking)
    assert run.state == "paused"


def following(make_run: MakeRun, *changes: dict[str, Any], **fields: Any) -> Run:
    """A run whose recipe makes all these changes at batch 2."""
    run = make_run(**fields)
    run.recipe.actions += [Action(2, change) for change in changes]
    run.history.follows_to = 5
    return run


def drawing() -> dict[str, Any]:
    pixels = [pixel for row in DRAWING for pixel in row]
    return {"drawing": {"label": 1, "pixels": pixels}}


def test_many_changes_at_one_batch_leave_others_their_turn(make_run: MakeRun, clock: Clock) -> None:
    run = following(make_run, *[drawing()] * 50)
    run.command({"type": "step", "unit": "batch", "count": 2})
    clock.tick = 0.001
    slices, most = 0, 0.0
    while run.state is RunState.STEPPING:
        start = clock.now
        run.advance(start + 0.010)
        slices, most = slices + 1, max(most, clock.now - start)
    assert slices > 5
    assert most < 0.020
    apart = following(make_run)
    step(apart, clock, 2)
    for _ in range(50):
        apart.command(learn())
    np.testing.assert_array_equal(weights(run), weights(apart))


def test_a_change_of_a_recipe_that_explodes_stops_the_run_before_all_of_them(
    make_run: MakeRun, clock: Clock
) -> None:
    changes = [{"learning_rate": 1e12}, *[drawing()] * 20, {"learning_rate": 0.1}]
    fields: dict[str, Any] = {
        "layers": [{"units": 10, "activation": "linear"}],
        "loss": "mean_squared_error",
        "optimizer": {"name": "sgd", "learning_rate": 0.1},
    }
    run, apart = following(make_run, *changes, **fields), following(make_run, **fields)
    step(apart, clock, 2)
    step_on = {"type": "step", "unit": "batch", "count": 3}
    for command in (step_on, {"type": "seek", "batch": 2}, {"type": "seek", "batch": 5}):
        run.command(command)
        work(run, clock, until=lambda: run.error is not None)
        # Who looks now sees no half of them either.
        np.testing.assert_array_equal(weights(run), weights(apart))
        assert run.loop.learning_rate == 0.1
        work(run, clock)
        assert (run.state, run.loop.batch) == (RunState.FAILED, 2)
        assert run.error is not None
        assert run.error.code == "not_finite"
        assert same_bits(snapshot(run), snapshot(apart))
    run.command({"type": "seek", "batch": 1})
    work(run, clock)
    assert (run.state, run.loop.batch) == (RunState.PAUSED, 1)
    run.command({"type": "seek", "batch": 2})
    work(run, clock)
    assert run.state is RunState.FAILED


def test_a_run_that_has_failed_says_so_to_who_would_change_its_weights(
    run: Run, clock: Clock
) -> None:
    step(run, clock, 1)
    run.command({"type": "set", "optimizer": {"name": "sgd", "learning_rate": 1e12}})
    run.command({"type": "play"})
    work(run, clock)
    assert refusal(run, learn()).code == "run_failed"
