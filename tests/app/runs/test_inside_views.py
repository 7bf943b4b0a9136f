"""What lies behind a number, and what the running code has computed: the API's tensors, cut."""

import json
from typing import Any

import numpy as np
import pytest

from app.runs.report import moving_report
from app.runs.run import Run
from app.runs.views import encode_view
from engine import Phase
from engine.program import program
from tests.support.runs import Clock
from tests.support.training import step
from tests.support.watcher import View


def view_of(run: Run, name: str) -> View:
    data = encode_view(run, name, {})
    assert data is not None
    return View.read(data)


def values_of(run: Run) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(view_of(run, "values").metadata["values"])
    return values


def test_the_values_are_those_of_every_computed_tensor(run: Run, clock: Clock) -> None:
    step(run, clock, 2)
    values = values_of(run)
    assert set(values) == {*run.loop.computed_tensor_names(), "loss"}
    for name in run.loop.computed_tensor_names():
        tensor = run.loop.tensor(name)
        assert values[name]["shape"] == list(tensor.shape)
        assert values[name]["largest"] == pytest.approx(float(np.abs(tensor).max()))
    assert values["loss"] == {"shape": [], "largest": pytest.approx(run.loop.last_loss)}


def test_there_are_no_values_before_anything_has_run(run: Run) -> None:
    assert "values" not in view_of(run, "values").metadata


def test_the_parameters_that_were_used_are_told_whatever_has_been_set_since(
    run: Run, clock: Clock
) -> None:
    step(run, clock)
    step(run, clock, 4, "phase")
    before = view_of(run, "inside/0/1/2").tensors
    assert not {"bias.step", "weights.before", "bias.before"} & set(before)
    step(run, clock, 1, "phase")
    after = view_of(run, "inside/0/1/2").tensors
    for name in ("weights", "bias"):
        assert after[f"{name}.before"] == pytest.approx(before[name], abs=1e-7)
        assert np.array_equal(after[name] - after[f"{name}.step"], after[f"{name}.before"])
    run.command({"type": "set_weight", "tensor": "layer1.weights", "index": [1, 5], "value": 2.0})
    run.command({"type": "set_weight", "tensor": "layer1.bias", "index": [1], "value": 3.0})
    changed = view_of(run, "inside/0/1/2").tensors
    assert (changed["weights"][5], changed["bias"][0]) == (2.0, 3.0)
    for name in ("weights.before", "bias.before"):
        assert np.array_equal(changed[name], after[name])


def test_before_a_batch_has_its_own_the_step_of_the_last_is_not_there(
    run: Run, clock: Clock
) -> None:
    step(run, clock, 2)
    for phases, has_gradient in enumerate((True, False, False, False, True)):
        if phases:
            step(run, clock, 1, "phase")
        tensors = view_of(run, "inside/0/1/2").tensors
        assert ("weights.gradient" in tensors) == has_gradient
        assert ("weights.step" in tensors) == (phases == 0)


@pytest.mark.parametrize(
    "change",
    [
        {"learning_rate": 0.5},
        {"momentum": 0.0},
        {"optimizer": {"name": "adam", "learning_rate": 0.001}},
    ],
)
def test_a_step_is_told_with_the_optimizer_that_made_it(
    run: Run, clock: Clock, change: dict[str, Any]
) -> None:
    run.command(
        {"type": "set", "optimizer": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9}}
    )
    step(run, clock)
    made_by = run.loop.optimizer.config()
    run.command({"type": "set", **change})
    weight = json.loads(view_of(run, "inside/0/1/2").metadata["weight"])
    assert weight["optimizer"] == made_by
    told = moving_report(run)
    assert told["step_optimizer"] == {key: made_by[key] for key in told["step_optimizer"]}
    assert told["optimizer"] != told["step_optimizer"]
    assert program(run.loop)[Phase.UPDATE][0].function == "SGD.update"
    assert not {"m", "v"} & set(weight), "the new one has made no step"
    step(run, clock)
    weight = json.loads(view_of(run, "inside/0/1/2").metadata["weight"])
    assert weight["optimizer"] == run.loop.optimizer.config() != made_by
    told = moving_report(run)
    assert told["optimizer"] == told["step_optimizer"]
    kind = type(run.loop.optimizer).__name__
    assert program(run.loop)[Phase.UPDATE][0].function == f"{kind}.update"
    assert ("v" in weight) == (weight["optimizer"]["name"] == "adam")


def test_the_loop_says_what_each_digit_was_taken_for(run: Run, clock: Clock) -> None:
    step(run, clock)
    view = view_of(run, "loop/0")
    last = len(run.recipe.config["layers"])
    expected = run.loop.tensor(f"layer{last}.activations").argmax(axis=1)
    assert view.tensors["loss.answers"].tolist() == expected[:128].tolist()
    right = view.tensors["loss.answers"] == view.tensors["batch.y"]
    assert right.tolist() == view.tensors["loss.correct"].astype(bool).tolist()
