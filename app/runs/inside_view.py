"""The numbers behind a followed sample, a picked unit and a picked weight."""

import math
from typing import Any

from app.plain_json import json_text
from app.runs.codes import encode, two_digits
from app.runs.loop_view import SHOWN_SAMPLES
from app.runs.run import Run
from app.runs.view_parts import Tensors, ViewParts
from engine import Phase, TrainingLoop
from engine.arrays import Array
from engine.gradient_check import angle


def inside_view(run: Run, sample: int, unit: int, source: int) -> ViewParts:
    """The API's tensors, cut to what was picked, in the network's own float type.

    They are those of the phases that have run in the batch at hand. `unit` and `source` (the input,
    a pixel) pick a weight of the first layer. An index beyond the end stands for the last.
    """
    loop = run.loop
    computed = set(loop.computed_tensor_names())
    units, inputs = loop.network.parameters["layer1.weights"].shape
    unit, source = min(unit, units - 1), min(source, inputs - 1)
    tensors: Tensors = _unit_tensors(loop, unit)
    metadata = {"unit": str(unit), "input": str(source)}
    if "batch.x" in computed and loop.phase is not None:
        sample = min(sample, len(loop.tensor("batch.y")) - 1)
        metadata["sample"] = str(sample)
        metadata["label"] = str(int(loop.tensor("batch.y")[sample]))
        tensors |= _sample_tensors(loop, sample, unit, source)
    metadata["weight"] = json_text(_weight(loop, unit, source, tensors.get("weights.before")))
    step = loop.flat_step()
    if step is not None:
        metadata["angle"] = json_text(_step_angle(loop.flat_gradient(), step))
    return tensors, metadata


def _unit_tensors(loop: TrainingLoop, unit: int) -> Tensors:
    """The unit's row of every tensor shaped like the weights, bias and outgoing weights."""
    computed = loop.computed_tensor_names()
    has_step = loop.flat_step() is not None
    # Until this batch has its own, the gradient and step there are those of the batch before.
    of_the_past = {".gradient": not loop.has_gradient, ".step": not has_step}
    left_out = tuple(kind for kind, is_past in of_the_past.items() if is_past)
    tensors = {
        name.removeprefix("layer1."): loop.tensor(name)[unit].copy()
        for name in computed
        if _is_like_weights(name) and not name.endswith(left_out)
    }
    tensors["bias"] = loop.tensor("layer1.bias")[unit : unit + 1].copy()
    if has_step:
        tensors["bias.step"] = loop.tensor("layer1.bias.step")[unit : unit + 1].copy()
        tensors["weights.before"] = loop.row_of_gradient("layer1.weights", unit)[0]
        tensors["bias.before"] = loop.row_of_gradient("layer1.bias", unit)
    if "layer2.weights" in computed:
        tensors["outgoing"] = loop.tensor("layer2.weights")[:, unit].copy()
    return tensors


def _is_like_weights(name: str) -> bool:
    return name == "layer1.weights" or name.startswith("layer1.weights.")


def _sample_tensors(loop: TrainingLoop, sample: int, unit: int, source: int) -> Tensors:
    """The sample's tensors, and what every sample adds to the picked weight's gradient."""
    tensors = {"x": loop.tensor("batch.x")[sample].copy()}
    wanted = []
    if loop.phase is not Phase.DRAW:
        wanted += ["preactivations", "activations"]
    if loop.has_gradient:
        wanted += ["preactivations.gradient", "activations.gradient"]
        tensors["unit.preactivations.gradient"] = loop.tensor("layer1.preactivations.gradient")[
            :, unit
        ].copy()
        tensors["input.x"] = loop.tensor("batch.x")[:, source].copy()
    computed = loop.computed_tensor_names()
    for layer in range(1, len(loop.network.layers) + 1):
        for kind in wanted:
            name = f"layer{layer}.{kind}"
            if name in computed:
                tensors[name] = loop.tensor(name)[sample].copy()
    return tensors


def _weight(loop: TrainingLoop, unit: int, source: int, before: Array | None) -> dict[str, Any]:
    """The picked weight through the step: before, gradient, the optimizer's state, step, after.

    `before` are the weights of the whole unit before the step, once there is one. `optimizer` is
    the one that made the step. The present one's state is left out until it has made a step.
    """
    at = (unit, source)
    after = float(loop.tensor("layer1.weights")[at])
    numbers: dict[str, Any] = {"optimizer": loop.optimizer_at_hand.config(), "value": after}
    if loop.has_gradient:
        numbers["gradient"] = float(loop.tensor("layer1.weights.gradient")[at])
    if before is not None:
        numbers["step"] = float(loop.tensor("layer1.weights.step")[at])
        numbers["before"] = float(before[source])
    state = loop.network.optimizer_state
    for slot in state.slots if state.iterations else ():
        numbers[slot] = float(loop.tensor(f"layer1.weights.{slot}")[at])
    return numbers


def _step_angle(gradient: Array, step: Array) -> float | None:
    """Degrees between −gradient and what the optimizer made of it, over all parameters."""
    # Measuring from the gradient itself saves a negated copy of it.
    degrees = 180 - angle(gradient, step)
    return degrees if math.isfinite(degrees) else None


def flow_view(run: Run) -> ViewParts:
    """The gradient on its way back: ∂loss/∂logits, and ∂loss/∂activations of the first layer.

    Codes (n, units) for the first 128 samples. Both are already divided by the batch size.
    """
    loop = run.loop
    if not loop.has_gradient:
        return {}, {}
    last = len(loop.network.layers)
    scale = _flow_scale(run)
    names = [f"layer{last}.preactivations.gradient", "layer1.activations.gradient"]
    computed = loop.computed_tensor_names()
    tensors: Tensors = {
        name: encode(loop.tensor(name)[:SHOWN_SAMPLES], "signed", scale)
        for name in names
        if name in computed
    }
    return tensors, {"scale": json_text(scale)}


def _flow_scale(run: Run) -> float:
    """1 / batch size: the largest that an entry of (p − y) / n can be."""
    return two_digits(1 / run.loop.batch_size)
