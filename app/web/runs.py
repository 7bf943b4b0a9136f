"""The runs of the interface: make one, ask it, command it, read its numbers."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, Path, Query, Request, Response
from pydantic import BeforeValidator, Field

from app.commands import Command, parse_command
from app.errors import AppError, shorten
from app.recipes import Branch, NewRun, Renaming
from app.registry import DAY_S
from app.web.context import (
    ReturningVisitorDep,
    RunDep,
    ServerDep,
    VisitorDep,
    WritableRunDep,
    bearer_key,
)
from app.web.guard import FILE_TYPE, media_type

router = APIRouter(prefix="/api/runs", tags=["runs"])

Responses = dict[int | str, dict[str, Any]]
NPY: Responses = {200: {"content": {"application/octet-stream": {}}, "description": "A .npy file."}}
SAFETENSORS: Responses = {
    200: {"content": {"application/octet-stream": {}}, "description": "A .safetensors file."}
}


def _written_as_whole(number: str) -> str:
    """Refuse 1.0, 1_000 and " 1", which pydantic would accept and nobody means."""
    if not re.fullmatch(r"-?[0-9]+", number):
        raise ValueError(f"expected a whole number, got {shorten(number)}")
    return number


BatchNumber = Annotated[int, Field(ge=0), BeforeValidator(_written_as_whole)]


async def _is_json_or_a_file(request: Request) -> None:
    """Refuse a body without a usable media type: it would be taken for a damaged file."""
    kind = media_type(request.headers)
    if kind.endswith(("/json", "+json")) or kind == FILE_TYPE:
        return
    if await request.body():
        raise AppError(
            "unsupported_media_type",
            f"expected application/json, or {FILE_TYPE} for a file, got {shorten(kind)}",
            "Send a configuration with the header Content-Type: application/json. "
            "Nothing has been made.",
            status=415,
        )


@router.post("", status_code=201, dependencies=[Depends(_is_json_or_a_file)])
async def make_run(
    server: ServerDep,
    visitor: VisitorDep,
    response: Response,
    request: Request,
    new: Annotated[NewRun | None, Body()] = None,
) -> dict[str, Any]:
    """Make a run; what the configuration leaves out has the example's value.

    Or make a run at batch 0 that follows a recipe: from `{"recipe": …}`, or from the bytes of a
    network's `.safetensors` file or a recipe's JSON file (as `application/octet-stream`).

    The answer has the run's `key`, which proves ownership: send it as
    `Authorization: Bearer KEY` with commands.
    """
    if new is None and media_type(request.headers) == FILE_TYPE:
        new = NewRun.model_validate(b"")  # an empty file is a damaged file, not the example
    recipe = (new or NewRun()).as_recipe()
    run_id, key, state = await server.registry.create(recipe, visitor)
    response.headers["location"] = f"/api/runs/{run_id}"
    return {"id": run_id, "key": key, **state}


@router.get("")
async def list_runs(
    server: ServerDep,
    visitor: ReturningVisitorDep,
    authorization: Annotated[str | None, Header()] = None,
) -> dict[str, Any]:
    """The visitor's own runs, last used first; with a key, the run of that key."""
    runs = await server.registry.runs_of(visitor, bearer_key(authorization))
    return {"runs": runs, "expires_after_s": server.settings.keep_days * DAY_S}


@router.get("/{run_id}")
async def read_run(server: ServerDep, record: RunDep) -> dict[str, Any]:
    """The run's state now."""
    return await server.pool.state(record.run_id)


@router.patch("/{run_id}")
async def rename_run(
    server: ServerDep, record: WritableRunDep, change: Annotated[Renaming, Body()]
) -> dict[str, Any]:
    """Give a run another name; the answer is its entry in the list of runs."""
    return await server.registry.rename(record, change.name)


@router.delete("/{run_id}", status_code=204)
async def delete_run(server: ServerDep, record: WritableRunDep) -> None:
    """End a run, and remove everything that is kept of it."""
    await server.registry.remove(record)


@router.get("/{run_id}/recipe")
async def read_recipe(server: ServerDep, record: RunDep) -> dict[str, Any]:
    """The configuration and the log of changes: all it takes to make the run again."""
    return await server.pool.recipe(record.run_id)


@router.post("/{run_id}/branch", status_code=201)
async def branch_run(
    server: ServerDep,
    record: RunDep,
    visitor: VisitorDep,
    response: Response,
    branch: Annotated[Branch, Body()],
) -> dict[str, Any]:
    """Make a run of one's own that shares the past of this one up to a batch.

    The new run stands there, paused, with what `set` changes. The answer has its `key`.
    """
    run_id, key, state = await server.registry.branch(
        record, branch.batch, branch.command(), visitor
    )
    response.headers["location"] = f"/api/runs/{run_id}"
    return {"id": run_id, "key": key, **state}


@router.post("/{run_id}/commands")
async def command_run(
    server: ServerDep, record: WritableRunDep, command: Annotated[Command, Body()]
) -> dict[str, Any]:
    """Carry out one command; the answer is the state after it."""
    return await server.pool.command(record.run_id, parse_command(command))


@router.get("/{run_id}/series")
async def read_series(
    server: ServerDep, record: RunDep, from_batch: Annotated[BatchNumber, Query()] = 0
) -> Response:
    """Loss, accuracy, learning rate and gradient norm of every batch from `from_batch` on.

    And the measurements on the test images made at that batch or later. Batches begin with 1; from
    0 on, the measurement of the untrained network comes too.
    """
    # Passed on as the worker wrote it: parsing it here would delay everybody's frames.
    series = await server.pool.series(record.run_id, from_batch)
    return Response(series, media_type="application/json")


@router.get("/{run_id}/tensors/{name}", responses=NPY, response_class=Response)
async def read_tensor(
    server: ServerDep,
    record: RunDep,
    name: str,
    batch: Annotated[BatchNumber | None, Query()] = None,
) -> Response:
    """A tensor as a `.npy` file, now or as it was at `batch`."""
    data = await server.pool.tensor(record.run_id, name, batch)
    return _file(data, f"{name}.npy")


@router.get("/{run_id}/weights", responses=SAFETENSORS, response_class=Response)
async def read_weights(server: ServerDep, record: RunDep) -> Response:
    """The network as a `.safetensors` file."""
    return _file(await server.pool.weights(record.run_id), "network.safetensors")


@router.get("/{run_id}/views/{name:path}", responses=SAFETENSORS, response_class=Response)
async def read_view(
    server: ServerDep, record: RunDep, name: Annotated[str, Path(max_length=64)]
) -> Response:
    """One view of the run, as a viewer's socket gets it; docs/protocol.md has their names."""
    data = await server.pool.view(record.run_id, name)
    return _file(data, "view.safetensors")


@router.get("/{run_id}/program")
async def read_program(server: ServerDep, record: RunDep) -> dict[str, Any]:
    """What runs in each phase, line by line, with the engine's own source."""
    return await server.pool.program(record.run_id)


def _file(data: bytes, name: str) -> Response:
    return Response(
        data,
        media_type="application/octet-stream",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )
