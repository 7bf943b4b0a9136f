"""The hub between a run and its viewers, on a real host."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from app.errors import AppError
from app.viewers import hub as hub_module
from app.viewers import thinning
from app.viewers.hub import Hub
from app.viewers.viewer import MAX_QUEUED, MAX_UNACKNOWLEDGED, Viewer
from app.workers.link import worker_lost
from app.workers.message import Received
from app.workers.pool import Frame
from tests.support.hosting import Hosting, state_of
from tests.support.runs import Clock
from tests.support.watcher import Frame as WholeFrame
from tests.support.watcher import KeptSeries, View

LIMIT_S = 60.0


class LocalSource:
    """A host in this very process, which works between the turns of the event loop."""

    def __init__(self, data_dir: Path) -> None:
        self.hosting = Hosting(Clock(tick=0.001), data_dir)
        self.hosting.create()
        self.wants: list[dict[str, Any]] = []
        self.lost = False
        self.turned = asyncio.Event()

    async def frames(self, run_id: str, want: dict[str, Any]) -> Frame | None:
        """As the worker pool does it."""
        self.wants.append(want)
        answer = await self._answer(self.hosting.send("frames", run_id, want=want))
        if self.lost:
            raise worker_lost()
        if "error" in answer.header:
            raise AppError.from_body(answer.header["error"], answer.header["status"])
        return Frame.of(answer)

    async def work(self) -> None:
        """Work for ever."""
        while True:
            self.hosting.turn()
            self.turned.set()
            self.turned.clear()
            await asyncio.sleep(0)

    async def _answer(self, number: int) -> Received:
        while not self.hosting.answers_to(number) and not self.lost:
            await self.turned.wait()
        return self.hosting.answer(number)

    async def command(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Carry out a command; the state of the answer."""
        number = self.hosting.send("command", command={"type": kind, **fields})
        return state_of(await self._answer(number))


class Reader:
    """A viewer and what came out of its outbox."""

    def __init__(self, hub: Hub, *views: str, rate: float = 60.0, repeat: bool = True) -> None:
        self.hub = hub
        self.viewer = Viewer(writable=True)
        self.viewer.look_at({"views": list(views), "rate": rate, "repeat": repeat})
        self.series = KeptSeries()
        self.data: list[memoryview] = []
        hub.join(self.viewer)

    async def frame(self, *, acknowledge: bool = True) -> WholeFrame:
        """The next whole frame."""
        frame = WholeFrame()
        while "series" not in frame.views:
            item = await self.viewer.outbox.get()
            if isinstance(item, memoryview):
                self.data.append(item)
                view = View.read(bytes(item))
                frame.views[view.metadata["view"]] = view
        self.series.take(frame.views["series"])
        if acknowledge:
            self.acknowledge(frame.number)
        return frame

    async def event(self) -> dict[str, Any]:
        """The next event."""
        while isinstance(item := await self.viewer.outbox.get(), memoryview):
            pass
        return item

    def acknowledge(self, number: int, now: float = 0.0) -> None:
        """Say that a frame has been drawn."""
        self.viewer.acknowledge({"frame": number}, now)
        self.hub.wake()

    async def frames_within(self, seconds: float) -> int:
        """How many frames come in that time."""
        frames = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    await self.frame()
                    frames += 1
        return frames

    async def follow(self, batch: int) -> None:
        """Read until the series has come to `batch`."""
        while self.series.length < batch:
            await self.frame()


@contextlib.asynccontextmanager
async def working(source: LocalSource) -> AsyncIterator[Hub]:
    hub = Hub("run", source)
    work = asyncio.create_task(source.work())
    try:
        yield hub
    finally:
        for viewer in list(hub.viewers):
            hub.leave(viewer)
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work


def on_a_hub(test: Callable[[Hub, LocalSource], Awaitable[None]]) -> Callable[[Path], None]:
    """Run an asynchronous test with a hub and a host, within a minute."""

    async def run(data_dir: Path) -> None:
        source = LocalSource(data_dir)
        async with asyncio.timeout(LIMIT_S), working(source) as hub:
            await test(hub, source)

    def started(tmp_path: Path) -> None:
        asyncio.run(run(tmp_path))

    started.__name__ = test.__name__
    return started


@on_a_hub
async def test_the_series_is_complete_for_quick_and_for_slow_viewers(
    hub: Hub, source: LocalSource
) -> None:
    quick, slow = Reader(hub), Reader(hub, rate=5)
    await source.command("play")
    await asyncio.gather(quick.follow(60), slow.follow(60))
    await source.command("pause")
    expected = source.hosting.series()["loss"]
    await asyncio.gather(quick.follow(len(expected)), slow.follow(len(expected)))
    assert quick.series.columns["loss"] == slow.series.columns["loss"] == expected


@on_a_hub
async def test_a_silent_viewer_gets_two_frames_and_holds_nobody_up(
    hub: Hub, source: LocalSource
) -> None:
    silent, other = Reader(hub), Reader(hub)
    await source.command("play")
    await other.follow(40)
    frames = [await silent.frame(acknowledge=False) for _ in range(MAX_UNACKNOWLEDGED)]
    await other.follow(other.series.length + 20)
    assert silent.viewer.outbox.empty()
    silent.acknowledge(frames[-1].number)
    await silent.follow(other.series.length)
    length = other.series.length
    assert silent.series.columns["loss"][:length] == other.series.columns["loss"]


@on_a_hub
async def test_a_viewer_whose_outbox_is_full_holds_nobody_up(hub: Hub, source: LocalSource) -> None:
    full, other = Reader(hub), Reader(hub)
    for _ in range(MAX_QUEUED):
        full.viewer.tell({"type": "reply"})
    await source.command("play")
    await other.follow(40)
    assert full.viewer.overrun.is_set()


@on_a_hub
async def test_viewers_who_look_alike_are_sent_the_very_same_bytes(
    hub: Hub, source: LocalSource
) -> None:
    await source.command("step", unit="batch", count=1)
    one, other = Reader(hub, "layer1.weights"), Reader(hub, "layer1.weights")
    first, second = await one.frame(), await other.frame()
    assert first.number == second.number
    assert [set(frame.views) for frame in (first, second)] == [{"layer1.weights", "series"}] * 2
    assert all(left is right for left, right in zip(one.data, other.data, strict=True))
    assert len(source.wants) <= 3


@on_a_hub
async def test_each_viewer_gets_what_it_looks_at(hub: Hub, source: LocalSource) -> None:
    await source.command("step", unit="batch", count=2)
    readers = {
        ("layer1.weights",): Reader(hub, "layer1.weights"),
        ("layer2.weights.step", "loop"): Reader(hub, "loop", "layer2.weights.step"),
        (): Reader(hub),
    }
    for views, reader in readers.items():
        frame = await reader.frame()
        assert set(frame.views) == {*views, "series"}


@on_a_hub
async def test_who_wants_no_picture_twice_is_sent_the_changed_ones(
    hub: Hub, source: LocalSource
) -> None:
    view = "layer1.weights"
    reader, came = Reader(hub, view, repeat=False), []
    for _ in range(7):
        state = await source.command("step", unit="phase", count=1)
        frame = await reader.frame()
        came += [state["phase"]] if view in frame.views else []
        while frame.state["version"] < state["version"]:
            frame = await reader.frame()
            came += [state["phase"]] if view in frame.views else []
    assert came == ["draw", "update"]
    # Another who wants all is sent all.
    assert view in (await Reader(hub, view).frame()).views


@on_a_hub
async def test_who_wants_pictures_again_is_sent_them_beside_one_who_does_not(
    hub: Hub, source: LocalSource
) -> None:
    view = "layer1.weights"
    once, again = Reader(hub, view, repeat=False), Reader(hub, view)
    reading = asyncio.create_task(once.follow(1))  # of which there is none yet
    for _ in range(4):  # before an update, which changes them
        state = await source.command("step", unit="phase", count=1)
        version = 0
        while version < state["version"]:
            frame = await again.frame()
            assert view in frame.views
            version = frame.state["version"]
    reading.cancel()


@pytest.mark.usefixtures("small_is_large")
@on_a_hub
async def test_all_pictures_of_a_resting_run_come_however_slowly(
    hub: Hub, source: LocalSource
) -> None:
    pictures = {"layer1.weights", "layer1.weights.gradient", "loop"}
    reader = Reader(hub, *pictures, repeat=False)
    await source.command("step", unit="batch", count=1)
    came: dict[str, int] = {}
    for batch in (1, 2):
        while came != dict.fromkeys(pictures, batch):
            frame = await reader.frame(acknowledge=False)
            arrived = frame.views.keys() & pictures
            came |= dict.fromkeys(arrived, frame.batch)
            assert batch == 1 or len(arrived) <= 1
            reader.acknowledge(frame.number, time.monotonic() + 1)
        if batch == 1:
            await source.command("step", unit="batch", count=1)


@on_a_hub
async def test_a_view_that_is_to_come_seldom_comes_of_a_resting_run_too(
    hub: Hub, source: LocalSource
) -> None:
    reader = Reader(hub)
    reader.viewer.look_at({"views": ["loop", "values"], "rate": 60, "rates": {"loop": 4}})
    batches = []
    for _ in range(3):
        state = await source.command("step", unit="batch", count=1)
        frame = await reader.frame()
        while frame.batch < state["batch"] or "loop" not in frame.views:
            frame = await reader.frame()
        batches.append(frame.batch)
    assert batches == [1, 2, 3]
    seldom = Reader(hub)
    seldom.viewer.look_at({"views": ["loop"], "rate": 60, "rates": {"loop": 0.01}})
    assert "loop" in (await seldom.frame()).views
    await source.command("step", unit="batch", count=1)
    await seldom.follow(4)
    # While it waits for the loop, nothing changes.
    assert await seldom.frames_within(0.3) <= 3


@on_a_hub
async def test_a_study_is_known_as_long_as_anyone_looks_at_it(
    hub: Hub, source: LocalSource
) -> None:
    # Whether or not one frame or another is to have it.
    seldom, other = Reader(hub), Reader(hub, "health", repeat=False)
    seldom.viewer.look_at({"views": ["curve"], "rate": 60, "rates": {"curve": 3}})
    await source.command("step", unit="batch", count=1)

    async def comes(reader: Reader, study: str) -> None:
        while study not in (await reader.frame()).views:
            pass

    await asyncio.gather(comes(seldom, "curve"), comes(other, "health"))
    # Nothing more is made of a moment that stays.
    assert await other.frames_within(1) <= 5


@on_a_hub
async def test_a_new_look_at_a_resting_run_is_answered(hub: Hub, source: LocalSource) -> None:
    reader = Reader(hub)
    await source.command("step", unit="batch", count=1)
    await reader.follow(1)
    reader.viewer.look_at({"views": ["layer1.weights"]})
    hub.wake()
    frame = await reader.frame()
    while "layer1.weights" not in frame.views:
        frame = await reader.frame()
    assert frame.batch == 1


@on_a_hub
async def test_nothing_is_sent_while_nothing_changes(hub: Hub, source: LocalSource) -> None:
    reader = Reader(hub)
    while source.hosting.host.turn() is not None:
        pass
    assert await reader.frames_within(0.3) <= 3
    await source.command("step", unit="batch", count=1)
    assert (await reader.frame()).state["state"] in ("stepping", "paused")


@on_a_hub
async def test_a_discarded_future_is_cut_off_for_every_viewer(
    hub: Hub, source: LocalSource
) -> None:
    readers = [Reader(hub), Reader(hub, rate=10)]
    await source.command("step", unit="batch", count=40)
    await asyncio.gather(*(reader.follow(40) for reader in readers))
    await source.command("seek", batch=10)
    await source.command("set", learning_rate=0.5)
    await source.command("step", unit="batch", count=5)
    for reader in readers:
        while reader.series.columns["learning_rate"] != [0.001] * 10 + [0.5] * 5:
            await reader.frame()
        assert reader.series.actions == [{"batch": 10, "set": {"learning_rate": 0.5}}]


@on_a_hub
async def test_a_viewer_that_resumes_gets_the_missing_piece(hub: Hub, source: LocalSource) -> None:
    await source.command("step", unit="batch", count=30)
    reader = Reader(hub)
    await reader.follow(30)
    again = Reader(hub)
    again.viewer.resume({"from_batch": 21, "timeline": 0})
    again.series.columns = {name: values[:20] for name, values in reader.series.columns.items()}
    hub.wake()
    await again.follow(30)
    assert again.series.columns == reader.series.columns


@on_a_hub
async def test_a_lost_worker_is_told_once_and_frames_go_on_when_it_is_back(
    hub: Hub, source: LocalSource
) -> None:
    reader = Reader(hub)
    await reader.frame()
    source.lost = True
    event = await reader.event()
    assert (event["type"], event["error"]["code"]) == ("error", "worker_lost")
    wants = len(source.wants)
    while len(source.wants) < wants + 3:
        await source.turned.wait()
    assert reader.viewer.outbox.empty()
    source.lost = False
    await source.command("step", unit="batch", count=1)
    await reader.follow(1)


@on_a_hub
async def test_the_last_viewer_to_leave_ends_the_work(hub: Hub, source: LocalSource) -> None:
    one, other = Reader(hub), Reader(hub)
    await one.frame()
    hub.leave(one.viewer)
    await source.command("step", unit="batch", count=1)
    await other.follow(1)
    hub.leave(other.viewer)
    await asyncio.sleep(0)  # what has been asked by now arrives
    wants = len(source.wants)
    await source.command("step", unit="batch", count=1)
    await asyncio.sleep(0)
    assert len(source.wants) == wants
    late = Reader(hub)
    await late.follow(2)


@pytest.fixture
def small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pictures of a network as small as this one count as large."""
    monkeypatch.setattr(thinning, "LARGE_BYTES", 1_000)


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that is gone is looked for again without the usual second's pause."""
    monkeypatch.setattr(hub_module, "RETRY_S", 0.01)
