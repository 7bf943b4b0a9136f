"""All viewers of one run: asks for the next frame as soon as one of them may be sent it."""

import asyncio
import time
from collections.abc import Callable, Collection
from typing import Any, Protocol

from app.errors import AppError
from app.viewers.viewer import Need, Viewer
from app.workers.pool import Frame

# While the run's worker is gone, ask again after this time.
RETRY_S = 1.0


class FrameSource(Protocol):
    """Where frames come from: the worker pool, which knows where the run lives."""

    async def frames(self, run_id: str, want: dict[str, Any]) -> Frame | None:
        """The next frame that answers `want`; None if a newer want has replaced it."""


class Hub:
    """Frames are pulled, not pushed: a run makes none that nobody can take.

    A frame is made once for all viewers that are ready for it, and sent to each unchanged.
    """

    def __init__(
        self, run_id: str, source: FrameSource, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._run_id = run_id
        self._source = source
        self._clock = clock
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._last_frame = 0
        self.viewers: set[Viewer] = set()

    def join(self, viewer: Viewer) -> None:
        """Add a viewer; the first one starts the hub's work."""
        self.viewers.add(viewer)
        self.wake()
        if self._task is None:
            self._task = asyncio.create_task(self._work())

    def leave(self, viewer: Viewer) -> None:
        """Take a viewer away; the last one ends the hub's work."""
        self.viewers.discard(viewer)
        if not self.viewers and self._task is not None:
            self._task.cancel()
            self._task = None

    def wake(self) -> None:
        """Look again: a viewer has come, looks elsewhere or has room, or a request is answered."""
        self._changed.set()

    def tell_all(self, event: dict[str, Any]) -> None:
        """Send an event to every viewer."""
        for viewer in self.viewers:
            viewer.tell(event)

    async def _work(self) -> None:
        asked: dict[Viewer, Need] = {}
        request: asyncio.Task[Frame | None] | None = None
        told: str | None = None
        while True:
            self._changed.clear()
            now = self._clock()
            ready = {viewer: viewer.need(now) for viewer in self.viewers if viewer.is_ready(now)}
            if ready and ready != asked:
                # A newer want makes the worker answer one that is still open.
                asked = ready
                want = _combined(asked.values()) | {
                    "looked_at": sorted(
                        frozenset[str]().union(*(viewer.look.views for viewer in self.viewers))
                    ),
                    "after": self._last_frame,
                }
                request = asyncio.create_task(self._source.frames(self._run_id, want))
                request.add_done_callback(self._answered)
            await self._wait(now)
            if request is not None and request.done():
                try:
                    frame = request.result()
                except AppError as error:
                    if error.code != told:
                        told = error.code
                        self.tell_all({"type": "error", "id": None, "error": error.body()})
                    await asyncio.sleep(RETRY_S)
                else:
                    told = None
                    self._deliver(frame, asked)
                request, asked = None, {}

    async def _wait(self, now: float) -> None:
        """Wait until the request is answered, a viewer has changed, or one may be sent more."""
        waits = [viewer.ready_in(now) or viewer.needs_more_in(now) for viewer in self.viewers]
        timeout = min((wait for wait in waits if wait), default=None)
        timer = asyncio.get_running_loop().call_later(timeout, self.wake) if timeout else None
        try:
            await self._changed.wait()
        finally:
            if timer is not None:
                timer.cancel()

    def _answered(self, request: asyncio.Task[Frame | None]) -> None:
        # Read its outcome in any case: perhaps nobody waits for this request any more.
        if not request.cancelled():
            request.exception()
        self.wake()

    def _deliver(self, frame: Frame | None, asked: dict[Viewer, Need]) -> None:
        """Send the frame to the viewers who asked and still need the same; others ask again."""
        if frame is None:
            return
        self._last_frame = frame.number
        now = self._clock()
        for viewer, need in asked.items():
            if viewer in self.viewers and viewer.needs_still(need):
                viewer.send_frame(frame, need, now)


def _combined(needs: Collection[Need]) -> dict[str, Any]:
    """One want for all of them; the least informed viewer decides where it starts."""
    views: dict[str, int] = {}
    for need in needs:
        for view, seen in need.views.items():
            views[view] = min(seen, views.get(view, seen))
    return {
        "views": dict(sorted(views.items())),
        "from_batch": min(need.cursor for need in needs) + 1,
        "timeline": min(need.timeline for need in needs),
        "seen": min(need.seen for need in needs),
        "repeat": any(need.look.repeat for need in needs),
    }
