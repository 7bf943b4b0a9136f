"""Settings: what they are where nothing is said."""

import os

import pytest

from app.settings import Settings


def test_workers_and_threads_are_of_the_cores_that_may_be_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 4, 7}, raising=False)
    settings = Settings()
    assert (settings.workers, settings.threads) == (3, 2)
