"""A team of threads that share the tasks of a stage; NumPy lets them compute side by side."""

import os
import threading
from collections import deque
from collections.abc import Iterable, Sequence

import numpy as np

from engine.plan import Stage


def available_cores() -> int:
    """The processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Team:
    """The caller and up to `threads` − 1 helpers.

    Task i of a stage is thread i mod `threads`'s, so that each keeps its own part of the weights in
    its cache; where a helper has not begun by the time the caller is done, because other programs
    have its core, the caller makes its calls too. What is computed does not depend on `threads`.
    """

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads

    def run(self, stages: Iterable[Stage]) -> None:
        """Make all calls of every stage, each stage after the one before."""
        for stage in stages:
            threads = min(self.threads, len(stage))
            # While another team of this process has the helpers, this one does without.
            if threads > 1 and _helpers_free.acquire(blocking=False):
                try:
                    _share([stage[first::threads] for first in range(threads)])
                finally:
                    _helpers_free.release()
            else:
                _make(stage)


def _share(shares: Sequence[Stage]) -> None:
    while len(_helpers) < len(shares) - 1:
        _helpers.append(_Helper())
    helpers = _helpers[: len(shares) - 1]
    for helper, share in zip(helpers, shares[1:], strict=True):
        helper.start(share)
    try:
        _make(shares[0])
    finally:
        errors = [helper.wait() for helper in helpers]
    for error in errors:
        if error is not None:
            raise error


def _make(tasks: Stage) -> None:
    for task in tasks:
        for call in task:
            call()


class _Helper:
    """A thread that does the share of the work it is given, and waits for the next."""

    # Two bare locks: a handover takes half as long as with a Condition.
    def __init__(self) -> None:
        self._given = threading.Lock()
        self._given.acquire()
        self._done = threading.Lock()
        self._finished = True
        self._shares: deque[Stage] = deque()  # one at most: who takes it out makes its calls
        self._error: BaseException | None = None
        threading.Thread(target=self._work, name="engine-team", daemon=True).start()

    def start(self, share: Stage) -> None:
        """Hand over a share; the helper begins as soon as it has a core."""
        self._finished = False
        self._done = threading.Lock()
        self._done.acquire()
        self._shares.append(share)
        if self._given.locked():  # else it has yet to look for one that was taken back
            self._given.release()

    def wait(self) -> BaseException | None:
        """Take the share back, or wait until it is done; returns what went wrong, if anything did.

        Ctrl-C counts as that, but does not end the wait: it would leave this thread at work on
        arrays with which the caller goes on.
        """
        interrupt: KeyboardInterrupt | None = None
        if self._shares:
            self._make_next()
        while not self._finished:
            try:
                self._done.acquire()
            except KeyboardInterrupt as pressed:
                interrupt = pressed
        error, self._error = self._error, None
        return error or interrupt

    def _make_next(self) -> None:
        try:
            share = self._shares.pop()
        except IndexError:
            return
        done = self._done
        try:
            _make(share)
        except BaseException as error:  # noqa: BLE001 - raised again by the team's caller
            self._error = error
        self._finished = True
        done.release()

    def _work(self) -> None:
        with np.errstate(all="ignore"):
            while True:
                self._given.acquire()
                self._make_next()


# They are daemons, belong to the process, and are shared by all teams: a team costs nothing.
_helpers: list[_Helper] = []
_helpers_free = threading.Lock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_helpers.clear)  # threads do not survive a fork
