"""The supervised worker processes, behind an interface that hides where a run lives."""

import asyncio
from dataclasses import dataclass
from typing import Any

from app.errors import AppError
from app.workers.link import WorkerLink, worker_lost
from app.workers.message import Message

# A worker that dies at once again and again is restarted ever more slowly.
FIRST_RESTART_S = 0.05
SLOWEST_RESTART_S = 10.0


@dataclass(frozen=True, slots=True)
class Frame:
    """One moment of a run, as opaque messages in the order they are sent."""

    number: int
    version: int
    timeline: int
    to_batch: int
    messages: list[tuple[str, bytes]]


class WorkerPool:
    """`size` worker processes; each run lives in one of them.

    A run whose worker has died is lost: asking for it raises `worker_lost` until it is made
    again with `create`.
    """

    def __init__(self, size: int, *, history_bytes: int) -> None:
        self._history_bytes = history_bytes
        self._links = [self._link(number) for number in range(size)]
        self._homes: dict[str, WorkerLink] = {}
        self._restarting: dict[int, asyncio.Task[None]] = {}
        self._deaths = [0] * size
        self.restarts = 0

    def _link(self, number: int) -> WorkerLink:
        return WorkerLink(number, self._history_bytes, self._on_lost)

    async def start(self) -> None:
        """Start all workers."""
        await asyncio.gather(*(link.start() for link in self._links))

    async def drain(self) -> None:
        """Stop all workers and wait until they are gone."""
        for restart in self._restarting.values():
            restart.cancel()
        await asyncio.gather(*(link.stop() for link in self._links))

    @property
    def pids(self) -> list[int]:
        """The process numbers of the workers that are alive."""
        return [link.pid for link in self._links if link.alive and link.pid is not None]

    async def health(self) -> list[dict[str, Any]]:
        """What each worker says of itself; one that does not answer is `alive: false`."""

        async def ask(link: WorkerLink) -> dict[str, Any]:
            try:
                answer = await asyncio.wait_for(link.request("health"), 2.0)
            except (AppError, TimeoutError):
                return {"worker": link.number, "alive": False, "runs": 0}
            return {"worker": link.number, "alive": True, "runs": answer.header["runs"]}

        return await asyncio.gather(*(ask(link) for link in self._links))

    async def create(self, run_id: str, config: dict[str, Any]) -> dict[str, Any]:
        """Make a run in the worker that has fewest; returns its state."""
        for _ in self._links:  # a worker may turn out to have died only when it is asked
            try:
                return await self._create(run_id, config)
            except AppError as error:
                if error.code != "worker_lost":
                    raise
        raise worker_lost()

    async def _create(self, run_id: str, config: dict[str, Any]) -> dict[str, Any]:
        alive = [link for link in self._links if link.alive]
        if not alive:
            raise worker_lost()
        homes = list(self._homes.values())
        link = min(alive, key=homes.count)
        self._homes[run_id] = link
        try:
            answer = await link.request("create", run=run_id, config=config)
        except BaseException:
            self._homes.pop(run_id, None)
            raise
        self._deaths[link.number] = 0
        state: dict[str, Any] = answer.header["state"]
        return state

    async def command(self, run_id: str, command: dict[str, Any]) -> dict[str, Any]:
        """Carry out a checked command; returns the state after it."""
        answer = await self._ask(run_id, "command", command=command)
        state: dict[str, Any] = answer.header["state"]
        return state

    async def state(self, run_id: str) -> dict[str, Any]:
        """The run's state now."""
        state: dict[str, Any] = (await self._ask(run_id, "state")).header["state"]
        return state

    async def frames(self, run_id: str, want: dict[str, Any]) -> Frame | None:
        """The next frame that answers `want`; None if a newer want has replaced it."""
        answer = await self._ask(run_id, "frames", want=want)
        header = answer.header
        if header["frame"] is None:
            return None
        return Frame(
            header["frame"],
            header["version"],
            header["timeline"],
            header["to_batch"],
            list(zip(header["views"], answer.blobs, strict=True)),
        )

    async def series(self, run_id: str, from_batch: int) -> dict[str, Any]:
        """The per-batch series from `from_batch` on."""
        answer = await self._ask(run_id, "series", from_batch=from_batch)
        series: dict[str, Any] = answer.header["series"]
        return series

    async def tensor(self, run_id: str, name: str, batch: int | None) -> bytes:
        """A tensor as a `.npy` file, now or as it was at `batch`."""
        return (await self._ask(run_id, "tensor", name=name, batch=batch)).blobs[0]

    async def weights(self, run_id: str) -> bytes:
        """The network as a `.safetensors` file."""
        return (await self._ask(run_id, "weights")).blobs[0]

    async def view(self, run_id: str, name: str) -> bytes:
        """One view of the run now, as a `.safetensors` file."""
        return (await self._ask(run_id, "view", name=name)).blobs[0]

    async def program(self, run_id: str) -> dict[str, Any]:
        """What runs in each phase, line by line, with the engine's own source."""
        program: dict[str, Any] = (await self._ask(run_id, "program")).header["program"]
        return program

    async def classify(self, run_id: str, pixels: list[int]) -> list[float]:
        """The probabilities that the run's present network gives 784 pixels of 0 to 255."""
        answer = await self._ask(run_id, "classify", pixels=pixels)
        probabilities: list[float] = answer.header["probabilities"]
        return probabilities

    async def close(self, run_id: str) -> None:
        """End a run and free what it held."""
        try:
            await self._ask(run_id, "close")
        finally:
            self._homes.pop(run_id, None)

    async def _ask(self, run_id: str, op: str, **fields: Any) -> Message:
        link = self._homes.get(run_id)
        if link is None:
            raise worker_lost()
        return await link.request(op, run=run_id, **fields)

    def _on_lost(self, link: WorkerLink) -> None:
        self._homes = {run: home for run, home in self._homes.items() if home is not link}
        self._restarting[link.number] = asyncio.create_task(self._restart(link.number))

    async def _restart(self, number: int) -> None:
        await asyncio.sleep(min(SLOWEST_RESTART_S, FIRST_RESTART_S * 2 ** self._deaths[number]))
        self._deaths[number] += 1
        self.restarts += 1
        self._links[number] = self._link(number)
        await self._links[number].start()
