"""The runs of this server: who owns each, who watches it, and how long it is kept."""

import asyncio
import contextlib
import hashlib
import secrets
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from app.errors import AppError, unknown_run
from app.recipes import Recipe
from app.settings import Settings
from app.storage.index import Entry, RunIndex
from app.viewers.hub import Hub
from app.viewers.viewer import Viewer, closing
from app.workers.pool import MOVING, WorkerPool

SWEEP_EVERY_S = 5.0
# The slower part of sweeping: removing runs that have expired, or are too many.
FORGET_EVERY_S = 60.0
# A run that somebody has just asked for is not closed to make room for another. This time is short:
# a closed run comes back when it is asked for, and a script may make hundreds of runs in a minute.
SAFE_FOR_S = 5.0
DAY_S = 24 * 3600

log = structlog.get_logger()


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


@dataclass(slots=True)
class Record:
    """What the web process knows about an open run."""

    run_id: str
    key: bytes
    owner: bytes
    hub: Hub
    touched: float
    was_watched: bool = False
    used: bool = True  # since the index was last told


class Registry:
    """Makes, finds, closes and removes runs."""

    def __init__(
        self,
        settings: Settings,
        pool: WorkerPool,
        index: RunIndex,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._index = index
        self._records: dict[str, Record] = {}
        self._removed: set[str] = set()  # being removed now
        self._admitting = asyncio.Lock()
        self.pool = pool

    def __len__(self) -> int:
        return len(self._records)

    @property
    def viewers(self) -> int:
        """The number of viewers of all runs."""
        return sum(len(record.hub.viewers) for record in self._records.values())

    # Making

    async def create(self, recipe: Recipe, visitor: str) -> tuple[str, str, dict[str, Any]]:
        """Make a run that follows a recipe, for a visitor; returns its id, key and state."""
        config, actions = recipe.config.settings(), recipe.log()
        if actions:
            await self.pool.check(config, actions)
        keep = partial(
            self._index.add,
            config=config,
            name=recipe.name,
            follows_to=recipe.follows_to or None,
            actions=actions,
        )
        return await self._begin(keep, visitor)

    async def branch(
        self, source: Record, batch: int, command: dict[str, Any] | None, visitor: str
    ) -> tuple[str, str, dict[str, Any]]:
        """Make a run that shares the past of another; returns its id, key and state."""
        await self.pool.save(source.run_id, batch)
        keep = partial(self._index.branch, source.run_id, batch=batch)
        return await self._begin(keep, visitor, command)

    async def _begin(
        self, keep: Callable[..., None], visitor: str, command: dict[str, Any] | None = None
    ) -> tuple[str, str, dict[str, Any]]:
        """Keep a new run, open it, and give it a first command; if that fails, remove it again."""
        run_id, key = secrets.token_hex(16), secrets.token_urlsafe(24)
        record = await self._admit(run_id, _digest(key), _digest(visitor))
        try:
            await asyncio.to_thread(keep, run_id, key=record.key, owner=record.owner)
            state = await self.pool.state(run_id)
            if command is not None:
                state = await self.pool.command(run_id, command)
        except BaseException:
            await self.remove(record)
            raise
        log.info("run created", run=run_id)
        return run_id, key, state

    async def _admit(self, run_id: str, key: bytes, owner: bytes) -> Record:
        """The record of a run that is to be opened; `AppError` if there is no room for it."""
        if self._crowd(owner):
            async with self._admitting:  # one at a time: two would take the same place
                while (crowd := self._crowd(owner)) and run_id not in self._records:
                    await self._make_room(crowd)
        # No `await` between the check that there is room and taking it.
        if run_id not in self._records:
            hub = Hub(run_id, self.pool)
            self._records[run_id] = Record(run_id, key, owner, hub, self._clock())
        return self._records[run_id]

    def _crowd(self, owner: bytes) -> list[Record]:
        """The runs of which one has to close before this owner opens another; [] if none has to."""
        every = list(self._records.values())
        own = [record for record in every if record.owner == owner]
        if len(own) >= self._settings.max_visitor_runs:
            return own
        return every if len(every) >= self._settings.max_runs else []

    # Finding

    async def find(self, run_id: str) -> Record:
        """The run of that id, opened if it rests on disk; `AppError` if there is none."""
        record = self._records.get(run_id)
        if record is None:
            entry = await asyncio.to_thread(self._index.find, run_id)
            if entry is None or not entry.owner or run_id in self._removed:
                raise unknown_run()
            record = await self._admit(run_id, entry.key, entry.owner)
        record.touched = self._clock()
        record.used = True
        return record

    async def runs_of(self, visitor: str | None, key: str | None) -> list[dict[str, Any]]:
        """The runs that a visitor or a key owns, each as an entry of the list of runs."""
        return await asyncio.to_thread(self._runs_of, visitor, key)

    def _runs_of(self, visitor: str | None, key: str | None) -> list[dict[str, Any]]:
        if key is not None:
            entries = self._index.of_key(_digest(key))
        else:
            entries = self._index.of_owner(_digest(visitor)) if visitor else []
        return [self._shown(entry) for entry in entries]

    def _shown(self, entry: Entry) -> dict[str, Any]:
        figures, used = entry.figures(), entry.used
        record = self._records.get(entry.run_id)
        if record is None:
            if figures["state"] in MOVING:  # when it was saved; now it rests
                figures["state"] = "paused"
        else:  # the index is up to a minute behind
            used = time.time() - self._unwatched_for(record)
        return {
            "id": entry.run_id,
            "name": entry.name,
            **figures,
            "layers": entry.config["layers"],
            "changes": self._index.count_actions(entry.run_id),
            "created": entry.created,
            "used": used,
            "expires": used + self._settings.keep_days * DAY_S,
            "curve": [list(point) for point in self._index.curve(entry.run_id)],
        }

    def is_writable(self, record: Record, key: str | None, visitor: str | None) -> bool:
        """Whether the key, or the visitor's cookie, proves ownership of the run."""
        return any(
            secret is not None and secrets.compare_digest(_digest(secret), digest)
            for secret, digest in ((key, record.key), (visitor, record.owner))
        )

    # Using

    async def rename(self, record: Record, name: str) -> dict[str, Any]:
        """Give a run another name; returns its entry in the list."""
        await self.pool.rename(record.run_id, name)
        entry = await asyncio.to_thread(self._index.find, record.run_id)
        if entry is None:
            raise unknown_run()  # it has been removed meanwhile
        return await asyncio.to_thread(self._shown, entry)

    def join(self, record: Record, viewer: Viewer) -> None:
        """Let a viewer watch a run; `AppError` if too many do."""
        if len(record.hub.viewers) >= self._settings.max_viewers:
            raise AppError(
                "too_many_viewers",
                f"expected at most {self._settings.max_viewers} viewers of one run",
                "Close another window that shows it, or make a run of your own.",
                status=503,
            )
        record.hub.join(viewer)
        record.was_watched = True

    def leave(self, record: Record, viewer: Viewer) -> None:
        """Note that a viewer has gone; after the last one the run counts as unwatched."""
        record.hub.leave(viewer)
        record.touched = self._clock()

    def tell_all(self, event: dict[str, Any]) -> None:
        """Send an event to every viewer of every run."""
        for record in self._records.values():
            record.hub.tell_all(event)

    async def dismiss(self, event: dict[str, Any], within: float) -> None:
        """Send all viewers a last event, and cut off those still there after `within` seconds."""
        self.tell_all(event)
        until = self._clock() + within
        while self.viewers and self._clock() < until:  # noqa: ASYNC110 - many leave, one waits
            await asyncio.sleep(0.01)
        for record in self._records.values():
            for viewer in record.hub.viewers:
                viewer.overrun.set()

    # Ending

    async def remove(self, record: Record) -> None:
        """End a run for good, with everything that is kept of it."""
        gone = AppError(
            "run_deleted",
            "this run has been deleted",
            "Make a new one.",
            status=404,
        )
        record.hub.tell_all(closing(gone))
        self._removed.add(record.run_id)
        self._records.pop(record.run_id, None)
        try:
            # Requests with a record found earlier wait until all of the run is removed.
            async with self.pool.closed(record.run_id):
                await asyncio.to_thread(self._index.remove, record.run_id)
        finally:
            self._removed.discard(record.run_id)
        log.info("run removed", run=record.run_id)

    async def sweep(self) -> None:
        """Pause, close and remove runs that nobody looks at; never returns."""
        forgot = -FORGET_EVERY_S
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            try:
                await self._close_unwatched()
                await asyncio.to_thread(self._index.tidy)
                if self._clock() - forgot > FORGET_EVERY_S:
                    forgot = self._clock()
                    await self._forget_unused()
            except sqlite3.Error as error:  # a full or failing disk, which may recover
                log.error("sweeping failed", reason=str(error))

    async def _close_unwatched(self) -> None:
        for record in list(self._records.values()):
            unwatched = self._unwatched_for(record)
            if unwatched > self._settings.run_ttl_s:
                await self._close(record)
            elif self.pool.is_moving(record.run_id) and unwatched > self._patience(record):
                await self._stop_moving(record)

    async def _forget_unused(self) -> None:
        """Remove runs that have expired, and the least used ones of visitors who have too many."""
        index = self._index
        used = [record for record in self._records.values() if record.used or record.hub.viewers]
        await asyncio.to_thread(index.touch, [record.run_id for record in used])
        for record in used:
            record.used = False
        oldest = time.time() - self._settings.keep_days * DAY_S
        expired = await asyncio.to_thread(index.unused_since, oldest)
        crowded = await asyncio.to_thread(index.beyond, self._settings.max_kept_runs)
        for run_id in {*expired, *crowded}:
            if run_id in self._records:
                continue
            await asyncio.to_thread(index.remove, run_id)
            log.info("run expired", run=run_id)

    async def _make_room(self, crowd: list[Record]) -> None:
        """Close the run that has been unwatched for longest; `AppError` if none may be closed."""

        # Runs that move are tried last: they may have stopped by themselves, but seldom have.
        def by_turn(record: Record) -> tuple[bool, float]:
            return self.pool.is_moving(record.run_id), -self._unwatched_for(record)

        for record in sorted(crowd, key=by_turn):
            if await self._may_rest(record):
                await self._rest(record)
                return
        is_server_full = len(crowd) >= self._settings.max_runs
        raise AppError(
            "too_many_runs",
            f"expected at most {len(crowd)} runs {'' if is_server_full else 'of one visitor '}"
            "at once, and all are in use",
            "Continue with one of them, or try again in a few seconds.",
            status=503 if is_server_full else 429,
        )

    async def _may_rest(self, record: Record) -> bool:
        """Whether a run has been unwatched for a while, and does not play, step or seek."""
        if self._unwatched_for(record) < SAFE_FOR_S:
            return False
        with contextlib.suppress(AppError):
            if (await self.pool.state(record.run_id))["state"] in MOVING:
                return False
        is_kept = await self._is_kept(record)
        return is_kept and self._unwatched_for(record) >= SAFE_FOR_S  # nobody came meanwhile

    async def _is_kept(self, record: Record) -> bool:
        """Whether all of a run is on disk; if that is full, its worker alone has the rest."""
        try:
            await self.pool.save(record.run_id, 0)
        except AppError as error:
            return error.code == "worker_lost"  # then the worker has nothing any more
        return True

    async def _stop_moving(self, record: Record) -> None:
        """Pause a run, unless it has come to rest by itself."""
        with contextlib.suppress(AppError):
            if (await self.pool.state(record.run_id))["state"] in MOVING:
                await self.pool.command(record.run_id, {"type": "pause"})

    def _patience(self, record: Record) -> float:
        """How long a run may move unwatched: less if a page has watched it than for a script."""
        settings = self._settings
        return settings.left_pause_s if record.was_watched else settings.idle_pause_s

    def _unwatched_for(self, record: Record) -> float:
        return 0.0 if record.hub.viewers else self._clock() - record.touched

    async def _close(self, record: Record) -> None:
        """Close a run, which stays on disk; remove it if nothing has happened in it."""
        if self.pool.is_moving(record.run_id):
            # Otherwise it would come back as a run that a stop of the server interrupted.
            await self._stop_moving(record)
        if not await self._is_kept(record):
            return
        entry = await asyncio.to_thread(self._index.find, record.run_id)
        if self._unwatched_for(record) <= self._settings.run_ttl_s:
            return  # somebody came meanwhile
        if entry is not None and not entry.has_happened:
            await self.remove(record)
        else:
            await self._rest(record)

    async def _rest(self, record: Record) -> None:
        """Close a run, which stays on disk until it is asked for again."""
        self._records.pop(record.run_id, None)
        await self.pool.close(record.run_id)
        log.info("run closed", run=record.run_id)
