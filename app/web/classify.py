"""Reading a drawn digit."""

from typing import Annotated, Any

import numpy as np
from anyio import to_thread
from fastapi import APIRouter, Query, Request
from pydantic import ConfigDict

from app.config import Strict
from app.digits import prepare_image, prepare_pixels
from app.errors import AppError, shorten
from app.web.context import ServerDep
from app.web.guard import FILE_TYPE, media_type

router = APIRouter(prefix="/api/classify", tags=["classify"])


class Pixels(Strict):
    """A picture as numbers: 28 rows of 28, 0..255, ink bright."""

    model_config = ConfigDict(allow_inf_nan=True)  # `prepare_pixels` refuses NaN and infinity

    pixels: list[list[float]]


DRAWING = {
    "requestBody": {
        "required": True,
        "content": {
            "image/png": {"schema": {"type": "string", "format": "binary"}},
            "application/json": {"schema": Pixels.model_json_schema()},
        },
    }
}


@router.post("", openapi_extra=DRAWING)
async def classify(
    server: ServerDep, request: Request, run: Annotated[str | None, Query(max_length=64)] = None
) -> dict[str, Any]:
    """Read a digit, by the present weights of `run`, otherwise by the trained default network.

    The picture is prepared as MNIST's were; `pixels` in the answer is what the network saw.
    """
    record = await server.registry.find(run) if run is not None else None
    kind = media_type(request.headers)
    if kind == "application/json":
        body = Pixels.model_validate_json(await request.body())
        pixels = await to_thread.run_sync(prepare_pixels, body.pixels)
    elif kind.startswith("image/") or kind in ("", FILE_TYPE):
        pixels = await to_thread.run_sync(
            prepare_image, await request.body(), limiter=server.pictures
        )
    else:
        raise AppError(
            "unsupported_media_type",
            f"expected image/png or application/json, got {shorten(kind)}",
            'Send a PNG, or {"pixels": [[…28 rows of 28 numbers…]]}.',
            status=415,
        )
    flat: list[int] = pixels.ravel().tolist()
    if record is not None:
        probabilities = await server.pool.classify(record.run_id, flat)
    else:
        probabilities = await to_thread.run_sync(server.default_network.classify, flat)
    return {
        "digit": int(np.argmax(probabilities)),
        "probabilities": probabilities,
        "pixels": pixels.tolist(),
    }


@router.get("")
async def default_network_status(server: ServerDep) -> dict[str, Any]:
    """Whether the trained default network is ready, and until then the progress of its training."""
    return server.default_network.status()
