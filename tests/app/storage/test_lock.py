"""One server a data directory."""

import threading
from pathlib import Path

import pytest

from app.storage import lock as locking
from app.storage.lock import DataDirInUseError, lock


def test_a_server_that_is_stopping_is_waited_for(tmp_path: Path) -> None:
    stopping = lock(tmp_path)
    timer = threading.Timer(0.2, stopping.close)
    timer.start()
    with lock(tmp_path):
        assert stopping.closed
    timer.join()


def test_one_that_goes_on_is_not_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locking, "WAIT_S", 0.0)
    with lock(tmp_path):
        with pytest.raises(DataDirInUseError, match=r"another Descent uses .*--data-dir"):
            lock(tmp_path)
        with lock(tmp_path / "other"):
            pass
    with lock(tmp_path):
        pass
