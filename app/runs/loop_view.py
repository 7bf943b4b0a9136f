"""What the five stations of the loop show: pictures of the batch at hand."""

from collections.abc import Hashable

import numpy as np

from app.plain_json import json_text
from app.runs.codes import encode
from app.runs.run import Run
from app.runs.step_sizes import step_sizes
from app.runs.view_parts import Tensors, ViewParts
from app.runs.weight_views import weight_views
from engine import Phase

SHOWN_SAMPLES = 128
SHOWN_UNITS = 16
# These are most of the view's bytes, and stay the same from a batch's DRAW to its UPDATE.
DRAWN = ("batch.x", "batch.y")


def loop_view(run: Run, sample: int) -> ViewParts:
    """Tensors and metadata of the phases that ran in the present batch.

    `sample` is the index in the batch of the digit that is followed through the forward pass.
    """
    loop = run.loop
    if loop.phase is None or "batch.y" not in loop.computed_tensor_names():
        return {}, {}  # nothing is trained yet, or the batch has failed
    ran = list(Phase)[: list(Phase).index(loop.phase) + 1]
    size = len(loop.tensor("batch.y"))
    sample = min(sample, size - 1)
    tensors = _draw(run)
    metadata = {"sample": str(sample), "samples": str(size)}
    if Phase.FORWARD in ran:
        for layer, _ in enumerate(run.recipe.config["layers"], start=1):
            activations = loop.tensor(f"layer{layer}.activations")[sample]
            tensors[f"activations.{layer}"] = activations.astype(np.float32)
    if Phase.LOSS in ran:
        tensors |= _loss(run)
        metadata["loss.mean"] = json_text(loop.last_loss)
    if Phase.BACKWARD in ran:
        pictures, scales = _backward(run)
        tensors |= pictures
        metadata |= scales
    if Phase.UPDATE in ran:
        tensors |= _update(run)
    return tensors, metadata


def drawn_content(run: Run) -> Hashable:
    """A key for the tensors of DRAW: they change only if it changes."""
    moment = run.moment
    batch = moment.batch + (not run.at_boundary)
    return moment.timeline, batch, moment.changes, moment.phase is None


def _draw(run: Run) -> Tensors:
    x = run.loop.tensor("batch.x")[:SHOWN_SAMPLES]
    y = run.loop.tensor("batch.y")[:SHOWN_SAMPLES]
    return {"batch.x": np.rint(x * 255).astype(np.uint8), "batch.y": y.astype(np.uint8)}


def _loss(run: Run) -> Tensors:
    loop = run.loop
    predictions = loop.tensor(f"layer{len(run.recipe.config['layers'])}.activations")
    answers = predictions[:SHOWN_SAMPLES].argmax(axis=1)
    right = answers == loop.tensor("batch.y")[:SHOWN_SAMPLES]
    losses = loop.tensor("loss.per_sample")
    order = np.argsort(-losses, kind="stable")
    return {
        "loss.per_sample": losses[order].astype(np.float32),
        "loss.order": order.astype(np.uint16),
        "loss.correct": right.astype(np.uint8),
        "loss.answers": answers.astype(np.uint16),
    }


def _backward(run: Run) -> ViewParts:
    views = [view for view in weight_views(run) if view["kind"] == "gradient"]
    first, last = views[0], views[-1]
    units = list(range(min(SHOWN_UNITS, first["shape"][0])))
    images = encode(run.loop.tensor(first["view"])[units], "signed", first["scale"])
    output = encode(run.loop.tensor(last["view"]), "signed", last["scale"])
    return {"gradient.images": images, "gradient.output": output}, {
        "gradient.images.units": json_text(units),
        "gradient.images.scale": json_text(first["scale"]),
        "gradient.output.scale": json_text(last["scale"]),
    }


def _update(run: Run) -> Tensors:
    loop = run.loop
    before = loop.network.parameters.beside(loop.parameters_of_gradient())["layer1.weights"]
    histogram, median, still = step_sizes(loop.tensor("layer1.weights.step"), before)
    return {
        "update.histogram": histogram,
        "update.median": np.array([median], dtype=np.float32),
        "update.still": np.array([still], dtype=np.uint32),
    }
