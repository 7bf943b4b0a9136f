"""The supervised worker processes, behind an interface that hides where a run lives."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import structlog

from app.errors import AppError
from app.workers.link import WorkerLink, worker_lost
from app.workers.message import Received

# A worker that keeps dying at once is restarted after longer and longer pauses.
FIRST_RESTART_S = 0.05
SLOWEST_RESTART_S = 10.0
# After losing this many workers in a row, a request or the opening of a run is given up: it may be
# what kills them.
ATTEMPTS = 3
# Requests that must not be repeated: the caller has to check whether they were carried out.
ONCE = {"command"}
# States in which a run goes on by itself, whether anybody looks or not.
MOVING = {"playing", "stepping"}
# Commands after which a run may be in one of these.
SETS_MOVING = {"play", "step", "seek", "undo"}
# How often, and how long each time, to wait for a worker if none is alive.
WAITS, WAIT_S = 200, 0.02

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Frame:
    """One moment of a run, as opaque messages in the order of sending."""

    number: int
    version: int
    timeline: int
    untrained: bool
    to_batch: int
    messages: list[tuple[str, memoryview]]

    @classmethod
    def of(cls, answer: Received) -> "Frame | None":
        """The frame in a worker's answer to a want; None if a newer want replaced it."""
        header = answer.header
        if header["frame"] is None:
            return None
        return cls(
            header["frame"],
            header["version"],
            header["timeline"],
            header["untrained"],
            header["to_batch"],
            list(zip(header["views"], answer.blobs, strict=True)),
        )


class WorkerPool:
    """`size` worker processes; each open run lives in one of them.

    A kept run that is asked for is opened first. The runs of a worker that has died are opened
    again in another worker or in its successor: those that were moving at once, so that they need
    not wait for those at rest; those at rest when they are asked for.
    """

    def __init__(self, size: int, *, data_dir: Path, history_bytes: int, threads: int) -> None:
        self._data_dir = data_dir
        self._history_bytes = history_bytes
        self._links = [self._link(number) for number in range(size)]
        self._homes: dict[str, WorkerLink] = {}
        self._opening: dict[str, asyncio.Task[WorkerLink]] = {}
        self._expected: dict[str, WorkerLink] = {}
        # For each run a lock, held while it is opened or closed.
        self._turns = WeakValueDictionary[str, asyncio.Lock]()
        self._moving: set[str] = set()  # by their last known states
        self._lost: set[str] = set()  # runs that have yet to be opened again
        self._restarting: dict[int, asyncio.Task[None]] = {}
        self._restart_after = [FIRST_RESTART_S] * size
        self._threads = threads
        self.restarts = 0

    def _link(self, number: int) -> WorkerLink:
        return WorkerLink(
            number, self._data_dir, self._history_bytes, self._on_lost, self._share_cores
        )

    async def start(self) -> None:
        """Start all workers."""
        await asyncio.gather(*(link.start() for link in self._links))

    async def drain(self) -> None:
        """Stop all workers and wait until they are gone."""
        for task in (*self._restarting.values(), *self._opening.values()):
            task.cancel()
        await asyncio.gather(*(link.stop() for link in self._links))

    def give_up(self) -> None:
        """Answer all requests that wait for a worker: the server is about to stop."""
        for link in self._links:
            link.give_up()

    @property
    def pids(self) -> list[int]:
        """The process numbers of the workers that are alive."""
        return [link.pid for link in self._links if link.alive and link.pid is not None]

    async def health(self) -> list[dict[str, Any]]:
        """What each worker reports; one that does not answer has `alive: false`."""

        async def ask(link: WorkerLink) -> dict[str, Any]:
            try:
                answer = await asyncio.wait_for(link.request("health"), 2.0)
            except (AppError, TimeoutError):
                return {"worker": link.number, "alive": False, "runs": 0, "threads": 0}
            told = {name: answer.header[name] for name in ("runs", "threads")}
            return {"worker": link.number, "alive": True, **told}

        return await asyncio.gather(*(ask(link) for link in self._links))

    async def check(self, config: dict[str, Any], actions: list[Any]) -> None:
        """Raise `AppError` unless every change of a recipe can be made on its network."""
        await self._persist(self._any_link, "check", config=config, actions=actions)

    async def command(self, run_id: str, command: dict[str, Any]) -> dict[str, Any]:
        """Carry out a checked command; returns the state after it."""
        was_moving = run_id in self._moving
        if command["type"] in SETS_MOVING:
            # Noted at once: the caller may leave before the answer comes, and the run still moves.
            self._moving.add(run_id)
        try:
            answer = await self._ask(run_id, "command", command=command)
        except AppError as error:
            # A command that was lost with its worker may have been carried out.
            if error.code != "worker_lost" and not was_moving:
                self._moving.discard(run_id)
            raise
        state: dict[str, Any] = answer.header["state"]
        return state

    def is_moving(self, run_id: str) -> bool:
        """Whether a run plays, steps or seeks, as far as its last state says."""
        return run_id in self._moving

    async def state(self, run_id: str) -> dict[str, Any]:
        """The run's state now."""
        state: dict[str, Any] = (await self._ask(run_id, "state")).header["state"]
        return state

    async def frames(self, run_id: str, want: dict[str, Any]) -> Frame | None:
        """The next frame that answers `want`; None if a newer want has replaced it."""
        return Frame.of(await self._ask(run_id, "frames", want=want))

    async def series(self, run_id: str, from_batch: int) -> memoryview:
        """The per-batch series from `from_batch` on, as JSON."""
        return (await self._ask(run_id, "series", from_batch=from_batch)).blobs[0]

    async def tensor(self, run_id: str, name: str, batch: int | None) -> bytes:
        """A tensor as a `.npy` file, now or as it was at `batch`."""
        return bytes((await self._ask(run_id, "tensor", name=name, batch=batch)).blobs[0])

    async def weights(self, run_id: str) -> bytes:
        """The network as a `.safetensors` file."""
        return bytes((await self._ask(run_id, "weights")).blobs[0])

    async def view(self, run_id: str, name: str) -> bytes:
        """One view of the run now, as a `.safetensors` file."""
        return bytes((await self._ask(run_id, "view", name=name)).blobs[0])

    async def program(self, run_id: str) -> dict[str, Any]:
        """What runs in each phase, line by line, with the engine's own source."""
        program: dict[str, Any] = (await self._ask(run_id, "program")).header["program"]
        return program

    async def classify(self, run_id: str, pixels: list[int]) -> list[float]:
        """The probabilities that the run's present network gives 784 pixels of 0 to 255."""
        answer = await self._ask(run_id, "classify", pixels=pixels)
        probabilities: list[float] = answer.header["probabilities"]
        return probabilities

    async def recipe(self, run_id: str) -> dict[str, Any]:
        """The run's recipe as JSON."""
        recipe: dict[str, Any] = (await self._ask(run_id, "recipe")).header["recipe"]
        return recipe

    async def rename(self, run_id: str, name: str) -> None:
        """Give a run another name."""
        await self._ask(run_id, "rename", name=name)

    async def save(self, run_id: str, batch: int) -> None:
        """Save everything of a run as it is now; `AppError` if it was not trained to `batch`."""
        await self._ask(run_id, "save", batch=batch)

    async def close(self, run_id: str) -> None:
        """Close a run, which stays on disk, and free what it held in its worker."""
        async with self.closed(run_id):
            pass

    @contextlib.asynccontextmanager
    async def closed(self, run_id: str) -> AsyncIterator[None]:
        """Close a run; requests for it meanwhile wait until the end of the block."""
        self._moving.discard(run_id)
        self._lost.discard(run_id)
        async with self._turn(run_id):
            link = self._homes.pop(run_id, None)
            if link is not None:
                with contextlib.suppress(AppError):  # a lost worker has closed it, too
                    await link.request("close", run=run_id)
            yield

    def _turn(self, run_id: str) -> asyncio.Lock:
        return self._turns.setdefault(run_id, asyncio.Lock())

    async def _ask(self, run_id: str, op: str, **fields: Any) -> Received:
        """Ask the run's worker."""
        answer = await self._persist(partial(self._home, run_id), op, run=run_id, **fields)
        self._note(run_id, answer)
        return answer

    async def _persist(
        self, find: Callable[[], Awaitable[WorkerLink]], op: str, **fields: Any
    ) -> Received:
        """Ask the worker that `find` returns; if it is lost, ask again what may be repeated."""
        for _ in range(ATTEMPTS):
            link = await find()
            try:
                return await link.request(op, **fields)
            except AppError as error:
                if error.code != "worker_lost" or op in ONCE:
                    raise
        raise worker_lost()

    def _note(self, run_id: str, answer: Received) -> None:
        """Remember whether the run is moving, if the answer says so."""
        if "state" not in answer.header:
            return
        if answer.header["state"]["state"] in MOVING:
            self._moving.add(run_id)
        else:
            self._moving.discard(run_id)

    async def _home(self, run_id: str) -> WorkerLink:
        """The worker in which a run lives; opens the run in one if need be."""
        link = self._homes.get(run_id)
        if link is not None:
            return link
        return await asyncio.shield(self._begin_opening(run_id))

    def _begin_opening(self, run_id: str) -> asyncio.Task[WorkerLink]:
        task = self._opening.get(run_id)
        if task is None:
            task = asyncio.create_task(self._open(run_id, lost=run_id in self._lost))
            self._opening[run_id] = task
            task.add_done_callback(lambda done: self._opened(run_id, done))
        return task

    def _opened(self, run_id: str, task: asyncio.Task[WorkerLink]) -> None:
        self._opening.pop(run_id, None)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None and getattr(error, "code", "") != "unknown_run":  # it has been removed
            log.warning("run not opened", run=run_id, reason=str(error))

    async def _open(self, run_id: str, *, lost: bool) -> WorkerLink:
        async with self._turn(run_id):  # waits until a run that is being closed is saved
            for _ in range(ATTEMPTS):  # a worker's death may only show when it is asked
                link = await self._any_link()
                self._expected[run_id] = link
                try:
                    await link.request("open", run=run_id, lost=lost)
                except AppError as error:
                    if error.code != "worker_lost":
                        raise
                    lost = True
                else:
                    self._homes[run_id] = link
                    self._lost.discard(run_id)
                    return link
                finally:
                    self._expected.pop(run_id, None)
            raise worker_lost()

    async def _any_link(self) -> WorkerLink:
        """The live worker with the fewest runs; waits a moment if none is alive."""
        for _ in range(WAITS):
            alive = [link for link in self._links if link.alive]
            if alive:
                homes = [*self._homes.values(), *self._expected.values()]
                return min(alive, key=homes.count)
            await asyncio.sleep(WAIT_S)
        raise worker_lost()

    def _share_cores(self) -> None:
        """Let a run that computes alone use several cores; if there are many, one each."""
        alone = sum(link.busy for link in self._links) == 1
        for link in self._links:
            link.use_threads(self._threads if alone and link.busy else 1)

    def _on_lost(self, link: WorkerLink) -> None:
        self._restarting[link.number] = asyncio.create_task(self._restart(link.number))
        self._share_cores()
        lost = [run_id for run_id, home in self._homes.items() if home is link]
        for run_id in lost:
            del self._homes[run_id]
            self._lost.add(run_id)
            if run_id in self._moving:
                self._begin_opening(run_id)

    async def _restart(self, number: int) -> None:
        """Replace a lost worker by a new one, in as many tries as it takes."""
        started = False
        while not started:
            await asyncio.sleep(self._restart_after[number])
            self._restart_after[number] = min(SLOWEST_RESTART_S, 2 * self._restart_after[number])
            link = self._links[number] = self._link(number)
            try:
                await link.start()
                started = True
            except OSError as error:  # no more processes or files at the moment
                log.error("worker not started", worker=number, reason=str(error))
        self.restarts += 1
        with contextlib.suppress(AppError):
            await link.request("health")
            # It works: after the next death it is restarted without a long pause.
            self._restart_after[number] = FIRST_RESTART_S
