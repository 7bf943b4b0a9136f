"""One server a data directory: two would change each other's runs unnoticed."""

import fcntl
import time
from pathlib import Path
from typing import TextIO

FILE_NAME = "server.lock"
# The next server waits so long for one that was told to stop and is still saving.
WAIT_S = 6.0


class DataDirInUseError(Exception):
    """Another server uses the data directory."""


def lock(data_dir: Path) -> TextIO:
    """Keep other servers out of the directory as long as the returned file is open.

    However the process ends, the system releases the lock; workers do not inherit it. Raises
    `DataDirInUseError`, or `OSError` if the directory cannot be written.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    file = (data_dir / FILE_NAME).open("a")
    until = time.monotonic() + WAIT_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            if time.monotonic() < until:
                time.sleep(0.1)
                continue
            file.close()
            raise DataDirInUseError(
                f"expected a data directory that no other server uses, but another Descent uses "
                f"{data_dir}; stop that one, or choose another folder with --data-dir"
            ) from None
        except OSError:  # a file system without locks
            return file
