"""Commands to a run without processes, carried out to their end."""

from typing import Any

import pytest

from app.errors import AppError
from app.runs.motion import RunState
from app.runs.run import Run
from tests.support.runs import Clock, work


def step(run: Run, clock: Clock, count: int = 1, unit: str = "batch") -> None:
    """Step, to the end of it."""
    run.command({"type": "step", "unit": unit, "count": count})
    work(run, clock, until=lambda: run.state is not RunState.STEPPING)


def seek(run: Run, clock: Clock, batch: int) -> None:
    """Seek, to the end of it."""
    run.command({"type": "seek", "batch": batch})
    work(run, clock, until=lambda: not run.seeking)


def refusal(run: Run, command: dict[str, Any]) -> AppError:
    """The error with which a run refuses a command."""
    with pytest.raises(AppError) as raised:
        run.command(command)
    return raised.value
