"""A worker's answers: to `QUESTIONS` about a run as it is now, and refusals."""

import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from app.errors import AppError, from_engine
from app.plain_json import json_bytes
from app.runs.network import network_input
from app.runs.recipe_files import network_file, recipe_json
from app.runs.report import report
from app.runs.run import Run
from app.workers.message import Blob, Request
from engine import EngineError
from engine.program import program

# The fields and the blobs of an answer.
Answer = tuple[dict[str, Any], Sequence[Blob]]


def state_of(request: Request, run: Run) -> Answer:
    """The whole state, as JSON values."""
    return {"state": report(request["run"], run)}, ()


def _recipe(_: Request, run: Run) -> Answer:
    return {"recipe": recipe_json(run)}, ()


def _series(request: Request, run: Run) -> Answer:
    series = run.series.to_json(request["from_batch"]) | {"timeline": run.timeline}
    return {}, [json_bytes(series)]


def _weights(_: Request, run: Run) -> Answer:
    return {}, [network_file(run)]


def _program(_: Request, run: Run) -> Answer:
    lines = program(run.loop).items()
    return {"program": {phase: [asdict(line) for line in each] for phase, each in lines}}, ()


def _classify(request: Request, run: Run) -> Answer:
    probabilities = run.loop.network.predict(network_input(request["pixels"]))[0]
    if not np.isfinite(probabilities).all():
        raise AppError(
            "not_finite",
            "expected finite answers, but the weights of this run have grown too large",
            "Go back a few batches and lower the learning rate, or reset the run.",
            status=409,
        )
    return {"probabilities": probabilities.tolist()}, ()


# By their `op`; they are answered at once and change nothing of the run.
QUESTIONS: dict[str, Callable[[Request, Run], Answer]] = {
    "state": state_of,
    "recipe": _recipe,
    "series": _series,
    "weights": _weights,
    "program": _program,
    "classify": _classify,
}


def refusal(error: Exception) -> AppError:
    """The error that the caller gets; a defect is written to the log."""
    if isinstance(error, AppError):
        return error
    if isinstance(error, EngineError):
        return from_engine(error)
    traceback.print_exception(error)
    return AppError(
        "internal_error",
        "the server has made a mistake in this run; it has been written to its log",
        "Reset the run.",
        status=500,
    )
