"""A run in its worker, with the requests that wait for it."""

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
    # Requests that wait until the run is settled, but do not delay others.
    aside: list[Request] = field(default_factory=list)
    # Steps and seeks, with the time at which each is answered even if it is not done.
    steps: deque[tuple[Request, float]] = field(default_factory=deque)
    opening: tuple[Request, float] | None = None
    want: tuple[Request, Want] | None = None
    asked: list[tuple[Request, int]] = field(default_factory=list)  # with the run's version then
    frames: int = 0
    saved_at: float = -math.inf
    # Seconds by which batches overran their slices: the run owes them to the other runs.
    owes_s: float = 0.0

    @property
    def run(self) -> Run:
        """The run itself."""
        return self.keeper.run

    @property
    def is_brought_back(self) -> bool:
        """Whether it is on its way to where it was when its worker was lost."""
        return self.opening is not None and bool(self.opening[0]["lost"])
