"""The interface to runs over REST, on a real server."""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load

from engine import Sequential, load_mnist
from tests.support.client import Run, State, Visitor, answer

STATE_FIELDS = {
    *("id", "config", "actions", "state", "batch", "epoch", "phase", "next_phase"),
    *("batch_in_epoch", "batches_per_epoch", "loss", "accuracy"),
    *("test_loss", "test_accuracy", "test_batch"),
    *("name", "branched_from", "pending", "saved", "restored"),
    *("optimizer", "step_optimizer", "learning_rate", "batch_size", "speed", "batches_per_second"),
    *("furthest", "timeline", "parameters", "tensors", "views", "error", "edit"),
    *("trained_apart", "version"),
    *("can_undo", "discarded", "sound"),
}
EXAMPLE = {
    "dataset": "mnist",
    "layers": [{"units": 512, "activation": "relu"}, {"units": 10, "activation": "softmax"}],
    "loss": "categorical_crossentropy",
    "optimizer": {"name": "rmsprop", "learning_rate": 0.001},
    "batch_size": 128,
    "seed": 0,
    "dtype": "float32",
}


@pytest.fixture
def run(visitor: Visitor) -> Run:
    return visitor.make_run()


def strict_json(text: str) -> Any:
    """Read JSON that must hold no NaN and no infinity."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} in {text[:200]}")

    return json.loads(text, parse_constant=refuse)


def test_a_run_made_of_nothing_is_the_example(visitor: Visitor) -> None:
    response = visitor.http.post("/api/runs")
    assert response.status_code == 201
    made = response.json()
    assert set(made) == STATE_FIELDS | {"key"}
    assert made["config"] == EXAMPLE
    assert made["parameters"] == 407_050
    assert (made["state"], made["batch"], made["phase"], made["loss"]) == ("paused", 0, None, None)
    assert made["batches_per_epoch"] == 469
    assert len(made["id"]) == 32
    assert response.headers["location"] == f"/api/runs/{made['id']}"
    assert set(Run(visitor.http, made).state()) == STATE_FIELDS


@pytest.mark.parametrize("body", ["{}", "null"])
def test_an_empty_configuration_is_the_example_too(visitor: Visitor, body: str) -> None:
    headers = {"content-type": "application/json"}
    response = visitor.http.post("/api/runs", content=body, headers=headers)
    assert response.status_code == 201
    assert response.json()["config"] == EXAMPLE


def test_a_recipe_may_leave_out_everything_and_goes_to_its_last_change(visitor: Visitor) -> None:
    run = visitor.make_run_of({})
    assert (run.made["config"], run.made["pending"]) == (EXAMPLE, None)
    actions = [{"batch": 9, "set": {"learning_rate": 0.01}}]
    assert visitor.make_run_of({"actions": actions, "batches": 5}).made["pending"] == 9


def test_an_optimizer_without_a_name_is_the_examples(visitor: Visitor) -> None:
    run = visitor.make_run(optimizer={"learning_rate": 0.01})
    assert run.made["config"]["optimizer"] == {"name": "rmsprop", "learning_rate": 0.01}


@pytest.mark.parametrize(
    "config",
    [
        {"layers": [{"units": 10, "activation": "softmax"}]},
        {"layers": [{"units": 8, "activation": a} for a in ("tanh", "sigmoid", "linear")]
         + [{"units": 10, "activation": "sigmoid"}], "loss": "mean_squared_error"},
        {"optimizer": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9}},
        {"optimizer": {"name": "adam"}},
        {"optimizer": "adam"},
        {"batch_size": 1},
        {"batch_size": 4096},
        {"seed": 2**63 - 1},
        {"dtype": "float64"},
    ],
)  # fmt: skip
def test_every_kind_of_configuration_trains(visitor: Visitor, config: dict[str, Any]) -> None:
    run = visitor.make_run(**config)
    state = run.step(2)
    assert state["batch"] == 2
    assert state["error"] is None
    assert run.tensor("layer1.weights").dtype == state["config"]["dtype"]
    for name in set(config) - {"optimizer"}:
        assert state["config"][name] == config[name]


def test_two_runs_of_one_seed_have_the_same_numbers(visitor: Visitor) -> None:
    runs = [visitor.make_run(seed=5) for _ in range(3)]
    for run in runs:
        run.step(3)
    series = [run.series()["loss"] for run in runs]
    assert series[0] == series[1] == series[2]
    other = visitor.make_run(seed=6)
    other.step(3)
    assert other.series()["loss"] != series[0]


def test_play_and_pause(run: Run) -> None:
    assert run.command("play")["state"] == "playing"
    state = run.until(lambda state: state["batch"] > 50)
    assert state["state"] == "playing"
    assert state["batches_per_second"] > 0
    paused = run.command("pause")
    assert (paused["state"], paused["batches_per_second"]) == ("paused", 0)


def test_pause_stops_within_one_batch(run: Run) -> None:
    run.command("play")
    before = run.until(lambda state: state["batch"] > 20)["batch"]
    paused = run.command("pause")
    assert paused["batch"] >= before
    for _ in range(3):
        state = run.state()
        assert (state["batch"], state["furthest"]) == (paused["batch"], paused["furthest"])
        assert state["next_phase"] == "draw"
    assert run.series()["to_batch"] == paused["batch"]


def test_stepping_by_phase_batch_and_epoch(visitor: Visitor) -> None:
    run = visitor.make_run(batch_size=2000)
    phases = [run.step(unit="phase")["phase"] for _ in range(6)]
    assert phases == ["draw", "forward", "loss", "backward", "update", "draw"]
    assert run.state()["batch"] == 1
    assert run.step()["batch"] == 2
    assert run.step(3)["batch"] == 5
    state = run.step(unit="epoch")
    assert (state["batch"], state["epoch"], state["batch_in_epoch"]) == (30, 1, 0)
    assert state["test_batch"] == 30
    assert 0 < state["test_accuracy"] <= 1


def test_a_long_step_is_answered_as_under_way(run: Run) -> None:
    state = run.command("step", unit="epoch", count=1000)
    assert state["state"] == "stepping"
    assert run.command("pause")["state"] == "paused"


def test_loss_falls_and_test_accuracy_rises(visitor: Visitor) -> None:
    run = visitor.make_run()
    run.command("step", unit="epoch", count=1)
    state = run.at_rest()
    series = run.series()
    assert np.mean(series["loss"][-50:]) < 0.5 * np.mean(series["loss"][:50])
    assert state["test_accuracy"] > 0.85
    assert [state["test_batch"], state["test_loss"], state["test_accuracy"]] == series["test"][-1]


def test_a_learning_rate_set_while_playing_is_used_from_the_next_batch_on(
    visitor: Visitor,
) -> None:
    run = visitor.make_run(optimizer={"name": "sgd", "learning_rate": 0.01})
    run.command("play")
    run.until(lambda state: state["batch"] > 20)
    rates = {}
    for rate in (0.02, 0.03, 0.04):
        state = run.command("set", learning_rate=rate)
        assert (state["learning_rate"], state["state"]) == (rate, "playing")
        rates[state["actions"][-1]["batch"]] = rate
        assert state["actions"][-1] == {"batch": state["batch"], "set": {"learning_rate": rate}}
        run.until(lambda now, at=state["batch"]: now["batch"] > at + 10)  # type: ignore[misc]
    run.command("pause")
    used = run.series()["learning_rate"]
    changes = sorted(rates)
    expected = []
    for rate, (start, stop) in zip(
        (0.01, *rates.values()), itertools.pairwise([0, *changes, len(used)]), strict=True
    ):
        expected += [rate] * (stop - start)
    assert used == expected
    # The numbers themselves say so: under SGD step = -rate * gradient.
    for batch in (changes[0], changes[0] + 1):
        moved, gradient = (run.tensor(f"layer2.weights.{n}", batch) for n in ("step", "gradient"))
        used_here = 0.01 if batch == changes[0] else 0.02
        assert np.allclose(moved, -used_here * gradient, rtol=1e-5, atol=0)


def test_several_settings_are_applied_together_or_not_at_all(run: Run) -> None:
    state = run.command("set", optimizer="adam", learning_rate=0.01, batch_size=64, speed=50)
    assert state["optimizer"] == {"name": "adam", "learning_rate": 0.01}
    assert (state["batch_size"], state["speed"]) == (64, 50)
    assert "layer1.weights.m" in {view["view"] for view in state["views"]}
    refused = run.post({"type": "set", "learning_rate": 0.5, "batch_size": 0})
    assert refused.status_code == 422
    assert run.state()["learning_rate"] == 0.01
    assert run.command("set", speed=None)["speed"] is None


def test_a_slow_speed_is_kept_and_can_be_raised(run: Run) -> None:
    run.command("set", speed=0.01)
    run.command("play")
    run.until(lambda state: state["phase"] == "draw")
    assert run.command("set", speed=None)["speed"] is None
    run.until(lambda state: state["batch"] > 5)


def test_seek_goes_back_and_forward_to_the_same_numbers(run: Run) -> None:
    run.step(40)
    weights = run.tensor("layer1.weights")
    assert run.command("seek", batch=7)["batch"] == 7
    state = run.at_rest()
    assert (state["state"], state["batch"], state["furthest"]) == ("paused", 7, 40)
    assert state["loss"] == run.series()["loss"][6]
    run.command("seek", batch=40)
    assert run.at_rest()["batch"] == 40
    assert np.array_equal(run.tensor("layer1.weights"), weights)
    assert run.command("seek", batch=40)["state"] == "paused"
    run.command("seek", batch=0)
    assert run.at_rest()["phase"] is None


def test_reset_keeps_the_settings_and_starts_again(run: Run) -> None:
    start = run.tensor("layer1.weights")
    run.command("set", learning_rate=0.01)
    run.step(5)
    state = run.command("reset")
    assert (state["batch"], state["furthest"], state["timeline"]) == (0, 0, 1)
    assert state["learning_rate"] == 0.01
    assert np.array_equal(run.tensor("layer1.weights"), start)
    assert run.series()["loss"] == []


def test_the_series_starts_where_it_is_asked_to(run: Run) -> None:
    run.step(10)
    whole = run.series()
    assert (whole["from_batch"], whole["to_batch"], whole["timeline"]) == (1, 10, 0)
    assert all(len(whole[name]) == 10 for name in ("loss", "accuracy", "gradient_norm"))
    assert whole["learning_rate"] == [0.001] * 10
    part = run.series(8)
    assert (part["from_batch"], part["loss"]) == (8, whole["loss"][7:])
    assert run.series(0)["loss"] == whole["loss"]
    assert run.series(11)["loss"] == run.series(10**30)["loss"] == []
    assert run.state()["loss"] == whole["loss"][-1]


def test_the_series_begins_with_the_measurement_of_the_untrained_network(run: Run) -> None:
    run.until(lambda state: state["test_batch"] == 0)
    run.step(2)
    run.until(lambda state: state["test_batch"] == 2)
    measured = {first: [row[0] for row in run.series(first)["test"]] for first in (None, 0, 1, 3)}
    assert measured == {None: [0, 2], 0: [0, 2], 1: [2], 3: []}


def test_every_tensor_of_the_state_can_be_read(run: Run) -> None:
    for _ in range(7):
        for name in run.step(unit="phase")["tensors"]:
            assert run.tensor(name).size > 0
    assert run.tensor("batch.x").shape == (128, 784)
    assert run.tensor("layer1.activations").shape == (128, 16)
    assert run.tensor("layer1.weights.v").shape == (16, 784)
    assert run.tensor("loss.per_sample").shape == (128,)


def test_the_numbers_of_a_batch_belong_together(run: Run) -> None:
    before = {name: run.tensor(name) for name in ("layer1.weights", "layer2.bias")}
    state = run.step()
    for name, w0 in before.items():
        assert np.array_equal(run.tensor(name), w0 + run.tensor(f"{name}.step"))
    x, y = run.tensor("batch.x"), run.tensor("batch.y")
    (images, labels), _ = load_mnist()
    for pixels, label in zip(x[:5], y[:5], strict=True):
        places = np.flatnonzero((images == pixels).all(axis=1))
        assert label in labels[places]
    hidden = np.maximum(x @ before["layer1.weights"].T, 0)
    assert np.allclose(run.tensor("layer1.activations"), hidden, atol=1e-5)
    losses = -np.log(run.tensor("layer2.activations")[np.arange(128), y])
    assert np.allclose(run.tensor("loss.per_sample"), losses, atol=1e-5)
    assert state["loss"] == pytest.approx(losses.mean(), rel=1e-5)


def test_tensors_of_earlier_batches_are_those_read_at_the_time(run: Run) -> None:
    names = ("batch.x", "layer1.weights", "layer1.weights.step", "layer2.weights.gradient")
    then = {}
    for batch in range(1, 6):
        run.step()
        then[batch] = {name: run.tensor(name) for name in names}
    run.command("set", optimizer="adam", learning_rate=0.02, batch_size=50)
    run.command("play")
    for batch in (3, 1, 5):
        for name in names:
            assert np.array_equal(run.tensor(name, batch), then[batch][name])
    assert run.state()["state"] == "playing"
    run.command("pause")


def test_the_network_is_a_safetensors_file_that_the_engine_loads(
    run: Run, visitor: Visitor, tmp_path: Path
) -> None:
    run.step(20)
    response = visitor.http.get(f"{run.path}/weights")
    assert response.status_code == 200
    tensors = load(response.content)
    assert set(tensors) == {f"layer{n}.{kind}" for n in (1, 2) for kind in ("weights", "bias")}
    for name, array in tensors.items():
        assert np.array_equal(array, run.tensor(name))
    path = tmp_path / "network.safetensors"
    path.write_bytes(response.content)
    network = Sequential.load(path)
    _, (images, _) = load_mnist()
    pixels = np.rint(images[0] * 255).reshape(28, 28)
    read = answer(
        visitor.http.post(f"/api/classify?run={run.id}", json={"pixels": pixels.tolist()})
    )
    prepared = np.array([read["pixels"]], np.float32).reshape(1, 784) / 255
    assert np.allclose(network.predict(prepared)[0], read["probabilities"], atol=1e-6)


def explode(run: Run) -> State:
    run.step(3)
    run.command("set", optimizer={"name": "sgd", "learning_rate": 1e9})
    run.command("play")
    return run.until(lambda state: state["state"] != "playing")


def test_numbers_that_explode_fail_with_a_clear_error_and_the_last_state_is_kept(
    run: Run, visitor: Visitor
) -> None:
    state = explode(run)
    assert state["state"] == "failed"
    assert state["error"]["code"] == "not_finite"
    assert state["error"]["hint"]
    for path in ("", "/series"):
        strict_json(visitor.http.get(run.path + path).text)
    for name in state["tensors"]:
        assert np.isfinite(run.tensor(name)).all()
    refused = run.post({"type": "play"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "run_failed")
    assert run.command("reset")["state"] == "paused"
    run.command("set", optimizer="rmsprop", learning_rate=0.001)
    assert run.step(5)["batch"] == 5


def test_a_failed_run_goes_on_from_an_earlier_batch(run: Run) -> None:
    explode(run)
    run.command("seek", batch=3)
    run.at_rest()
    run.command("set", learning_rate=0.01)
    assert run.step(5)["batch"] == 8


@pytest.mark.parametrize(
    ("set_first", "then", "wanted"),
    [
        ({"learning_rate": 0.01}, {"optimizer": "adam"}, {"name": "adam", "learning_rate": 0.01}),
        (
            {"learning_rate": 0.01},
            {"optimizer": {"name": "adam", "learning_rate": 0.02}},
            {"name": "adam", "learning_rate": 0.02},
        ),
        (
            {"optimizer": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.5}},
            {"optimizer": {"name": "sgd", "learning_rate": 0.2}},
            {"name": "sgd", "learning_rate": 0.2, "momentum": 0.5},
        ),
        (
            {"optimizer": {"name": "sgd", "momentum": 0.5}},
            {"optimizer": "rmsprop"},
            {"name": "rmsprop", "learning_rate": 0.001},
        ),
    ],
)
def test_a_change_of_optimizer_is_the_same_in_a_recipe_a_command_and_a_branch(
    visitor: Visitor, set_first: State, then: State, wanted: State
) -> None:
    told = visitor.make_run()
    for settings in (set_first, then):
        batch = told.step()["batch"]
        branch = visitor.branch(told, batch, settings)
        told.command("set", **settings)
    branch.step()
    assert told.step()["optimizer"] == wanted
    actions = [{"batch": 1, "set": set_first}, {"batch": 2, "set": then}]
    recipe = {"config": told.made["config"], "actions": actions, "batches": 3}
    followed = visitor.make_run_of(recipe)
    again = visitor.make_run_of(followed.recipe())
    for run in (followed, again):
        run.command("seek", batch=3)
    for run in (branch, followed, again):
        assert run.at_rest()["optimizer"] == wanted
        for name in ("loss", "learning_rate"):
            assert run.series()[name] == told.series()[name]
