"""A server's logic without its processes: the registry, the pool, and workers in this process."""

import asyncio
import contextlib
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from app import registry as registry_module
from app.errors import AppError
from app.recipes import Recipe
from app.registry import Record, Registry
from app.settings import Settings
from app.storage.database import prepare
from app.storage.index import RunIndex
from app.workers.link import WorkerLink, worker_lost
from app.workers.message import Received
from app.workers.pool import WorkerPool
from tests.support.hosting import Hosting
from tests.support.runs import HISTORY_BYTES, SMALL_LAYERS, Clock

LIMIT_S = 60.0


class LocalLink(WorkerLink):
    """A link to a host in this very process, which works between the turns of the event loop."""

    _hosting: Hosting | None = None

    async def start(self) -> None:
        """Start to work."""
        self.works = asyncio.Event()  # while it is cleared, nothing is read and nothing done
        self.works.set()
        self._hosting = Hosting(Clock(tick=0.001), Path(self._arguments[0]))
        self._inbox: deque[tuple[dict[str, Any], asyncio.Future[Received]]] = deque()
        self._working = asyncio.create_task(self._work())

    @property
    def alive(self) -> bool:
        """Whether requests can be sent."""
        return self._hosting is not None

    @property
    def hosting(self) -> Hosting:
        """Its host."""
        if self._hosting is None:
            raise RuntimeError("this worker is dead")
        return self._hosting

    @property
    def unread(self) -> list[str]:
        """What it has been asked for and has not read yet."""
        return [fields["op"] for fields, _ in self._inbox]

    async def request(self, op: str, **fields: Any) -> Received:
        """Ask the host."""
        if self._hosting is None:
            raise worker_lost()
        answer: asyncio.Future[Received] = asyncio.get_running_loop().create_future()
        self._inbox.append(({"op": op, **fields}, answer))
        message = await answer
        if "error" in message.header:
            raise AppError.from_body(message.header["error"], message.header["status"])
        return message

    def use_threads(self, threads: int) -> None:
        """One is enough here."""

    async def stop(self, grace_s: float = 2.0) -> None:
        """End in good order: everything is kept."""
        if self._hosting is not None:
            await self._stop_working()
            self._hosting.close()
            self._hosting = None

    async def die(self) -> None:
        """End as a killed process does: nothing more is kept, nobody is answered."""
        await self._stop_working()
        host, self._hosting = self.hosting.host, None
        host._writer.shutdown()
        host._database.close()
        for _, answer in (*self._inbox, *self._asked.values()):
            if not answer.done():
                answer.set_exception(worker_lost())
        self._lost(self)

    async def _stop_working(self) -> None:
        self._working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._working

    async def _work(self) -> None:
        self._asked: dict[int, tuple[str, asyncio.Future[Received]]] = {}
        hosting = self.hosting
        while True:
            await self.works.wait()
            while self._inbox:
                fields, answer = self._inbox.popleft()
                self._asked[hosting.send(**fields)] = (fields["op"], answer)
            hosting.turn()
            for message in hosting.answers:
                _, asked = self._asked.pop(message.header["id"], ("", None))
                if asked is not None and not asked.done():
                    asked.set_result(message)
            hosting.answers.clear()
            await asyncio.sleep(0)


class LocalPool(WorkerPool):
    """A pool of workers in this process."""

    @property
    def workers(self) -> list[LocalLink]:
        """Its workers as they are now."""
        return [link for link in self._links if isinstance(link, LocalLink)]

    def _link(self, number: int) -> LocalLink:
        return LocalLink(
            number, self._data_dir, self._history_bytes, self._on_lost, self._share_cores
        )


class FragileIndex(RunIndex):
    """The index, which counts the sweeps, and whose disk can be full for a while."""

    is_full = False
    sweeps = 0

    def tidy(self) -> None:
        """The last thing that each sweep does."""
        self.sweeps += 1
        self._write()
        super().tidy()

    def remove(self, run_id: str) -> None:
        """As ever, unless the disk is full."""
        self._write()
        super().remove(run_id)

    def _write(self) -> None:
        if self.is_full:
            raise sqlite3.OperationalError("database or disk is full")


class House:
    """A registry with all that it needs. Its sweeping is under way; time stands still."""

    def __init__(self, data_dir: Path, *, workers: int = 1, **settings: Any) -> None:
        prepare(data_dir)
        self.settings = Settings(data_dir=data_dir, **settings)
        self.clock = Clock()
        self.index = FragileIndex(data_dir)
        self.pool = LocalPool(workers, data_dir=data_dir, history_bytes=HISTORY_BYTES, threads=1)
        self.registry = Registry(self.settings, self.pool, self.index, self.clock)
        self.sweeping: asyncio.Task[None] | None = None

    @property
    def worker(self) -> LocalLink:
        """The first worker."""
        return self.pool.workers[0]

    async def make(self, visitor: str = "visitor") -> Record:
        """Make a small run."""
        recipe = Recipe.model_validate({"config": {"layers": SMALL_LAYERS}})
        run_id, _, _ = await self.registry.create(recipe, visitor)
        return await self.registry.find(run_id)

    async def command(self, record: Record, kind: str, **fields: Any) -> dict[str, Any]:
        """Carry out a command; the state after it."""
        return await self.pool.command(record.run_id, {"type": kind, **fields})

    async def step(self, record: Record, count: int) -> None:
        """Step, to the end of it."""
        await self.command(record, "step", unit="batch", count=count)
        await until(lambda: self.is_in(record, "paused"))

    async def is_in(self, record: Record, state: str) -> bool:
        """Whether a run is in that state, which nobody is said to have asked for."""
        return bool((await self.pool.state(record.run_id))["state"] == state)

    async def hosted(self) -> int:
        """How many runs the workers host."""
        return sum(worker["runs"] for worker in await self.pool.health())

    async def pass_time(self, seconds: float) -> None:
        """Let time pass, and a whole sweep after it."""
        self.clock.now += seconds
        enough = self.index.sweeps + 2  # one may have been under way

        def swept() -> bool:
            if self.sweeping is None or self.sweeping.done():
                raise AssertionError(f"it does not sweep any more: {self.sweeping}")
            return self.index.sweeps >= enough

        await until(swept)


async def until(happened: Callable[[], bool | Awaitable[bool]]) -> None:
    """Ask `happened()` between the turns of the event loop until it is true."""
    while True:
        answer = happened()
        if answer if isinstance(answer, bool) else await answer:
            return
        await asyncio.sleep(0.001)


@contextlib.asynccontextmanager
async def open_house(data_dir: Path, **settings: Any) -> AsyncIterator[House]:
    """A house for the time of an `async with` block, of a minute at most."""
    house = House(data_dir, **settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry_module, "SWEEP_EVERY_S", 0.001)
        async with asyncio.timeout(LIMIT_S):
            await house.pool.start()
            house.sweeping = asyncio.create_task(house.registry.sweep())
            try:
                await house.pass_time(0)  # the first sweep of all, which tidies, is over
                yield house
            finally:
                house.sweeping.cancel()
                await asyncio.gather(house.sweeping, return_exceptions=True)
                await house.pool.drain()
                house.index.close()
