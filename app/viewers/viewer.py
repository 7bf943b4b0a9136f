"""One viewer of a run: what it looks at, what it has been sent, what it has drawn."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from app.errors import AppError, shorten
from app.viewers.thinning import Thinning
from app.workers.pool import Frame

# Without this limit the kernel's socket buffer becomes the queue, and a slow page falls behind.
MAX_UNACKNOWLEDGED = 2
# The most messages that wait for a viewer; one that lets so many pile up is not reading.
MAX_QUEUED = 256
MAX_RATE = 60.0
# A late frame is made up for by at most this: frames too close together are drawn as one.
MAX_LATE_S = 0.02
MAX_VIEWS = 16


@dataclass(frozen=True, slots=True)
class Look:
    """What a viewer looks at: views, and at most how many frames a second.

    A view with a rate of its own in `rates` is in at most so many frames a second. Without
    `repeat`, views that have not changed since they were sent are left out, and large views that
    are slow to arrive are left out of most frames.
    """

    views: frozenset[str] = frozenset()
    rate: float = 30.0
    repeat: bool = True
    rates: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Need:
    """What a viewer needs of the next frame.

    `views` has for each view the run's version when the viewer was last sent it. `seen` is a
    version of which the viewer has been sent all that it looks at.
    """

    look: Look
    views: Mapping[str, int]
    cursor: int
    timeline: int
    seen: int


class Viewer:
    """The state of one viewer; `outbox` has what its socket still has to send."""

    def __init__(self, *, writable: bool) -> None:
        self.writable = writable
        self.look = Look()
        self.outbox: asyncio.Queue[dict[str, Any] | memoryview] = asyncio.Queue(MAX_QUEUED)
        self.overrun = asyncio.Event()  # the outbox is full: this viewer is not reading
        self.cursor = 0  # the last batch of the series that was sent
        self.timeline = 0
        self._seen = 0  # the run's version when the last frame was made
        self._seen_views: dict[str, int] = {}  # and when the last one with that view was made
        self._is_untrained = False  # whether the run was untrained in the last frame
        # Frames not acknowledged yet, oldest first, with whether they have a large picture.
        self._sent: dict[int, bool] = {}
        self._thinning = Thinning()
        self._due: dict[str, float] = {}  # when views with a rate of their own are due
        self._next_at = 0.0
        self._waiting_since: float | None = None

    def look_at(self, message: dict[str, Any]) -> None:
        """Take a `look` message; raises `AppError` if it is not a well-formed one."""
        check_fields(message, "views", "rate", "sample", "repeat", "rates")
        views, rate = message.get("views", []), message.get("rate", 30)
        sample, repeat = message.get("sample", 0), message.get("repeat", True)
        rates = message.get("rates", {})
        if (
            not isinstance(views, list)
            or len(views) > MAX_VIEWS
            or not all(_is_view(view) for view in views)
        ):
            raise malformed("views", f"a list of at most {MAX_VIEWS} names of views", views)
        if not _is_rate(rate):
            raise malformed("rate", f"frames a second, above 0 and at most {MAX_RATE:g}", rate)
        if not isinstance(rates, dict) or not all(map(_is_rate, rates.values())):
            raise malformed("rates", f"by view, such a number as rate, at most {MAX_RATE:g}", rates)
        if not is_whole(sample) or sample < 0:
            raise malformed("sample", "the index of a sample of the batch, from 0", sample)
        if not isinstance(repeat, bool):
            raise malformed("repeat", "true or false", repeat)
        # The loop's pictures depend on the followed sample: another sample makes another view.
        names = {view: f"loop/{sample}" if view == "loop" else view for view in views}
        named = frozenset(names.values())
        # A viewer that wants nothing twice still has the views that it goes on looking at.
        kept = frozenset() if repeat or self.look.repeat else self.look.views & named
        self._seen_views = {view: self._seen_views.get(view, 0) for view in kept}
        own = {names[view]: float(rates[view]) for view in names if view in rates}
        self.look = Look(named, float(rate), repeat, own)
        self._next_at = 0.0
        self._due = {}
        self._seen = 0

    def resume(self, message: dict[str, Any]) -> None:
        """Take a `resume` message: the series is wanted from that batch on."""
        check_fields(message, "from_batch", "timeline")
        for name in ("from_batch", "timeline"):
            value = message.get(name, 0)
            if not is_whole(value) or value < 0:
                raise malformed(name, "a whole number from 0", value)
        cursor = max(0, message.get("from_batch", 1) - 1)
        # If a frame was sent before this came, the series must not begin after that frame's end.
        if self.cursor == 0 or cursor < self.cursor:
            self.cursor, self.timeline = cursor, message.get("timeline", 0)
            self._seen = 0

    def acknowledge(self, message: dict[str, Any], now: float) -> None:
        """Take an `ack` message: that frame, and all before it, have been drawn."""
        check_fields(message, "frame")
        number = message.get("frame")
        if not is_whole(number):
            raise malformed("frame", "the number of a frame", number)
        drawn = [frame for frame in self._sent if frame <= number]
        were_large = [self._sent.pop(frame) for frame in drawn]
        if any(were_large):
            self._thinning.note_drawn(self.silent_for(now))
        if drawn:
            self._waiting_since = now if self._sent else None

    def ready_in(self, now: float) -> float | None:
        """Seconds until it may be sent a frame; None if it has to acknowledge one first."""
        holds_up = self._is_thinned and any(self._sent.values())
        if holds_up or len(self._sent) >= MAX_UNACKNOWLEDGED:
            return None
        return max(0.0, self._next_at - now)

    def is_ready(self, now: float) -> bool:
        """Whether this viewer may be sent a frame now."""
        return self.ready_in(now) == 0

    def silent_for(self, now: float) -> float:
        """For how many seconds frames have been waiting for an acknowledgement."""
        return 0.0 if self._waiting_since is None else now - self._waiting_since

    @property
    def _is_thinned(self) -> bool:
        return self._thinning.is_slow and not self.look.repeat

    def needs_more_in(self, now: float) -> float | None:
        """Seconds until another view is due, which it then also needs; None if none will be."""
        return min((due - now for due in self._due.values() if not _is_due(due, now)), default=None)

    def need(self, now: float) -> Need:
        """What it needs of the next frame."""
        views = {
            view: self._seen_views.get(view, 0)
            for view in self.look.views
            if _is_due(self._due.get(view, 0.0), now)
        }
        # Views left out come with a later frame; until then `seen` stays at their older version.
        seen = min((self._seen, *views.values()))
        left_out = self._thinning.left_out(views) if self._is_thinned else ()
        for view in left_out:
            del views[view]
        return Need(self.look, views, self.cursor, self.timeline, seen)

    def needs_still(self, need: Need) -> bool:
        """Whether this need still holds: nothing was sent since, and it looks at the same."""
        from_where = self.cursor, self.timeline
        return need.look is self.look and from_where == (need.cursor, need.timeline)

    def send_frame(self, frame: Frame, need: Need, now: float) -> None:
        """Put the messages of a frame that answers this need into its outbox."""
        sizes = {view: len(data) for view, data in frame.messages if view in need.views}
        for view, data in frame.messages:
            if view == "series" or view in sizes:
                self._put(data)
        self.cursor, self.timeline = frame.to_batch, frame.timeline
        self._seen = frame.version
        if frame.untrained and not self._is_untrained:
            self._seen_views = {}  # it forgets what it has: see docs/protocol.md
        self._is_untrained = frame.untrained
        self._seen_views |= dict.fromkeys(need.views, frame.version)
        self._sent[frame.number] = self._thinning.note_sent(sizes)
        for view in need.views:
            if view in self.look.rates:
                due = self._due.get(view, 0.0)
                self._due[view] = _next(due, now, self.look.rates[view])
        self._next_at = _next(self._next_at, now, self.look.rate)
        if self._waiting_since is None:
            self._waiting_since = now

    def tell(self, event: dict[str, Any]) -> None:
        """Put an event into the outbox."""
        self._put(event)

    def _put(self, item: dict[str, Any] | memoryview) -> None:
        try:
            self.outbox.put_nowait(item)
        except asyncio.QueueFull:
            self.overrun.set()


def _next(due: float, now: float, rate: float) -> float:
    # Counted from when this one was due, not from now: otherwise the time that making a frame takes
    # would be added to the spacing, and the rate asked for would never be reached.
    return max(due, now - MAX_LATE_S) + 1 / rate


def _is_due(due: float, now: float) -> bool:
    # A view may come a little early: the next frame may come too late for it.
    return due <= now + MAX_LATE_S


def closing(error: AppError) -> dict[str, Any]:
    """The last event a viewer is sent: why its socket closes."""
    return {"type": "closing", "error": error.body()}


def check_fields(message: dict[str, Any], *known: str) -> None:
    """Raise `AppError` if the message has fields other than its type and these."""
    unknown = message.keys() - {"type", *known}
    if unknown:
        names = ", ".join(("type", *known))
        raise _refused(f"expected no fields but {names}, got {shorten(min(unknown))}")


def _is_view(value: object) -> bool:
    # "loop/3" is the internal name of the loop that follows sample 3.
    return isinstance(value, str) and len(value) <= 64 and not value.startswith("loop/")


def _is_rate(value: object) -> TypeGuard[float]:
    return (isinstance(value, float) or is_whole(value)) and 0 < value <= MAX_RATE


def is_whole(value: object) -> TypeGuard[int]:
    """Whether it is a whole number of JSON; in Python true and false are instances of int, too."""
    return isinstance(value, int) and not isinstance(value, bool)


def malformed(name: str, expected: str, value: object) -> AppError:
    """The refusal of a message whose field `name` is not what was `expected`."""
    return _refused(f"expected {name} to be {expected}, got {shorten(value)}")


def _refused(message: str) -> AppError:
    hint = "See docs/protocol.md for the messages of the socket."
    return AppError("malformed_message", message, hint, status=422)
