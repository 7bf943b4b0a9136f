"""The pictures a run has, and their scales."""

import numpy as np
import pytest

from app.runs.codes import encode
from app.runs.weight_views import weight_picture, weight_views
from tests.app.conftest import MakeRun
from tests.support.watcher import View

KINDS = {
    "sgd": ["weights", "gradient", "step"],
    "rmsprop": ["weights", "gradient", "step", "v"],
    "adam": ["weights", "gradient", "step", "m", "v"],
}


@pytest.mark.parametrize("optimizer", KINDS)
def test_the_pictures_follow_the_optimizer(make_run: MakeRun, optimizer: str) -> None:
    views = weight_views(make_run(optimizer={"name": optimizer}))
    assert [view["kind"] for view in views if view["layer"] == 1] == KINDS[optimizer]
    assert [view["kind"] for view in views if view["layer"] == 2] == KINDS[optimizer]
    assert {(view["layer"], *view["shape"]) for view in views} == {(1, 16, 784), (2, 10, 16)}


def test_momentum_adds_the_velocity(make_run: MakeRun) -> None:
    run = make_run(optimizer={"name": "sgd", "momentum": 0.9})
    assert "layer1.weights.velocity" in [view["view"] for view in weight_views(run)]


def test_the_pictures_change_with_the_optimizer_and_keep_their_scales(make_run: MakeRun) -> None:
    run = make_run(optimizer={"name": "rmsprop"})
    before = {view["view"]: view for view in weight_views(run)}
    run.command({"type": "set", "optimizer": "adam"})
    after = {view["view"]: view for view in weight_views(run)}
    assert set(after) - set(before) == {"layer1.weights.m", "layer2.weights.m"}
    assert all(after[name] == view for name, view in before.items())


def test_the_scale_of_a_step_is_that_of_who_made_it(make_run: MakeRun) -> None:
    run = make_run(optimizer={"name": "rmsprop"})

    def scale() -> float:
        return next(view["scale"] for view in weight_views(run) if view["kind"] == "step")

    run.loop.run_batch()
    before = scale()
    run.command({"type": "set", "optimizer": "sgd"})
    assert scale() == before
    run.loop.run_phase()
    assert scale() != before


def test_scales_do_not_depend_on_how_far_a_run_is(make_run: MakeRun) -> None:
    run = make_run()
    before = weight_views(run)
    for _ in range(3):
        run.loop.run_batch()
    run.command({"type": "set", "learning_rate": 0.5})
    assert weight_views(run) == before


@pytest.mark.parametrize("optimizer", KINDS)
def test_every_picture_shows_its_tensor_on_its_scale(make_run: MakeRun, optimizer: str) -> None:
    run = make_run(optimizer={"name": optimizer})
    run.loop.run_batch()
    for view in weight_views(run):
        values = run.loop.tensor(view["view"])
        codes = View.read(weight_picture(run, view, {})).tensors["values"]
        assert list(codes.shape) == view["shape"]
        if view["kind"] == "v":  # of which the root is shown
            exact = 255 * np.sqrt(np.minimum(np.sqrt(values) / view["scale"], 1))
            assert np.abs(codes - exact).max() <= 1
        else:
            assert (codes == encode(values, view["coding"], view["scale"])).all()
        assert codes.std() > 0, f"{view['view']} shows nothing on its scale"


def test_a_picture_travels_as_plain_values(make_run: MakeRun) -> None:
    assert weight_views(make_run())[1] == {
        "view": "layer1.weights.gradient",
        "layer": 1,
        "kind": "gradient",
        "shape": [16, 784],
        "scale": weight_views(make_run())[1]["scale"],
        "coding": "signed",
    }
