"""What a run does when it is told to: play, pause, step, set, reset, fail."""

import math
from typing import Any

import pytest

from app.runs import history
from app.runs import run as run_module
from app.runs.report import report
from app.runs.run import Run
from engine import Phase
from tests.app.conftest import MakeRun
from tests.support.runs import Clock, column, same_bits, snapshot, work
from tests.support.training import refusal, step

BATCHES_PER_EPOCH = 8


def test_a_new_run_rests_untrained_and_is_measured(run: Run, clock: Clock) -> None:
    state = report("id", run)
    assert (state["state"], state["batch"], state["epoch"], state["phase"]) == (
        "paused",
        0,
        0,
        None,
    )
    assert (state["loss"], state["accuracy"], state["furthest"]) == (None, None, 0)
    assert state["batches_per_epoch"] == BATCHES_PER_EPOCH
    work(run, clock)
    state = report("id", run)
    assert state["test_batch"] == 0
    assert state["test_accuracy"] == pytest.approx(0.1, abs=0.1)


def test_stepping_by_phase_goes_through_the_five(run: Run, clock: Clock) -> None:
    seen = []
    for _ in range(6):
        step(run, clock, unit="phase")
        seen.append((run.loop.phase, run.loop.batch))
    first = [(phase, 0) for phase in list(Phase)[:4]]
    assert seen == [*first, (Phase.UPDATE, 1), (Phase.DRAW, 1)]
    assert run.state == "paused"


def test_a_step_by_batch_in_mid_batch_ends_that_batch(run: Run, clock: Clock) -> None:
    step(run, clock, 2, "phase")
    step(run, clock, 1, "batch")
    assert (run.loop.batch, run.loop.phase) == (1, Phase.UPDATE)
    step(run, clock, 3, "batch")
    assert run.loop.batch == 4


def test_a_step_by_epoch_ends_the_epoch_and_measures_it(run: Run, clock: Clock) -> None:
    step(run, clock, 3)
    step(run, clock, 1, "epoch")
    state = report("id", run)
    assert (state["batch"], state["epoch"], state["batch_in_epoch"]) == (8, 1, 0)
    assert state["test_batch"] == 8
    step(run, clock, 2, "epoch")
    assert run.loop.batch == 24
    assert {8, 16, 24} <= {batch for batch, _, _ in run.series.tests()}


def test_steps_and_play_give_the_same_bits(make_run: MakeRun, clock: Clock) -> None:
    stepped, played = make_run(), make_run()
    for _ in range(5 * 5):
        step(stepped, clock, unit="phase")
    played.command({"type": "play"})
    work(played, clock, until=lambda: played.loop.batch >= 5)
    played.command({"type": "pause"})
    step(played, clock, 5 - played.loop.batch) if played.loop.batch < 5 else None
    step(stepped, clock, played.loop.batch - 5) if played.loop.batch > 5 else None
    assert same_bits(snapshot(stepped), snapshot(played))


def test_pause_rests_at_once_in_mid_batch_too(run: Run, clock: Clock) -> None:
    run.command({"type": "set", "speed": 1.0})
    run.command({"type": "play"})
    assert run.state == "playing"
    work(run, clock, until=lambda: run.loop.phase is Phase.FORWARD)
    run.command({"type": "pause"})
    assert run.state == "paused"
    work(run, clock)
    assert run.loop.phase is Phase.FORWARD


def test_a_speed_spaces_the_phases(run: Run, clock: Clock) -> None:
    clock.tick = 0
    run.command({"type": "set", "speed": 2.0})
    run.command({"type": "play"})
    versions = []
    for _ in range(8):
        work(run, clock, until=lambda: run.wait() != 0)
        versions.append((run.loop.phase, run.wait()))
        clock.now += 0.5
    phases = [*Phase, *Phase]
    assert [phase for phase, _ in versions] == phases[:8]
    assert all(wait == pytest.approx(0.5) for _, wait in versions)


def test_speed_is_no_part_of_the_log(run: Run) -> None:
    run.command({"type": "set", "speed": 20})
    assert run.pace.speed == 20
    assert run.recipe.actions == []
    run.command({"type": "set", "speed": None})
    assert run.pace.speed is None


def test_the_rate_is_measured_while_playing(run: Run, clock: Clock) -> None:
    run.command({"type": "play"})
    work(run, clock, until=lambda: run.loop.batch >= 20)
    assert 0 < run.batches_per_second < 2000
    run.command({"type": "pause"})
    assert run.batches_per_second == 0


def test_a_change_of_settings_holds_from_the_next_batch_and_is_logged(
    run: Run, clock: Clock
) -> None:
    step(run, clock, 3)
    run.command({"type": "set", "learning_rate": 0.01, "batch_size": 50})
    step(run, clock, 1)
    assert column(run.series, "learning_rate") == [0.001] * 3 + [0.01]
    assert len(run.loop.tensor("batch.y")) == 50
    assert report("id", run)["actions"] == [
        {"batch": 3, "set": {"learning_rate": 0.01, "batch_size": 50}}
    ]


def test_setting_what_is_so_already_is_no_change(run: Run) -> None:
    run.command({"type": "set", "learning_rate": 0.001, "batch_size": 128, "optimizer": "rmsprop"})
    assert run.recipe.actions == []


def test_another_optimizer_keeps_the_learning_rate_unless_it_names_one(run: Run) -> None:
    run.command({"type": "set", "learning_rate": 0.02})
    run.command({"type": "set", "optimizer": "adam"})
    assert report("id", run)["optimizer"] == {"name": "adam", "learning_rate": 0.02}
    run.command({"type": "set", "optimizer": {"name": "sgd", "learning_rate": 0.5}})
    assert report("id", run)["optimizer"] == {
        "name": "sgd",
        "learning_rate": 0.5,
        "momentum": 0.0,
    }


def test_in_mid_batch_the_batch_size_waits_for_the_next_draw(run: Run, clock: Clock) -> None:
    step(run, clock, 2, "phase")
    run.command({"type": "set", "batch_size": 50, "learning_rate": 0.01})
    assert report("id", run)["actions"] == [
        {"batch": 0, "set": {"learning_rate": 0.01}},
        {"batch": 1, "set": {"batch_size": 50}},
    ]
    step(run, clock)
    assert len(run.loop.tensor("batch.y")) == 128
    step(run, clock)
    assert len(run.loop.tensor("batch.y")) == 50


@pytest.mark.parametrize(
    "command",
    [
        {"learning_rate": -1.0},
        {"learning_rate": 0.0},
        {"momentum": 0.5},  # rmsprop has none
        {"batch_size": 64, "learning_rate": math.inf},
    ],
)
def test_settings_that_do_not_fit_change_nothing(run: Run, command: dict[str, Any]) -> None:
    before = report("id", run)
    error = refusal(run, {"type": "set", **command})
    assert (error.code, error.status) == ("invalid_configuration", 422)
    assert "expected" in error.message
    assert report("id", run) == before


def test_the_log_of_changes_has_an_end(
    run: Run, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MAX_ACTIONS", 3)
    run.command({"type": "set", "learning_rate": 0.02})
    step(run, clock, unit="phase")
    run.command({"type": "set", "learning_rate": 0.02, "batch_size": 50})  # of the next batch
    assert len(run.recipe.actions) == 2
    step(run, clock)
    assert refusal(run, {"type": "set", "learning_rate": 0.03}).code == "too_many_changes"
    assert run.loop.learning_rate == 0.02


def test_a_run_has_an_end(run: Run, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "MAX_BATCHES", 3)
    run.command({"type": "play"})
    work(run, clock)
    assert (run.state, run.loop.batch) == ("paused", 3)
    assert refusal(run, {"type": "play"}).code == "run_too_long"
    run.command({"type": "reset"})
    step(run, clock)
    assert run.loop.batch == 1


def test_a_command_in_the_midst_of_a_step_takes_its_place(run: Run) -> None:
    run.command({"type": "step", "unit": "epoch", "count": 5})
    assert run.state == "stepping"
    run.command({"type": "play"})
    assert run.state == "playing"
    run.command({"type": "pause"})
    assert run.state == "paused"


def test_steps_of_the_same_unit_add_up_and_others_take_their_place(run: Run, clock: Clock) -> None:
    for unit, count in (("epoch", 5), ("batch", 2), ("batch", 1)):
        run.command({"type": "step", "unit": unit, "count": count})
    work(run, clock)
    assert run.loop.batch == 3


def test_reset_forgets_the_change_made_by_hand(run: Run, clock: Clock) -> None:
    step(run, clock)
    change = {"tensor": "layer1.bias", "index": [0], "value": 0.5}
    run.command({"type": "set_weight", **change})
    assert report("id", run)["edit"] is not None
    run.command({"type": "reset"})
    assert report("id", run)["edit"] is None


@pytest.mark.parametrize(
    ("losses", "sound"), [([1, 0.5, 2, 2.1, 15], 2), ([1, 3, 9], 0), ([2, 9, 3.9], 2), ([], 0)]
)
def test_a_loss_is_sound_up_to_twice_the_first(run: Run, losses: list[float], sound: int) -> None:
    for loss in losses:
        run.series.append(loss=loss, accuracy=0.5, learning_rate=0.1, gradient_norm=1.0)
    assert run._last_sound_batch() == sound


def test_reset_starts_again_with_the_same_bits_and_keeps_the_settings(
    make_run: MakeRun, clock: Clock
) -> None:
    run = make_run(seed=7)
    fresh = snapshot(run)
    run.command({"type": "set", "optimizer": "adam", "batch_size": 50, "speed": None})
    step(run, clock, 3)
    run.command({"type": "set", "learning_rate": 0.02})
    run.command({"type": "reset"})
    state = report("id", run)
    assert (state["batch"], state["furthest"], state["timeline"]) == (0, 0, 1)
    assert state["optimizer"] == {"name": "adam", "learning_rate": 0.02}
    assert state["batch_size"] == 50
    assert state["actions"] == [
        {"batch": 0, "set": {"optimizer": state["optimizer"], "batch_size": 50}}
    ]
    again = snapshot(run)
    assert all((again[name] == fresh[name]).all() for name in fresh if name in again)
    other = make_run(seed=7, optimizer={"name": "adam", "learning_rate": 0.02}, batch_size=50)
    step(run, clock, 4)
    step(other, clock, 4)
    assert same_bits(snapshot(run), snapshot(other))


def test_reset_keeps_a_changed_learning_rate_of_the_same_optimizer(run: Run) -> None:
    run.command({"type": "set", "learning_rate": 0.02})
    run.command({"type": "reset"})
    assert run.loop.learning_rate == 0.02
    assert report("id", run)["actions"] == [{"batch": 0, "set": {"learning_rate": 0.02}}]


def test_what_a_reset_discards_is_trained_again_to_the_same_bits(run: Run, clock: Clock) -> None:
    step(run, clock, 3)
    run.command({"type": "set", "learning_rate": 0.02})
    step(run, clock, 4)
    before, actions, series = snapshot(run), report("id", run)["actions"], run.series.to_json(1)
    for _ in range(2):  # a second one in a row takes nothing away
        run.command({"type": "reset"})
        told = {"batches": 7, "changes": 1, "pending": None}
        assert report("id", run)["discarded"] == told
    run.command({"type": "undo"})
    assert run.history.pending == 7
    work(run, clock)
    assert same_bits(snapshot(run), before)
    assert report("id", run)["actions"] == actions
    assert report("id", run)["discarded"] is None
    assert run.series.to_json(1) == series
    assert report("id", run)["state"] == "paused"
    assert report("id", run)["pending"] is None


def test_what_lay_ahead_of_a_recipe_lies_ahead_again(run: Run, clock: Clock) -> None:
    run.history.follows_to = 9
    step(run, clock, 2)
    run.command({"type": "reset"})
    assert report("id", run)["pending"] is None
    assert report("id", run)["discarded"] == {"batches": 2, "changes": 0, "pending": 9}
    run.command({"type": "undo"})
    work(run, clock)
    state = report("id", run)
    assert (state["batch"], state["pending"]) == (2, 9)


def test_a_recipe_that_nobody_has_followed_yet_comes_back_too(run: Run, clock: Clock) -> None:
    run.history.follows_to = 9
    run.command({"type": "reset"})
    assert report("id", run)["discarded"] == {"batches": 0, "changes": 0, "pending": 9}
    run.command({"type": "undo"})
    work(run, clock)
    state = report("id", run)
    assert (state["state"], state["batch"], state["pending"]) == ("paused", 0, 9)


def test_so_does_a_weight_set_before_anything_was_trained(run: Run, clock: Clock) -> None:
    edit = {"tensor": "layer1.weights", "index": [1, 400], "value": 0.5}
    run.command({"type": "set_weight", **edit})
    run.command({"type": "reset"})
    assert run.loop.tensor("layer1.weights")[1, 400] != 0.5
    run.command({"type": "undo"})
    work(run, clock)
    assert run.loop.tensor("layer1.weights")[1, 400] == 0.5
    assert (report("id", run)["state"], len(run.recipe.actions)) == ("paused", 1)


def test_of_a_recipe_followed_to_its_end_nothing_lies_ahead(run: Run, clock: Clock) -> None:
    run.history.follows_to = 2
    step(run, clock, 2)
    run.command({"type": "reset"})
    assert report("id", run)["discarded"] == {"batches": 2, "changes": 0, "pending": None}


@pytest.mark.parametrize("follows_to", [None, 2])
def test_what_is_ahead_when_training_again_is_cut_short_stays_ahead(
    run: Run, clock: Clock, follows_to: int | None
) -> None:
    run.history.follows_to = follows_to
    step(run, clock, 7)
    run.command({"type": "reset"})
    run.command({"type": "undo"})
    work(run, clock, until=lambda: run.loop.batch >= 3)
    run.command({"type": "pause"})
    work(run, clock)
    batch = run.loop.batch
    assert 3 <= batch < 7
    assert report("id", run)["pending"] == 7


@pytest.mark.parametrize(
    "since",
    [{"type": "step", "unit": "batch", "count": 1}, {"type": "set", "learning_rate": 0.5}],
)
def test_a_reset_stands_once_something_is_trained_or_changed(
    run: Run, clock: Clock, since: dict[str, Any]
) -> None:
    step(run, clock, 3)
    run.command({"type": "reset"})
    run.command(since)
    work(run, clock)
    assert run.history.discarded is None
    assert refusal(run, {"type": "undo"}).code == "nothing_to_undo"


def test_a_reset_of_nothing_discards_nothing(run: Run) -> None:
    run.command({"type": "reset"})
    assert run.history.discarded is None


def exploded(run: Run, clock: Clock) -> Run:
    step(run, clock, 3)
    run.command({"type": "set", "optimizer": {"name": "sgd", "learning_rate": 1e9}})
    run.command({"type": "play"})
    work(run, clock)
    return run


def test_numbers_that_explode_stop_the_run_at_the_last_finite_state(run: Run, clock: Clock) -> None:
    exploded(run, clock)
    state = report("id", run)
    assert state["state"] == "failed"
    assert state["error"]["code"] == "not_finite"
    stopped = f"training has stopped in batch {state['batch'] + 1}: its "
    assert state["error"]["message"].startswith(stopped)
    assert state["error"]["message"].endswith(", not a finite number")
    assert state["batch"] == state["furthest"] >= 3
    assert "go back to batch 3, before the loss rose" in state["error"]["hint"]
    assert state["sound"] == 3
    for array in snapshot(run).values():
        assert math.isfinite(array.sum(dtype="float64"))
    for kind in ("play", "step"):
        command = {"type": kind, "unit": "batch", "count": 1}
        refused = refusal(run, command)
        assert (refused.code, refused.message) == ("run_failed", state["error"]["message"])


def test_a_failed_run_goes_on_after_a_seek_back(run: Run, clock: Clock) -> None:
    exploded(run, clock)
    run.command({"type": "seek", "batch": 3})
    work(run, clock)
    assert (run.state, run.loop.batch) == ("paused", 3)
    assert report("id", run)["sound"] is None
    run.command({"type": "set", "optimizer": "rmsprop", "learning_rate": 0.001})
    step(run, clock)
    assert run.loop.batch == 4


def test_the_tensors_of_the_batch_before_a_failure_are_there_again(run: Run, clock: Clock) -> None:
    exploded(run, clock)
    failed = snapshot(run)
    assert "layer1.weights.gradient" in failed
    run.command({"type": "seek", "batch": run.furthest})
    work(run, clock, until=lambda: not run.seeking)
    assert run.error is None
    assert same_bits(snapshot(run), failed)


def test_a_failed_run_can_be_reset(run: Run, clock: Clock) -> None:
    step(run, clock, 3)
    run.command({"type": "set", "optimizer": {"name": "sgd", "learning_rate": 1e9}})
    run.command({"type": "play"})
    work(run, clock, until=lambda: run.error is not None)
    run.command({"type": "reset"})
    assert run.state == "paused"
    assert run.error is None
    assert run.loop.learning_rate == 1e9


DEEP = [*[{"units": 4, "activation": "relu"}] * 7, {"units": 10, "activation": "softmax"}]


def made_huge_by_hand(make_run: MakeRun, clock: Clock, batch: int) -> Run:
    """A run whose layers, at that batch, each multiply by a million what they get."""
    run = make_run(layers=DEEP)
    if batch > 0:
        step(run, clock, batch)
    places = [("bias", 1, [0]), *[("weights", layer, [0, 0]) for layer in range(2, 7)]]
    for kind, layer, index in places:
        change = {"tensor": f"layer{layer}.{kind}", "index": index, "value": 1e6}
        run.command({"type": "set_weight", **change})
    return run


@pytest.mark.parametrize("batch", [0, 3])
def test_weights_made_too_large_by_hand_are_blamed_and_not_the_learning_rate(
    make_run: MakeRun, clock: Clock, batch: int
) -> None:
    run = made_huge_by_hand(make_run, clock, batch)
    run.command({"type": "play"})
    work(run, clock)
    state = report("id", run)
    assert (state["state"], state["batch"], state["sound"]) == ("failed", batch, None)
    assert state["error"]["hint"] == (
        f"Weights changed by hand at batch {batch} have become too large, and no batch has been "
        "trained since: undo that, or reset."
    )
    while run.can_undo:
        run.command({"type": "undo"})
        work(run, clock)
    step(run, clock)
    assert (run.state, run.loop.batch) == ("paused", batch + 1)


def test_what_cannot_be_undone_any_more_is_not_to_be_undone(
    make_run: MakeRun, clock: Clock
) -> None:
    run = made_huge_by_hand(make_run, clock, 0)
    run.command({"type": "set", "learning_rate": 1e-6})
    run.command({"type": "play"})
    work(run, clock)
    assert run.error is not None
    assert run.error.hint.endswith("trained since: reset.")
    run.command({"type": "reset"})
    step(run, clock)
    assert run.loop.batch == 1


def test_where_nothing_has_been_trained_or_changed_the_initial_weights_are_blamed(
    run: Run, clock: Clock
) -> None:
    run.loop.network.parameters.flat[:] = 1e30
    run.command({"type": "play"})
    work(run, clock)
    assert run.error is not None
    assert run.error.hint.startswith("No step has been made yet: its initial weights are too large")
    assert report("id", run)["sound"] is None


def test_every_change_a_viewer_could_see_raises_the_version(run: Run, clock: Clock) -> None:
    for command in (
        {"type": "step", "unit": "phase", "count": 1},
        {"type": "set", "learning_rate": 0.01},
        {"type": "set", "speed": 10.0},
        {"type": "reset"},
    ):
        before = run.version
        run.command(command)
        assert run.version > before
        work(run, clock)


def test_where_it_has_gone_back_it_is_measured_again(run: Run, clock: Clock) -> None:
    for _ in range(2):
        step(run, clock)
        work(run, clock)
    tests = run.series.tests()
    run.command({"type": "seek", "batch": 1})
    work(run, clock)
    assert run.measuring.last is not None
    assert run.measuring.last.batch == 1  # else the mistakes shown are those of batch 2
    assert run.series.tests() == tests


def test_while_it_plays_it_is_measured_now_and_then(run: Run, clock: Clock) -> None:
    run.command({"type": "play"})
    work(run, clock, until=lambda: run.loop.batch > 24)
    measured = [batch for batch, _, _ in run.series.tests()]
    assert {8, 16, 24} <= set(measured)
    assert measured == sorted(measured)
