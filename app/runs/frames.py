"""A frame: one moment of a run as safetensors messages, one a view, made once for all viewers."""

from typing import Any

import numpy as np

from app.plain_json import json_text
from app.runs.report import moving_report
from app.runs.run import Run
from app.runs.series import COLUMNS
from app.runs.views import Encoded, encode_view
from app.safetensors_header import file_pieces

# More than a page draws at once; the rest comes with the next frame.
MAX_POINTS = 16_384


class Want:
    """What a hub asks of a run: views, and the series from a batch of a timeline on.

    `seen` is a version of the run: even the least informed viewer was sent all that it wanted of
    that version. `views` has such a version for each view, by its name. `repeat` says whether a
    viewer wants views again that have not changed. `looked_at` are the views that any viewer looks
    at, whether this frame is to have them or not. `after` is the number of the last frame, which
    another worker may have made.
    """

    def __init__(self, fields: dict[str, Any]) -> None:
        self.views: dict[str, int] = fields["views"]
        self.looked_at: list[str] = fields["looked_at"]
        self.from_batch: int = fields["from_batch"]
        self.timeline: int = fields["timeline"]
        self.seen: int = fields["seen"]
        self.repeat: bool = fields["repeat"]
        self.after: int = fields["after"]

    def first_batch(self, run: Run) -> int:
        """The batch from which the series must be sent: before any future discarded since."""
        first = run.history.changed_from(self.from_batch, self.timeline)
        # A viewer that knows more than there is knew the run before it was brought back.
        knows_another = self.timeline > run.timeline or first > run.furthest + 1
        return 1 if knows_another else first

    def is_due(self, run: Run) -> bool:
        """Whether there is anything new to send."""
        return (
            run.version != self.seen
            or self.timeline != run.timeline
            or self.from_batch <= run.furthest
        )


def encode_frame(run_id: str, run: Run, want: Want, number: int) -> list[tuple[str, Encoded]]:
    """The messages of frame `number`, each with the name of its view, the series last.

    A view is left out if the run does not have it, if it has not been computed yet, or if its
    viewers have it already.
    """
    common = moment_of(run_id, run) | {"frame": str(number)}
    encoded = (
        (name, encode_view(run, name, common, seen, repeat=want.repeat))
        for name, seen in want.views.items()
    )
    messages = [(name, data) for name, data in encoded if data is not None]
    messages.append(("series", _series(run, want, common)))
    return messages


def moment_of(run_id: str, run: Run) -> dict[str, str]:
    """The metadata of every message: the moment it shows."""
    loop = run.loop
    return {"run": run_id, "batch": str(loop.batch), "phase": loop.phase or ""}


def last_batch(run: Run, want: Want) -> int:
    """The last batch of the series in the frame that answers `want`."""
    return min(run.furthest, want.first_batch(run) + MAX_POINTS - 1)


def _series(run: Run, want: Want, common: dict[str, str]) -> bytes:
    series, first = run.series, want.first_batch(run)
    columns = series.columns(first, first + MAX_POINTS - 1)
    tensors = dict(zip(COLUMNS, columns, strict=True))
    # A measurement may become known when further batches have run, or after a seek back.
    late = series.first_test_after(want.seen)
    tests_from = first - 1 if late is None else min(first - 1, late)
    tests = np.array(series.tests(tests_from), dtype=np.float64).reshape(-1, 3)
    changes = [action.to_json() for action in run.recipe.actions if action.batch >= first - 1]
    about = {
        "view": "series",
        "from_batch": str(first),
        "tests_from": str(tests_from),
        "state": json_text(moving_report(run)),
        "actions": json_text(changes),
    }
    # The library's `save` takes three times as long for arrays as small as these.
    return b"".join(file_pieces(tensors | {"test": tests}, common | about))
