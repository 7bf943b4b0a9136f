"""A real server in a process of its own, started by the command a user types."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from engine import Dense, Sequential

COMMAND = Path(sys.executable).with_name("descent")
KEPT_NETWORK = "default-network.safetensors"
START_S = 60.0

_WORKER_STARTED = re.compile(r"worker started\s.*\bpid=(\d+)")


def wait_until(happened: object, *, within: float = 30.0, what: str = "it to happen") -> None:
    """Ask `happened()` again and again until it is true; AssertionError after `within` seconds."""
    if not callable(happened):
        raise TypeError(f"expected a function to ask, got {happened!r}")
    deadline = time.monotonic() + within
    while not happened():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {within:g} s for {what}, in vain")
        time.sleep(0.01)


class Server:
    """`descent serve`, its first line read. Stop it with `stop`, or `kill` it."""

    def __init__(
        self,
        data_dir: Path,
        *options: str,
        env: dict[str, str] | None = None,
        own_group: bool = False,
    ) -> None:
        self.data_dir = data_dir
        self.process = subprocess.Popen(
            [COMMAND, "serve", "--no-open", "--data-dir", data_dir, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=own_group,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        if self.process.stdout is not None:
            with self.process.stdout as output:
                self.lines.extend(output)

    @property
    def output(self) -> str:
        """Everything it has printed so far."""
        return "".join(self.lines)

    @property
    def address(self) -> str:
        """http://host:port, without the last slash, from the line that says so."""
        line = next(line for line in self.lines if line.startswith("Descent is at "))
        return line.split()[3].rstrip("/")

    @property
    def worker_pids(self) -> list[int]:
        """The process numbers of all workers ever started, in the order of their starts."""
        return [int(pid) for pid in _WORKER_STARTED.findall(self.output)]

    def wait_ready(self, workers: int) -> "Server":
        """Wait until it has said where it is and its workers run."""

        def ready() -> bool:
            if self.process.poll() is not None:
                raise AssertionError(f"the server has stopped:\n{self.output}")
            return len(self.worker_pids) >= workers

        wait_until(ready, within=START_S, what="the server to start")
        return self

    def stop(self, within: float = 30.0) -> int:
        """End it as a user or a service manager does; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.wait(within)

    def kill(self) -> int:
        """End it without a chance to tidy up."""
        self.process.kill()
        return self.wait()

    def wait(self, within: float = 30.0) -> int:
        """Wait for its end; its exit status."""
        try:
            status = self.process.wait(within)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self._reader.join(within)
        return status


@contextlib.contextmanager
def running_server(
    data_dir: Path,
    *options: str,
    workers: int = 2,
    env: dict[str, str] | None = None,
    own_group: bool = False,
) -> Iterator[Server]:
    """A server on a free port for the time of a `with` block.

    With `own_group` its processes are a group of their own, as a terminal makes it.
    """
    options = ("--port", "0", "--workers", str(workers), *options)
    server = Server(data_dir, *options, env=env, own_group=own_group)
    try:
        yield server.wait_ready(workers)
    finally:
        server.stop()


def keep_untrained_network(data_dir: Path) -> Path:
    """Put a small network where a server keeps its default one, so that it trains none itself."""
    network = Sequential([Dense(10, activation="softmax")])
    network.build(784)
    data_dir.mkdir(parents=True, exist_ok=True)
    network.save(data_dir / KEPT_NETWORK)
    return data_dir


def is_running(pid: int) -> bool:
    """Whether there is a process of that number that has not ended."""
    try:
        os.kill(pid, 0)
        status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except ProcessLookupError:
        return False
    except FileNotFoundError:
        return not Path("/proc/self").exists()
    return status.rpartition(")")[2].split()[0] != "Z"
