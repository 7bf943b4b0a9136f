"""The network that reads drawings if no run is named: the example, trained once and kept."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import structlog

from app.config import DATASETS, RunConfig
from app.errors import AppError
from app.runs.network import load_data_set, make_network, network_input
from app.storage.index import RunIndex
from app.storage.sealed import unseal, write_whole
from app.workers.pool import WorkerPool
from engine import EngineError, Evaluation, Sequential

EPOCHS = 5
FILE_NAME = "default-network.safetensors"
RUN_ID = "default-network"
POLL_S = 0.25
RETRY_S = 2.0

log = structlog.get_logger()


class DefaultNetwork:
    """Trained on the first start, in a worker like any run; on later starts read from disk."""

    def __init__(self, data_dir: Path, pool: WorkerPool, index: RunIndex) -> None:
        self._path = data_dir / FILE_NAME
        self._pool = pool
        self._index = index
        self._network: Sequential | None = None
        self._test_accuracy: float | None = None
        self._state: dict[str, Any] | None = None

    @property
    def ready(self) -> bool:
        """Whether it can classify."""
        return self._network is not None

    def status(self) -> dict[str, Any]:
        """Whether it is ready; until then also the progress of its training, from 0 to 1."""
        if self._network is not None:
            return {
                "ready": True,
                "progress": 1.0,
                "epoch": EPOCHS,
                "epochs": EPOCHS,
                "test_accuracy": self._test_accuracy,
            }
        state = self._state or {"epoch": 0, "batch_in_epoch": 0, "batches_per_epoch": 1}
        within = state["batch_in_epoch"] / state["batches_per_epoch"]
        progress = min((state["epoch"] + within) / EPOCHS, 0.999)
        return {
            "ready": False,
            "progress": round(progress, 3),
            "epoch": min(state["epoch"] + 1, EPOCHS),
            "epochs": EPOCHS,
            "test_accuracy": None,
        }

    async def prepare(self) -> None:
        """Read the network from the data directory, or train it and put it there."""
        try:
            self._network, self._test_accuracy = await asyncio.to_thread(_read, self._path)
            return
        except FileNotFoundError:
            pass
        except (EngineError, OSError) as error:
            log.warning("default network unreadable, training it again", reason=str(error))
        while self._network is None:
            try:
                data = await self._train()
            except (AppError, sqlite3.Error) as error:  # a lost worker, a full disk
                log.warning("training of the default network cut short", reason=str(error))
                await asyncio.sleep(RETRY_S)
                continue
            self._network, self._test_accuracy = await asyncio.to_thread(_of_bytes, data)
            await self._keep(data)

    async def _keep(self, data: bytes) -> None:
        """Save the trained network for the next start, and remove its run.

        If the disk refuses, the network works all the same, and the next start finds the run.
        """
        try:
            await asyncio.to_thread(write_whole, self._path, [data])
            await asyncio.to_thread(self._index.remove, RUN_ID)
        except (OSError, sqlite3.Error) as error:
            log.error("default network not saved", path=str(self._path), reason=str(error))

    async def _train(self) -> bytes:
        """Train it to the end, going on from where an earlier start of the server got to."""
        if self._index.find(RUN_ID) is None:
            # It has no owner: no list shows it, and no visitor can ask for it.
            self._index.add(RUN_ID, key=b"", owner=b"", config=RunConfig().settings())
        self._state = await self._pool.state(RUN_ID)
        while self._state["epoch"] < EPOCHS:
            if self._state["state"] == "failed":
                raise AppError.from_body(self._state["error"], 500)
            if self._state["state"] != "stepping":
                step = {"type": "step", "unit": "epoch", "count": EPOCHS - self._state["epoch"]}
                await self._pool.command(RUN_ID, step)
            await asyncio.sleep(POLL_S)
            self._state = await self._pool.state(RUN_ID)
        data = await self._pool.weights(RUN_ID)
        await self._pool.close(RUN_ID)
        return data

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
        probabilities: list[float] = self._network.predict(network_input(pixels))[0].tolist()
        return probabilities


def _read(path: Path) -> tuple[Sequential, float]:
    """A saved network and its accuracy on the test images; an engine error if it is unusable."""
    network = Sequential.load(path)
    network.compile(metrics=["accuracy"])
    return network, _accuracy(network)


def _of_bytes(data: bytes) -> tuple[Sequential, float]:
    """The same from the bytes that the run of the example gives, before they are in a file."""
    weights, _ = unseal(data)
    network = make_network(RunConfig().settings())
    network.build(DATASETS["mnist"][0])
    network.set_weights([weights[name] for name in network.parameters])
    return network, _accuracy(network)


def _accuracy(network: Sequential) -> float:
    _, accuracy = Evaluation(network, load_data_set().test).run()
    return accuracy or 0.0
