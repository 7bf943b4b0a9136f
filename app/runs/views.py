"""Every view of a run by its name: what a viewer can look at.

A name is a word, then whole numbers (`name_parts`): "loop/3" follows sample 3 of the batch,
"inside/3/137/406" also unit 137 and its weight from input 406; "mistakes/4/9" lists the 4s taken
for 9s. The names of studies have the same form. Weight views have the names of their tensors;
"layer1.weights/72/108" shows units 72 to 107.
"""

from collections.abc import Callable, Hashable

import numpy as np
from safetensors.numpy import save

from app.runs.inside_view import flow_view, inside_view
from app.runs.loop_view import DRAWN, drawn_content, loop_view
from app.runs.mistakes_view import mistakes_view
from app.runs.picture import Picture
from app.runs.run import Run
from app.runs.studies.schedule import is_study
from app.runs.values_view import values_view
from app.runs.view_parts import ViewParts, name_parts
from app.runs.weight_views import WeightView, content_of, find_weight_view, weight_picture
from engine import NotComputedError

# The message of a view.
Encoded = bytes | Picture

# For each view, except those of weights: its function, and how many numbers its name may have.
VIEWS: dict[str, tuple[Callable[..., ViewParts | None], tuple[int, ...]]] = {
    "loop": (loop_view, (1,)),
    "inside": (inside_view, (3,)),
    "flow": (flow_view, (0,)),
    "mistakes": (mistakes_view, (0, 2)),
    "values": (values_view, (0,)),
}


def encode_view(
    run: Run, name: str, common: dict[str, str], seen: int = 0, *, repeat: bool = True
) -> Encoded | None:
    """The message of a view now, with `common` in its metadata.

    None for a view that the run does not have, that is not computed yet, or that a viewer who has
    `seen` that version of the run has already: always for a study, for other views only without
    `repeat`. Then the loop also leaves out the digits of a batch that the viewer has.
    """
    if is_study(name):
        result = run.studies.result(name)
        if result is None or result.version <= seen:
            return None
        return save(result.tensors, common | result.metadata | {"view": name})
    found = find_weight_view(run, name)
    content: Hashable | None = None  # a run that is on its way to a moment has none
    if run.is_settled:
        content = _content(run, name) if found is None else content_of(run, found[0])
    if not repeat and run.shown.has_been_shown(name, content, seen):
        return None
    encoded = (
        _encode(run, name, common, 0 if repeat else seen)
        if found is None
        else _picture(run, found, common | {"view": name})
    )
    run.shown.note(name, None if encoded is None else content, run.version)
    return encoded


def _content(run: Run, name: str) -> Hashable:
    """A key for what a view (not of weights) shows: that changes only if the key changes."""
    if name_parts(name)[0] == "mistakes":
        measured = run.measuring.last
        return run.moment, measured and (measured.batch, run.series.has_test(measured.batch))
    return run.moment


@np.errstate(over="ignore")  # views are float32: larger numbers of a float64 network overflow
def _encode(run: Run, name: str, common: dict[str, str], seen: int) -> bytes | None:
    word, numbers = name_parts(name)
    if word not in VIEWS:
        return None
    make, counts = VIEWS[word]
    made = make(run, *numbers) if len(numbers) in counts else None
    if made is None:
        return None
    tensors, about = made
    if word == "loop":
        content = drawn_content(run) if run.is_settled else None
        if run.shown.has_been_shown("loop.drawn", content, seen):
            tensors = {key: data for key, data in tensors.items() if key not in DRAWN}
        run.shown.note("loop.drawn", content, run.version)
    # Outside, the loop's name does not say which sample is followed.
    return save(tensors, common | about | {"view": word if word == "loop" else name})


@np.errstate(over="ignore")
def _picture(run: Run, found: tuple[WeightView, slice], metadata: dict[str, str]) -> Picture | None:
    view, units = found
    try:
        return weight_picture(run, view, metadata, units)
    except NotComputedError:
        return None
