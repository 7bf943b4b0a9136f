"""The registry: what nobody looks at is paused, closed, forgotten; limits; removal."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from app.errors import AppError
from app.recipes import Recipe
from app.registry import FORGET_EVERY_S, SAFE_FOR_S, Record
from app.storage.index import CURVE_POINTS, folder_of
from app.storage.journal import Changes, Journal
from app.viewers.viewer import Viewer
from tests.support.house import House, open_house, until

MONTHS_S = 1e7


def in_house(**settings: Any) -> Callable[[Callable[[House], Awaitable[None]]], Any]:
    """Run an asynchronous test with a registry of these settings."""

    def decorate(test: Callable[[House], Awaitable[None]]) -> Callable[[Path], None]:
        def started(tmp_path: Path) -> None:
            async def run() -> None:
                async with open_house(tmp_path, **settings) as house:
                    await test(house)

            asyncio.run(run())

        started.__name__ = test.__name__
        return started

    return decorate


# Pausing


@in_house(idle_pause_s=600, left_pause_s=30)
async def test_a_run_that_plays_for_a_script_is_paused_when_it_is_not_asked_for(
    house: House,
) -> None:
    record = await house.make()
    await house.command(record, "play")
    await house.pass_time(599)
    assert await house.is_in(record, "playing")
    await house.registry.find(record.run_id)  # it is asked for
    await house.pass_time(599)
    assert await house.is_in(record, "playing")
    await house.pass_time(2)
    assert await house.is_in(record, "paused")


@in_house(idle_pause_s=600, left_pause_s=30)
async def test_a_run_whose_last_viewer_has_left_is_paused_sooner(house: House) -> None:
    record, viewers = await house.make(), [Viewer(writable=True) for _ in range(2)]
    for viewer in viewers:
        house.registry.join(record, viewer)
    await house.command(record, "play")
    house.registry.leave(record, viewers[0])
    await house.pass_time(MONTHS_S)  # the other one watches
    assert await house.is_in(record, "playing")
    house.registry.leave(record, viewers[1])
    await house.pass_time(29)
    assert await house.is_in(record, "playing")
    await house.pass_time(2)
    assert await house.is_in(record, "paused")


@in_house(idle_pause_s=600)
async def test_a_run_that_steps_for_nobody_is_paused_too(house: House) -> None:
    record = await house.make()
    await house.command(record, "step", unit="epoch", count=1_000_000)
    await house.pass_time(599)
    assert await house.is_in(record, "stepping")
    await house.pass_time(2)
    assert await house.is_in(record, "paused")


@in_house(idle_pause_s=600)
async def test_sweeping_goes_on_after_the_disk_was_full(house: House) -> None:
    record = await house.make()
    await house.command(record, "play")
    house.index.is_full = True
    await house.pass_time(1)
    house.index.is_full = False
    await house.pass_time(600)
    assert await house.is_in(record, "paused")


# Resting


async def measured(house: House, record: Record) -> dict[str, Any]:
    """The state of a run at rest, once the test images have been measured where it is."""
    state = await house.pool.state(record.run_id)
    while state["test_batch"] != state["batch"]:
        state = await house.pool.state(record.run_id)
    return state


@in_house(run_ttl_s=3600)
async def test_a_run_nobody_looks_at_rests_and_comes_back_as_it_was(house: House) -> None:
    record = await house.make()
    await house.step(record, 3)
    await house.pass_time(3599)
    assert (len(house.registry), await house.hosted()) == (1, 1)
    before = await measured(house, record)
    await house.pass_time(2)
    assert (len(house.registry), await house.hosted()) == (0, 0)
    after = await measured(house, await house.registry.find(record.run_id))
    assert after["batch"] == 3
    assert {**after, "version": 0} == {**before, "version": 0}


@in_house(run_ttl_s=3600, idle_pause_s=MONTHS_S)
async def test_what_the_server_put_to_rest_is_not_told_as_a_stop_of_it(house: House) -> None:
    record = await house.make()
    await house.command(record, "step", unit="epoch", count=1_000_000)
    await house.pass_time(3601)
    assert len(house.registry) == 0
    again = await house.registry.find(record.run_id)
    state = await house.pool.state(again.run_id)
    assert (state["state"], state["restored"]) == ("paused", None)


@in_house(run_ttl_s=3600, idle_pause_s=MONTHS_S)
async def test_who_comes_back_just_before_a_run_rests_finds_it_as_it_was(house: House) -> None:
    record = await house.make()
    await house.command(record, "play")
    house.worker.works.clear()  # the sweep has to wait for its pause
    house.clock.now += 3601
    await until(lambda: "state" in house.worker.unread)
    found = asyncio.create_task(house.registry.find(record.run_id))
    await until(found.done)
    house.worker.works.set()
    await house.pass_time(0)
    assert found.result() is record
    assert len(house.registry) == 1
    await house.command(record, "play")
    state = await house.pool.state(record.run_id)
    assert (state["state"], state["restored"]) == ("playing", None)


@in_house(run_ttl_s=3600, max_visitor_runs=1)
async def test_a_run_that_cannot_be_kept_does_not_rest(house: House) -> None:
    def refuse(_journal: Journal, _changes: Changes) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    record = await house.make()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "save", refuse)
        await house.step(record, 3)
        await house.pass_time(3601)
        with pytest.raises(AppError) as raised:
            await house.make()
        assert raised.value.code == "too_many_runs"
        assert len(house.registry) == 1
    await house.make()  # the disk has room again, and so has the server
    house.clock.now += SAFE_FOR_S + 1
    again = await house.registry.find(record.run_id)
    assert (await house.pool.state(again.run_id))["batch"] == 3


@in_house(run_ttl_s=3600)
async def test_a_run_that_is_watched_does_not_rest(house: House) -> None:
    record = await house.make()
    await house.step(record, 3)
    house.registry.join(record, Viewer(writable=False))
    await house.pass_time(MONTHS_S)
    assert (len(house.registry), await house.hosted()) == (1, 1)


@in_house(run_ttl_s=3600)
async def test_a_run_in_which_nothing_has_happened_is_forgotten(house: House) -> None:
    record = await house.make()
    await house.pass_time(3601)
    assert house.index.find(record.run_id) is None
    with pytest.raises(AppError) as raised:
        await house.registry.find(record.run_id)
    assert raised.value.code == "unknown_run"


# Listing


@in_house()
async def test_the_curve_of_a_run_that_went_back_is_as_short_as_any(house: House) -> None:
    record = await house.make()
    await house.step(record, 2 * CURVE_POINTS + 1)
    await house.command(record, "seek", batch=1)
    await until(lambda: house.is_in(record, "paused"))
    (entry,) = await house.registry.runs_of("visitor", None)
    batches = [batch for batch, _ in entry["curve"]]
    assert batches == [*range(3, 2 * CURVE_POINTS + 1, 3), 2 * CURVE_POINTS + 1]


@in_house(run_ttl_s=3600)
async def test_a_failed_run_is_listed_as_failed_when_it_rests(house: House) -> None:
    record = await house.make()
    await house.command(record, "set", optimizer={"name": "sgd", "learning_rate": 1e12})
    await house.command(record, "play")
    await until(lambda: house.is_in(record, "failed"))
    await house.pass_time(3601)
    assert len(house.registry) == 0
    (entry,) = await house.registry.runs_of("visitor", None)
    assert entry["state"] == "failed"


# Limits


@in_house(max_runs=2)
async def test_the_run_left_alone_for_longest_makes_room(house: House) -> None:
    first, second = await house.make(), await house.make()
    for record in (first, second):
        await house.step(record, 1)
    house.clock.now += SAFE_FOR_S
    await house.registry.find(first.run_id)
    house.clock.now += SAFE_FOR_S
    await house.make()
    assert len(house.registry) == await house.hosted() == 2
    assert await house.registry.find(first.run_id) is first  # it has not been closed
    house.clock.now += SAFE_FOR_S
    again = await house.registry.find(second.run_id)
    assert again is not second
    assert (await house.pool.state(again.run_id))["batch"] == 1
    assert len(house.registry) == await house.hosted() == 2  # it has been made room for, too


@in_house(max_runs=3)
async def test_who_finds_room_does_not_wait_for_who_makes_some(house: House) -> None:
    rested, *others = [await house.make() for _ in range(3)]
    await house.step(rested, 1)
    house.clock.now += SAFE_FOR_S
    for other in others:
        await house.registry.find(other.run_id)
    newest = await house.make()
    house.clock.now += SAFE_FOR_S
    house.worker.works.clear()  # nobody learns from it which run may rest
    making = asyncio.create_task(house.make())
    await until(lambda: "state" in house.worker.unread)
    removing = asyncio.create_task(house.registry.remove(newest))
    await until(lambda: len(house.registry) == 2)
    await asyncio.wait_for(house.registry.find(rested.run_id), 5)
    house.worker.works.set()
    await asyncio.gather(making, removing)


@in_house(max_runs=2, idle_pause_s=MONTHS_S)
async def test_no_run_in_use_makes_room(house: House) -> None:
    playing, watched = await house.make(), await house.make()
    await house.command(playing, "play")
    house.registry.join(watched, viewer := Viewer(writable=False))
    house.clock.now += 2 * SAFE_FOR_S
    with pytest.raises(AppError) as raised:
        await house.make()
    assert (raised.value.code, raised.value.status) == ("too_many_runs", 503)
    house.registry.leave(watched, viewer)
    with pytest.raises(AppError):  # it was watched a moment ago
        await house.make()
    house.clock.now += SAFE_FOR_S
    await house.make()
    assert await house.is_in(playing, "playing")


@in_house(max_runs=2, idle_pause_s=MONTHS_S)
async def test_beside_a_run_that_steps_others_come_and_go(house: House) -> None:
    stepping, idle = await house.make(), await house.make()
    await house.command(stepping, "step", unit="epoch", count=1_000_000)
    house.clock.now += SAFE_FOR_S
    await house.make()
    house.clock.now += SAFE_FOR_S
    again = await house.registry.find(idle.run_id)
    assert again is not idle
    assert await house.is_in(again, "paused")
    with pytest.raises(AppError):
        await house.make()
    assert await house.registry.find(stepping.run_id) is stepping  # it has not been closed
    assert await house.is_in(stepping, "stepping")


@in_house(max_runs=1, idle_pause_s=MONTHS_S)
async def test_a_run_that_has_failed_makes_room(house: House) -> None:
    failing = await house.make()
    await house.step(failing, 3)
    await house.command(failing, "set", optimizer={"name": "sgd", "learning_rate": 1e9})
    await house.command(failing, "play")
    await until(lambda: house.is_in(failing, "failed"))
    with pytest.raises(AppError, match="not a finite number"):
        await house.command(failing, "play")
    house.clock.now += SAFE_FOR_S
    await house.make()
    assert len(house.registry) == 1


@in_house(max_runs=3, max_visitor_runs=2, idle_pause_s=MONTHS_S)
async def test_one_visitor_leaves_room_for_another(house: House) -> None:
    playing = [await house.make("one") for _ in range(2)]
    for record in playing:
        await house.command(record, "play")
    with pytest.raises(AppError) as raised:
        await house.make("one")
    assert (raised.value.code, raised.value.status) == ("too_many_runs", 429)
    assert "2 runs of one visitor" in raised.value.message
    others = await house.make("other")
    await house.step(others, 1)
    house.clock.now += SAFE_FOR_S
    await house.command(playing[0], "pause")
    house.clock.now += SAFE_FOR_S
    await house.make("one")  # their own makes room, though the other one's was left alone longer
    assert await house.registry.find(others.run_id) is others


@in_house(max_viewers=2)
async def test_a_viewer_too_many_is_refused_until_another_leaves(house: House) -> None:
    record, viewers = await house.make(), [Viewer(writable=False) for _ in range(3)]
    for viewer in viewers[:2]:
        house.registry.join(record, viewer)
    with pytest.raises(AppError) as raised:
        house.registry.join(record, viewers[2])
    assert (raised.value.code, raised.value.status) == ("too_many_viewers", 503)
    house.registry.leave(record, viewers[0])
    house.registry.join(record, viewers[2])
    assert house.registry.viewers == 2


# Forgetting


@in_house(run_ttl_s=3600)
async def test_a_run_not_used_for_long_is_removed_unless_it_is_open(house: House) -> None:
    house.settings.keep_days = 1e-9  # shorter than may be chosen: it is measured on the real clock
    expired, watched = await house.make(), await house.make()
    for record in (expired, watched):
        await house.step(record, 1)
    house.registry.join(watched, Viewer(writable=False))
    await house.pass_time(3601)
    await house.pass_time(FORGET_EVERY_S + 1)
    assert house.index.find(expired.run_id) is None
    assert not folder_of(house.settings.data_dir, expired.run_id).exists()
    assert house.index.find(watched.run_id) is not None
    assert (await house.pool.state(watched.run_id))["batch"] == 1


@in_house(run_ttl_s=3600, max_kept_runs=2)
async def test_of_a_visitors_runs_the_last_used_are_kept(house: House) -> None:
    records = [await house.make(visitor) for visitor in ("a", "a", "a", "b")]
    for record in records:
        await house.step(record, 1)
    await house.pass_time(3601)
    await house.pass_time(FORGET_EVERY_S + 1)
    kept = [house.index.find(record.run_id) is not None for record in records]
    assert kept == [False, True, True, True]


# Removing


@in_house()
async def test_a_removal_that_fails_can_be_tried_again(house: House) -> None:
    record = await house.make()
    await house.step(record, 3)
    house.index.is_full = True
    with pytest.raises(sqlite3.OperationalError):
        await house.registry.remove(record)
    house.index.is_full = False
    again = await house.registry.find(record.run_id)
    assert (await house.pool.state(again.run_id))["batch"] == 3
    await house.registry.remove(again)
    assert house.index.find(record.run_id) is None
    assert await house.hosted() == 0


@in_house()
async def test_a_run_of_the_server_itself_is_nobodys(house: House) -> None:
    config = Recipe().config.settings()
    house.index.add("default-network", key=b"", owner=b"", config=config)
    with pytest.raises(AppError) as raised:
        await house.registry.find("default-network")
    assert raised.value.code == "unknown_run"


@in_house()
async def test_a_run_on_its_way_out_is_not_found(house: House) -> None:
    record = await house.make()
    house.worker.works.clear()
    removed = asyncio.create_task(house.registry.remove(record))
    await until(lambda: "close" in house.worker.unread)
    with pytest.raises(AppError) as raised:
        await house.registry.find(record.run_id)
    assert raised.value.code == "unknown_run"
    house.worker.works.set()
    await removed
    assert (len(house.registry), await house.hosted()) == (0, 0)


@in_house(run_ttl_s=3600)
async def test_a_run_removed_while_it_is_opened_is_gone(house: House) -> None:
    record = await house.make()
    await house.step(record, 100)
    await house.pass_time(3601)
    again = await house.registry.find(record.run_id)
    house.worker.works.clear()
    asked = asyncio.create_task(house.pool.state(again.run_id))
    await until(lambda: "open" in house.worker.unread)
    removed = asyncio.create_task(house.registry.remove(again))
    await asyncio.sleep(0)  # it has begun
    house.worker.works.set()
    await removed
    await asyncio.gather(asked, return_exceptions=True)  # as it was, or that it is gone
    assert house.index.find(record.run_id) is None
    assert (len(house.registry), await house.hosted()) == (0, 0)


@in_house()
async def test_a_run_that_is_asked_for_while_it_is_removed_is_not_opened_again(
    house: House,
) -> None:
    record = await house.make()
    remove, asked = house.index.remove, []

    def remove_later(run_id: str) -> None:
        question = house.pool.state(run_id)
        asked.append(asyncio.run_coroutine_threadsafe(question, loop))
        time.sleep(0.1)  # enough for it to be answered, if it were
        remove(run_id)

    loop, house.index.remove = asyncio.get_running_loop(), remove_later  # type: ignore[method-assign]
    await house.registry.remove(record)
    with pytest.raises(AppError) as raised:
        await asyncio.wrap_future(asked[0])
    assert raised.value.code == "unknown_run"
    assert await house.hosted() == 0


@in_house()
async def test_a_run_that_is_removed_while_it_is_renamed_is_unknown(house: House) -> None:
    record = await house.make()
    rename = house.pool.rename

    async def rename_in_vain(run_id: str, name: str) -> None:
        await rename(run_id, name)
        await house.registry.remove(record)

    house.pool.rename = rename_in_vain  # type: ignore[method-assign]
    with pytest.raises(AppError) as raised:
        await house.registry.rename(record, "too late")
    assert raised.value.code == "unknown_run"
