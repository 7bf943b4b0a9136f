"""The runs of this server: who owns each, who watches it, and when it has been forgotten."""

import asyncio
import contextlib
import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from app.errors import AppError
from app.settings import Settings
from app.viewers.hub import Hub
from app.viewers.viewer import Viewer
from app.workers.pool import WorkerPool

SWEEP_EVERY_S = 5.0
# A run that has just been made or asked for is never closed to make room for another.
SAFE_FOR_S = 300.0

log = structlog.get_logger()


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


@dataclass(slots=True)
class Record:
    """What the web process knows of a run."""

    run_id: str
    config: dict[str, Any]
    key: bytes
    owner: bytes
    hub: Hub
    touched: float
    playing: bool = False
    was_watched: bool = False


class Registry:
    """Makes, finds and closes runs; all reading and writing of them goes through here."""

    def __init__(
        self,
        settings: Settings,
        pool: WorkerPool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._records: dict[str, Record] = {}
        self.pool = pool

    def __len__(self) -> int:
        return len(self._records)

    @property
    def viewers(self) -> int:
        """How many viewers there are in all."""
        return sum(len(record.hub.viewers) for record in self._records.values())

    async def create(self, config: dict[str, Any], visitor: str) -> tuple[str, str, dict[str, Any]]:
        """Make a run for a visitor; returns its id, its key and its state."""
        await self._make_room()
        run_id, key = secrets.token_hex(16), secrets.token_urlsafe(24)
        hub = Hub(run_id, self.pool)
        self._records[run_id] = Record(
            run_id, config, _digest(key), _digest(visitor), hub, self._clock()
        )
        try:
            state = await self.pool.create(run_id, config)
        except BaseException:
            del self._records[run_id]
            raise
        log.info("run created", run=run_id)
        return run_id, key, state

    def find(self, run_id: str) -> Record:
        """The run of that id, which has now been asked for; `AppError` if there is none."""
        record = self._records.get(run_id)
        if record is None:
            raise AppError(
                "unknown_run",
                "expected the id of a run of this server, got one it does not know",
                "It may have expired or been closed. Make a new one with POST /api/runs.",
                status=404,
            )
        record.touched = self._clock()
        return record

    def is_writable(self, record: Record, key: str | None, visitor: str | None) -> bool:
        """Whether the key, or the visitor's cookie, proves ownership of the run."""
        return any(
            secret is not None and secrets.compare_digest(_digest(secret), digest)
            for secret, digest in ((key, record.key), (visitor, record.owner))
        )

    async def command(self, record: Record, command: dict[str, Any]) -> dict[str, Any]:
        """Carry out a checked command; a reset also brings back a run whose worker has died."""
        try:
            state = await self.pool.command(record.run_id, command)
        except AppError as error:
            if error.code != "worker_lost" or command["type"] != "reset":
                raise
            state = await self.pool.create(record.run_id, record.config)
        record.playing = state["state"] == "playing"
        return state

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
        """A viewer has gone; from now on the run counts as unwatched if it was the last."""
        record.hub.leave(viewer)
        record.touched = self._clock()

    def tell_all(self, event: dict[str, Any]) -> None:
        """Send an event to every viewer of every run."""
        for record in self._records.values():
            record.hub.tell_all(event)

    async def dismiss(self, event: dict[str, Any], within: float) -> None:
        """Say goodbye to all viewers, and cut off those who have not taken it after `within` s."""
        self.tell_all(event)
        until = self._clock() + within
        while self.viewers and self._clock() < until:  # noqa: ASYNC110 - many leave, one waits
            await asyncio.sleep(0.01)
        for record in self._records.values():
            for viewer in record.hub.viewers:
                viewer.overrun.set()

    async def sweep(self) -> None:
        """Pause and close what nobody looks at, for ever."""
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            for record in list(self._records.values()):
                unwatched = self._unwatched_for(record)
                if unwatched > self._settings.run_ttl_s:
                    await self._close(record)
                elif record.playing and unwatched > self._patience(record):
                    with contextlib.suppress(AppError):
                        await self.command(record, {"type": "pause"})

    async def _make_room(self) -> None:
        if len(self._records) < self._settings.max_runs:
            return
        at_rest = (record for record in self._records.values() if not record.playing)
        oldest = max(at_rest, key=self._unwatched_for, default=None)
        if oldest is None or self._unwatched_for(oldest) < SAFE_FOR_S:
            raise AppError(
                "too_many_runs",
                f"expected at most {self._settings.max_runs} runs at once, and all are in use",
                "Go on with a run you have, or try again in a few minutes.",
                status=503,
            )
        await self._close(oldest)

    def _patience(self, record: Record) -> float:
        """How long a run may play for nobody: a page is missed sooner than a script."""
        settings = self._settings
        return settings.left_pause_s if record.was_watched else settings.idle_pause_s

    def _unwatched_for(self, record: Record) -> float:
        return 0.0 if record.hub.viewers else self._clock() - record.touched

    async def _close(self, record: Record) -> None:
        del self._records[record.run_id]
        with contextlib.suppress(AppError):
            await self.pool.close(record.run_id)
        log.info("run closed", run=record.run_id)
