"""The network that reads drawings when no run is named: the example, trained once and kept."""

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import structlog

from app.config import RunConfig
from app.errors import AppError
from app.workers.pool import WorkerPool
from engine import EngineError, Sequential

EPOCHS = 5
FILE_NAME = "default-network.safetensors"
RUN_ID = "default-network"
POLL_S = 0.25
RETRY_S = 2.0

log = structlog.get_logger()


class DefaultNetwork:
    """Trained by the engine on the first start, in a worker like any run; then read from disk."""

    def __init__(self, data_dir: Path, pool: WorkerPool) -> None:
        self._path = data_dir / FILE_NAME
        self._pool = pool
        self._network: Sequential | None = None
        self._state: dict[str, Any] | None = None

    @property
    def ready(self) -> bool:
        """Whether it can classify."""
        return self._network is not None

    def status(self) -> dict[str, Any]:
        """Whether it is ready; until then how far its training is, from 0 to 1."""
        if self._network is not None:
            return {"ready": True, "progress": 1.0, "epoch": EPOCHS, "epochs": EPOCHS}
        state = self._state or {"epoch": 0, "batch_in_epoch": 0, "batches_per_epoch": 1}
        within = state["batch_in_epoch"] / state["batches_per_epoch"]
        progress = min((state["epoch"] + within) / EPOCHS, 0.999)
        return {
            "ready": False,
            "progress": round(progress, 3),
            "epoch": min(state["epoch"] + 1, EPOCHS),
            "epochs": EPOCHS,
        }

    async def prepare(self) -> None:
        """Read the network from the data directory, or train it and put it there."""
        try:
            self._network = await asyncio.to_thread(Sequential.load, self._path)
            return
        except FileNotFoundError:
            pass
        except EngineError as error:
            log.warning("default network unreadable, training it again", reason=str(error))
        while self._network is None:
            try:
                data = await self._train()
            except AppError as error:
                log.warning("training of the default network cut short", reason=error.message)
                await asyncio.sleep(RETRY_S)
                continue
            try:
                await asyncio.to_thread(_write, self._path, data)
                self._network = await asyncio.to_thread(Sequential.load, self._path)
            except OSError as error:
                log.error("default network not saved", path=str(self._path), reason=str(error))
                return

    async def _train(self) -> bytes:
        self._state = await self._pool.create(RUN_ID, RunConfig().settings())
        try:
            step = {"type": "step", "unit": "epoch", "count": EPOCHS}
            self._state = await self._pool.command(RUN_ID, step)
            while self._state["state"] == "stepping":
                await asyncio.sleep(POLL_S)
                self._state = await self._pool.state(RUN_ID)
            return await self._pool.weights(RUN_ID)
        finally:
            with contextlib.suppress(AppError):
                await self._pool.close(RUN_ID)

    def classify(self, pixels: list[int]) -> list[float]:
        """Ten probabilities for 784 pixels of 0 to 255; `AppError` until it is trained."""
        if self._network is None:
            status = self.status()
            raise AppError(
                "network_not_ready",
                f"the default network is still being trained: epoch {status['epoch']} of "
                f"{EPOCHS}, {status['progress']:.0%} done",
                "Try again in a few seconds, or name a run: POST /api/classify?run=ID.",
                status=503,
            )
        x = np.array([pixels], dtype=np.float32) / np.float32(255)
        probabilities: list[float] = self._network.predict(x)[0].tolist()
        return probabilities


def _write(path: Path, data: bytes) -> None:
    """Replace the file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
