"""The runs of the interface: make one, ask it, command it, read its numbers."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query, Response
from fastapi.responses import JSONResponse

from app.commands import Command, parse_command
from app.config import RunConfig
from app.web.context import RunDep, ServerDep, VisitorDep, WritableRunDep

router = APIRouter(prefix="/api/runs", tags=["runs"])

Responses = dict[int | str, dict[str, Any]]
NPY: Responses = {200: {"content": {"application/octet-stream": {}}, "description": "A .npy file."}}
SAFETENSORS: Responses = {
    200: {"content": {"application/octet-stream": {}}, "description": "A .safetensors file."}
}


@router.post("", status_code=201)
async def make_run(
    server: ServerDep,
    visitor: VisitorDep,
    response: Response,
    config: Annotated[RunConfig | None, Body()] = None,
) -> dict[str, Any]:
    """Make a run; what the configuration leaves out has the example's value.

    The answer has the run's `key`, which proves ownership: send it as
    `Authorization: Bearer KEY` with commands.
    """
    settings = (config or RunConfig()).settings()
    run_id, key, state = await server.registry.create(settings, visitor)
    response.headers["location"] = f"/api/runs/{run_id}"
    return {"id": run_id, "key": key, **state}


@router.get("/{run_id}")
async def read_run(server: ServerDep, record: RunDep) -> dict[str, Any]:
    """The run's state now."""
    return await server.pool.state(record.run_id)


@router.post("/{run_id}/commands")
async def command_run(
    server: ServerDep, record: WritableRunDep, command: Annotated[Command, Body()]
) -> dict[str, Any]:
    """Carry out one command; the answer is the state after it."""
    return await server.registry.command(record, parse_command(command))


@router.get("/{run_id}/series")
async def read_series(
    server: ServerDep, record: RunDep, from_batch: Annotated[int, Query(ge=0)] = 1
) -> JSONResponse:
    """Loss, accuracy, learning rate and gradient norm of every batch from `from_batch` on."""
    # Already plain numbers, and many: straight to JSON.
    return JSONResponse(await server.pool.series(record.run_id, from_batch))


@router.get("/{run_id}/tensors/{name}", responses=NPY, response_class=Response)
async def read_tensor(
    server: ServerDep,
    record: RunDep,
    name: str,
    batch: Annotated[int | None, Query(ge=0)] = None,
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
