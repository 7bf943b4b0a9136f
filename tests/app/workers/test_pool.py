"""The supervisor of the workers."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from app.storage.database import prepare
from app.workers.pool import WorkerPool
from tests.support.house import open_house
from tests.support.runs import config_of


def test_a_worker_that_cannot_be_started_at_first_is_started_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, tries = asyncio.create_subprocess_exec, []

    async def refuse_twice(*args: str, **options: object) -> asyncio.subprocess.Process:
        tries.append(args)
        if len(tries) <= 2:
            raise BlockingIOError("Resource temporarily unavailable")
        return await start(*args, **options)  # type: ignore[arg-type]

    async def lose_a_worker() -> None:
        pool = WorkerPool(1, data_dir=tmp_path, history_bytes=0, threads=1)
        await pool.start()
        await pool.health()
        monkeypatch.setattr(asyncio, "create_subprocess_exec", refuse_twice)
        os.kill(pool.pids[0], signal.SIGKILL)
        try:
            async with asyncio.timeout(20):
                while not pool.restarts:  # noqa: ASYNC110 - nothing tells of it
                    await asyncio.sleep(0.01)
            assert (await pool.health())[0]["alive"]
        finally:
            await pool.drain()

    prepare(tmp_path)
    asyncio.run(lose_a_worker())
    assert len(tries) == 3


def test_a_recipe_is_checked_though_a_worker_dies_meanwhile(tmp_path: Path) -> None:
    async def check() -> None:
        pool = WorkerPool(1, data_dir=tmp_path, history_bytes=0, threads=1)
        await pool.start()
        try:
            await pool.health()
            actions = [(batch, {"learning_rate": 0.1}) for batch in range(1, 3000)]
            checked = asyncio.create_task(pool.check(config_of(), actions))
            await asyncio.sleep(0)
            os.kill(pool.pids[0], signal.SIGKILL)
            await checked
        finally:
            await pool.drain()
        assert pool.restarts == 1

    prepare(tmp_path)
    asyncio.run(check())


def test_a_worker_that_does_not_answer_is_told_as_not_alive(tmp_path: Path) -> None:
    async def ask() -> None:
        async with open_house(tmp_path, workers=2) as house:
            house.worker.works.clear()
            alive = [worker["alive"] for worker in await house.pool.health()]
            assert alive == [False, True]
            house.worker.works.set()
            alive = [worker["alive"] for worker in await house.pool.health()]
            assert alive == [True, True]

    asyncio.run(ask())
