"""A run in its worker, and what is asked of it."""

import math
from collections import deque
from dataclasses import dataclass, field

from app.runs.frames import Want
from app.runs.keeping import Keeper
from app.runs.run import Run
from app.workers.message import Request


@dataclass(slots=True)
class Hosted:
    """A run, the requests that wait for it, and the frame that is wanted next."""

    run_id: str
    keeper: Keeper
    inbox: deque[Request] = field(default_factory=deque)
    # Requests that wait for a whole state, and hold up no others.
    aside: list[Request] = field(default_factory=list)
    # Steps and seeks, to be answered when done, or each at its time.
    steps: deque[tuple[Request, float]] = field(default_factory=deque)
    opening: tuple[Request, float] | None = None
    want: tuple[Request, Want] | None = None
    asked: list[tuple[Request, int]] = field(default_factory=list)  # and the version then
    frames: int = 0
    saved_at: float = -math.inf
    # Seconds by which batches took longer than their slices: the others' time, to be given back.
    owes_s: float = 0.0

    @property
    def run(self) -> Run:
        """The run itself."""
        return self.keeper.run

    @property
    def is_brought_back(self) -> bool:
        """Whether it is on its way to where it was when its worker was lost."""
        return self.opening is not None and bool(self.opening[0]["lost"])
