"""A team: this process and a helper process, which share the tasks of a stage.

A thread would do for the helper, since NumPy computes without the interpreter's lock; but it needs
the lock between any two calls, and cannot watch for its next share without taking it away.
"""

import atexit
import os
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from engine.errors import HelperLostError
from engine.handover import (
    DONE,
    FAILED,
    NUMBER,
    Delivery,
    NotSharedError,
    is_readable,
    packed,
    receive,
    send,
    wait_until_readable,
)
from engine.plan import Stage, Task
from engine.shared_memory import IS_POSIX, Segment, new_number

# The helper is about as fast. Is it late, another program has its core, and had better have ours.
LOOKING_S = 0.00003


def available_cores() -> int:
    """The processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Team:
    """The caller and, with two `threads` or more, the process's helper.

    Every second task of a stage is the helper's, so that each keeps its own part of the weights in
    its cache; where the helper has not begun by the time the caller is done, because other programs
    have its core, the caller makes its calls too. What is computed does not depend on `threads`.
    Tasks on arrays that are not in shared memory are all the caller's, and so is everything on
    systems that are not POSIX.
    """

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads

    def run(self, stages: Iterable[Stage]) -> None:
        """Make all calls of every stage, each stage after the one before.

        Raises what a call raises, when all others have been made, and HelperLostError.
        """
        for stage in stages:
            # While another team of this process has the helper, this one does without.
            shared = self.threads > 1 and len(stage.tasks) > 1 and IS_POSIX
            if shared and _helper_free.acquire(blocking=False):
                try:
                    _share(stage)
                finally:
                    _helper_free.release()
            else:
                _make(stage.tasks)


class _Helper:
    """The other process. One share at a time is given to it, and finished by one of the two."""

    def __init__(self) -> None:
        self._connection, theirs = socket.socketpair()
        self._given, self._give = os.pipe()  # read by whoever makes the calls, him or us
        self._done, done = os.pipe()
        os.set_blocking(self._given, False)
        ends = (theirs.fileno(), self._given, done)
        paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]
        self._process: subprocess.Popen[bytes] | None = None
        with suppress(OSError):  # then it never gets ready
            self._process = subprocess.Popen(  # noqa: S603 - no word of it comes from outside
                [str(sys.executable), "-P", "-m", "engine.helper", *map(str, ends)],
                stdin=subprocess.DEVNULL,
                pass_fds=ends,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
                process_group=0,  # Ctrl-C is for us
            )
        theirs.close()
        os.close(done)
        self._ready = False
        self._numbers: weakref.WeakKeyDictionary[Stage, int | None] = weakref.WeakKeyDictionary()
        self._mapped: weakref.WeakSet[Segment] = weakref.WeakSet()
        self._forgotten: list[int] = []

    def number_of(self, stage: Stage) -> int | None:
        """The number of the helper's share, or None as long as it can't have it."""
        if not self._ready:
            if not is_readable(self._done):
                return None
            self._ready = os.read(self._done, 1) == DONE
            return None
        if stage not in self._numbers:
            self._numbers[stage] = self._deliver(stage)
        return self._numbers[stage]

    def give(self, number: int) -> None:
        """Let the helper make the calls of a share; it begins as soon as it has a core."""
        os.write(self._give, NUMBER.pack(number))

    def finish(self) -> bool:
        """Wait until the share is done, or take it back: then True, and its calls are to be made.

        Raises what one of the calls raised. Ctrl-C does not end the wait, but is raised after it:
        the helper would be left at work on arrays with which the caller goes on.
        """
        interrupt: KeyboardInterrupt | None = None
        taken_back = False
        while not taken_back and not is_readable(self._done):
            try:
                taken_back = self._take_back()
                if not taken_back:
                    wait_until_readable(self._done, LOOKING_S)
            except KeyboardInterrupt as pressed:
                interrupt = pressed
        if not taken_back:
            taken_back = self._hear()
        if interrupt is not None:
            raise interrupt
        return taken_back

    def close(self) -> None:
        """Let go of this process's ends; the helper ends when nobody holds them any more."""
        for descriptor in (self._given, self._give, self._done):
            os.close(descriptor)
        self._connection.close()

    def end(self) -> None:
        """End the helper, which has nothing to lose."""
        self.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _hear(self) -> bool:
        outcome = os.read(self._done, 1)
        if outcome == FAILED:
            raise receive(self._connection)[0]
        if outcome == DONE:
            return False
        never_begun = self._take_back()
        _helpers.remove(self)
        self.end()
        if never_begun:
            return True
        raise HelperLostError(
            "expected the helper process to make its calls, got its end amid them",
            "restore an earlier state",
        )

    def _take_back(self) -> bool:
        try:
            os.read(self._given, NUMBER.size)
        except BlockingIOError:
            return False
        return True

    def _deliver(self, stage: Stage) -> int | None:
        try:
            calls, segments = packed([call for task in stage.tasks[1::2] for call in task])
        except NotSharedError:
            return None
        new = [segment for segment in segments if segment not in self._mapped]
        number = new_number()
        forgotten = tuple(self._forgotten)
        del self._forgotten[: len(forgotten)]  # others may have been added meanwhile
        named = tuple((segment.number, len(segment)) for segment in new)
        delivery = Delivery(number, calls, named, forgotten)
        with suppress(ConnectionError):  # it has ended, which is found out by what it does not do
            send(self._connection, delivery, [segment.descriptor for segment in new])
        self._mapped.update(new)
        for segment in new:
            weakref.finalize(segment, self._forgotten.append, segment.number)
        weakref.finalize(stage, self._forgotten.append, number)
        return number


# One at most, for all teams; it is started when there is something to share.
_helpers: list[_Helper] = []
_helper_free = threading.Lock()


def _share(stage: Stage) -> None:
    if not _helpers:
        _helpers.append(_Helper())
    helper = _helpers[0]
    number = helper.number_of(stage)
    if number is None:
        _make(stage.tasks)
        return
    helper.give(number)
    try:
        _make(stage.tasks[::2])
    finally:
        taken_back = helper.finish()
    if taken_back:
        _make(stage.tasks[1::2])


def _make(tasks: Sequence[Task]) -> None:
    for task in tasks:
        for call in task:
            call()


@atexit.register
def _end_helpers() -> None:
    while _helpers:
        _helpers.pop().end()


def _leave_helpers() -> None:
    while _helpers:
        _helpers.pop().close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_helpers)  # the helper is the parent's
