"""What a run is doing: nothing, playing, stepping a number of units, or seeking."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from app.commands import Unit
from app.errors import AppError
from app.runs.replay import Replay


class RunState(StrEnum):
    """The state of a run as its readers see it."""

    PAUSED = "paused"
    PLAYING = "playing"
    STEPPING = "stepping"
    FAILED = "failed"


@dataclass(slots=True)
class Playing:
    """Training on and on, at the run's speed."""


@dataclass(slots=True)
class Stepping:
    """Training to the next boundary of `unit`, `remaining` times, as fast as possible."""

    unit: Unit
    remaining: int


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run has stopped; `sound`, if its numbers have exploded: the batch to go back to."""

    error: AppError
    sound: int | None = None


# What comes after a seek: a run that is brought back may go on playing, or have failed.
Then: TypeAlias = Playing | Stepping | Failure | None


@dataclass(slots=True)
class Seeking:
    """Going to another batch, by replaying the recipe on a loop that then takes over."""

    replay: Replay
    then: Then = None


Motion = Playing | Stepping | Seeking
