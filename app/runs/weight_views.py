"""The pictures of a layer's weights and of what training does to them, on fixed scales."""

import math
from collections.abc import Hashable
from functools import lru_cache
from itertools import pairwise
from typing import TypedDict

from app.plain_json import json_text
from app.runs.codes import Coding, code_table, two_digits
from app.runs.picture import Picture
from app.runs.run import Run
from app.runs.view_parts import name_parts
from engine import Phase
from engine.optimizers import Optimizer

# A weight starts within Glorot's limit and rarely grows past four times as much.
WEIGHT_LIMITS = 4
# Entries of the loss's gradient seldom exceed this in the example network: those of the first
# layer average over a batch of mostly dark pixels, those of later layers over lit units.
FIRST_LAYER_GRADIENT = 0.005
LATER_LAYER_GRADIENT = 0.04
# RMSprop and Adam divide the gradient by its own size: their steps are a few learning rates.
ADAPTIVE_STEPS = 2
# Steps of plain SGD are the gradient times a learning rate that is seldom larger than this.
PLAIN_RATE = 0.1
ALL = slice(None)


class WeightView(TypedDict):
    """One picture: (units, inputs) codes; `scale` is the value at which they saturate.

    Each frame carries the list of these, as they are: they are made once and never changed.
    """

    view: str
    layer: int
    kind: str
    shape: list[int]
    scale: float
    coding: Coding


def weight_views(run: Run) -> tuple[WeightView, ...]:
    """The pictures this run has, layer by layer, in the order of the page's tabs."""
    config = run.recipe.config
    return _weight_views(
        (run.data.train.features, *(layer["units"] for layer in config["layers"])),
        run.loop.optimizer,
        run.loop.optimizer_at_hand,
        config["optimizer"]["learning_rate"],
    )


@lru_cache(maxsize=256)
def _weight_views(
    widths: tuple[int, ...], optimizer: Optimizer, made_by: Optimizer, learning_rate: float
) -> tuple[WeightView, ...]:
    views = []
    for layer, (inputs, units) in enumerate(pairwise(widths), start=1):
        weights = two_digits(WEIGHT_LIMITS * math.sqrt(6 / (inputs + units)))
        gradient = FIRST_LAYER_GRADIENT if layer == 1 else LATER_LAYER_GRADIENT
        step = two_digits(
            PLAIN_RATE * gradient if made_by.name == "sgd" else ADAPTIVE_STEPS * learning_rate
        )
        scales = {"weights": weights, "gradient": gradient, "step": step}
        scales |= {slot: step if slot == "velocity" else gradient for slot in optimizer.slots}
        name = f"layer{layer}.weights"
        views += [
            WeightView(
                view=name if kind == "weights" else f"{name}.{kind}",
                layer=layer,
                kind=kind,
                shape=[units, inputs],
                scale=scale,
                coding="unsigned" if kind == "v" else "signed",
            )
            for kind, scale in scales.items()
        ]
    return tuple(views)


def content_of(run: Run, view: WeightView) -> Hashable:
    """A key for what the picture shows and for its batch: they change only if the key changes.

    Phases before UPDATE change no weights; BACKWARD changes only the gradient.
    """
    moment = run.moment
    at = moment.timeline, moment.batch, moment.changes, moment.phase is None
    return *at, view["kind"] == "gradient" and moment.phase is Phase.BACKWARD, view["scale"]


def weight_picture(
    run: Run, view: WeightView, metadata: dict[str, str], units: slice = ALL
) -> Picture:
    """The picture as a message with `metadata`; that of v, a mean square, shows its root."""
    table = code_table(view["coding"], view["scale"], of_squares=view["kind"] == "v")
    about = {"scale": json_text(view["scale"]), "coding": view["coding"]}
    return Picture(run.loop.tensor(view["view"])[units], table, metadata | about, run.loop)


def find_weight_view(run: Run, name: str) -> tuple[WeightView, slice] | None:
    """The view of that name, and its units: those of "layer1.weights/72/108", otherwise all."""
    word, numbers = name_parts(name)
    view = next((view for view in weight_views(run) if view["view"] == word), None)
    match numbers:
        case _ if view is None:
            return None
        case []:
            return view, ALL
        case [first, last] if first < last <= view["shape"][0]:
            return view, slice(first, last)
    return None
