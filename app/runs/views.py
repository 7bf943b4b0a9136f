"""Every view of a run by its name: what a viewer can look at.

A name is a word, then whole numbers (`name_parts`): "loop/3" follows sample 3 of the batch,
"inside/3/137/406" also unit 137 and its weight from input 406. So are the names of studies. Weight
views have the names of their tensors.
"""

from collections.abc import Callable

import numpy as np
from safetensors.numpy import save

from app.runs.inside_view import flow_view, inside_view
from app.runs.loop_view import loop_view
from app.runs.mistakes_view import mistakes_view
from app.runs.picture import Picture
from app.runs.run import Run
from app.runs.studies.schedule import is_study
from app.runs.values_view import values_view
from app.runs.view_parts import ViewParts, name_parts
from app.runs.weight_views import content_of, weight_picture, weight_views
from engine import NotComputedError

# What a view travels as.
Encoded = bytes | Picture

# What each view but those of weights is made by, and how many numbers its name has.
VIEWS: dict[str, tuple[Callable[..., ViewParts], int]] = {
    "loop": (loop_view, 1),
    "inside": (inside_view, 3),
    "flow": (flow_view, 0),
    "mistakes": (mistakes_view, 0),
    "values": (values_view, 0),
}


@np.errstate(over="ignore")  # views have float32: what a float64 network has beyond it is infinite
def encode_view(
    run: Run, name: str, common: dict[str, str], seen: int = 0, shown: int = 0
) -> Encoded | None:
    """The message of a view now, with `common` in its metadata.

    None for one that the run does not have, that has not been computed yet, or that has been sent
    already: a study known no later than at the version `seen`, weights as at the version `shown`.
    """
    if is_study(name):
        result = run.studies.result(name)
        if result is None or result.version <= seen:
            return None
        return save(result.tensors, common | result.metadata | {"view": name})
    word, numbers = name_parts(name)
    if word in VIEWS:
        make, count = VIEWS[word]
        if len(numbers) != count:
            return None
        tensors, about = make(run, *numbers)
        # Which sample is followed is no part of the loop's name outside.
        outside = word if word == "loop" else name
        return save(tensors, common | about | {"view": outside})
    view = next((view for view in weight_views(run) if view["view"] == name), None)
    if view is None:
        run.pictured.forget(name)
        return None
    content = content_of(run, view)
    if run.pictured.has_been_shown(name, content, shown):
        return None
    try:
        picture = weight_picture(run, view, common | {"view": name})
    except NotComputedError:
        run.pictured.forget(name)
        return None
    run.pictured.note(name, content, run.version)
    return picture
