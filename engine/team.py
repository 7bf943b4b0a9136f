"""A team: this process and a helper process, which share the tasks of a stage.

The helper is no thread: NumPy computes without the interpreter's lock, but needs it between any two
calls, and a thread cannot watch for its next share without taking that lock from the caller.
"""

import atexit
import os
import select
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from engine.errors import HelperLostError
from engine.handover import (
    CANNOT,
    DONE,
    FAILED,
    GO_ON,
    NUMBER,
    Delivery,
    NotSharedError,
    packed,
    receive,
    send,
    wait_until_readable,
)
from engine.plan import Stage, Task
from engine.shared_memory import CAN_SHARE, Segment, new_number

# How long the caller looks whether the helper is done before it sleeps. The two are about equally
# fast: if the helper is later than that, another program has its core, and may have this one too.
LOOKING_S = 0.0001
# After so many helpers that could not be started, or ended before they were ready, no more are.
ATTEMPTS = 3


def available_cores() -> int:
    """The processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Team:
    """The caller and, with two `threads` or more, the process's helper.

    Every second task of a stage is the helper's, so that each of the two keeps its own part of the
    weights in its cache. If the helper has not begun when the caller is done, because another
    program has the helper's core, the caller does those calls too. Results do not depend on
    `threads`. Tasks whose arrays are not in shared memory, or that cannot be pickled, are all the
    caller's.
    """

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads

    def run(self, stages: Iterable[Stage]) -> None:
        """Do all calls of every stage, one stage after the other.

        Raises what a call raises, or HelperLostError. It is then not known which of the other
        calls of that stage were done.
        """
        for stage in stages:
            self.run_with(stage, _nothing)

    def run_with(self, stage: Stage, meanwhile: Callable[[], object]) -> None:
        """Do all calls of a stage, and call `meanwhile` before any of its `then`.

        Raises what `run` raises.
        """
        shared = self.threads > 1 and len(stage.tasks) > 1 and CAN_SHARE
        # While another thread of this process uses the helper, this one works alone.
        if shared and _helper_lock.acquire(blocking=False):
            try:
                _share(stage, meanwhile)
            finally:
                _helper_lock.release()
        else:
            _make_all(stage, meanwhile)


class _Helper:
    """The other process. It is given one share at a time, which it or the caller finishes.

    `is_out` is true from before something is sent to it until all its answers are read. A caller
    that is interrupted meanwhile, by Ctrl-C say, cannot know what the helper is doing, and ends it.
    """

    def __init__(self) -> None:
        self._connection, theirs = socket.socketpair()
        self._given, self._give = os.pipe()  # whoever reads it does the calls: helper or caller
        self._going, self._go = os.pipe()  # the same for the byte to go on
        self._done, done = os.pipe()
        os.set_blocking(self._given, False)
        os.set_blocking(self._going, False)
        ends = (theirs.fileno(), self._given, self._going, done)
        paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - no word of it comes from outside
                [str(sys.executable), "-P", "-m", "engine.helper", *map(str, ends)],
                stdin=subprocess.DEVNULL,
                pass_fds=ends,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
                process_group=0,  # Ctrl-C is for the caller
            )
        except OSError:
            self.close()
            raise
        finally:
            theirs.close()
            os.close(done)
        self.is_out = self.is_ready = False
        self._poll = select.poll()
        self._poll.register(self._done, select.POLLIN)
        self._room = select.poll()
        self._room.register(self._connection, select.POLLOUT)
        self._mapped: weakref.WeakSet[Segment] = weakref.WeakSet()
        self._forgotten: list[int] = []

    def hear_whether_ready(self) -> None:
        """Set `is_ready` if it is ready by now. Raises HelperLostError if it has ended."""
        if self._poll.poll(0):
            if os.read(self._done, 1) != DONE:
                raise HelperLostError("expected a helper process, got its end as it started")
            self.is_ready = True

    def give(self, stage: Stage) -> bool:
        """Give it its share, which it begins once it has a core. False if it cannot do it."""
        self.is_out = True
        # Without room in the connection it lags behind, and sending more might block.
        if stage.delivered[0] is not self and self._room.poll(0):
            stage.delivered = self, self._deliver(stage)
        to, number = stage.delivered
        if to is not self or number is None:
            self.is_out = False
            return False
        os.write(self._give, NUMBER.pack(number))
        return True

    def go_on(self) -> None:
        """Let it go on with the second part of its share."""
        os.write(self._go, GO_ON)

    def finish(self, stage: Stage) -> bool:
        """Wait until its share is done. False if none of the calls was done: the caller does them.

        Raises what one of the calls raised, or HelperLostError.
        """
        if not self._poll.poll(0):
            if self._take_back():
                self._take_back_go_on()
                self.is_out = False
                return False
            wait_until_readable(self._poll, LOOKING_S)
        outcome = os.read(self._done, 1)
        error = receive(self._connection)[0] if outcome == FAILED else None
        if outcome != DONE:  # it may not have read the byte to go on
            self._take_back_go_on()
        self.is_out = not outcome  # a helper that has ended stays out
        if error is not None:
            raise error
        if outcome == CANNOT:
            stage.delivered = self, None
        if not outcome and not self._take_back():
            raise HelperLostError(
                "expected the helper process to make its calls, got its end amid them",
                "restore an earlier state",
            )
        return outcome == DONE

    def close(self) -> None:
        """Close this process's ends; the helper ends when no process has them open any more."""
        for descriptor in (self._given, self._give, self._going, self._go, self._done):
            os.close(descriptor)
        self._connection.close()

    def kill(self) -> None:
        """End it; it has nothing to save."""
        self._process.kill()
        self._process.wait()

    def kill_at_exit(self) -> None:
        """End it but leave the pipes to the system: daemon threads may still be at work."""
        self._connection.detach()
        self.kill()

    def disown(self) -> None:
        """Let go of it in a process that is not its parent."""
        self.close()
        self._process.returncode = 0  # otherwise Popen would warn that it still runs

    def _take_back(self) -> bool:
        try:
            os.read(self._given, NUMBER.size)
        except BlockingIOError:
            return False
        return True

    def _take_back_go_on(self) -> None:
        with suppress(BlockingIOError):  # nothing was sent, or the helper has read it
            os.read(self._going, len(GO_ON))

    def _deliver(self, stage: Stage) -> int | None:
        try:
            calls, segments = packed(stage.shares[1])
        except NotSharedError:
            return None
        new = [segment for segment in segments if segment not in self._mapped]
        number = new_number()
        forgotten = tuple(self._forgotten)
        del self._forgotten[: len(forgotten)]  # others may have been added meanwhile
        named = tuple((segment.number, len(segment)) for segment in new)
        delivery = Delivery(number, calls, named, forgotten)
        with suppress(ConnectionError):  # it has ended; `finish` will notice
            send(self._connection, delivery, [segment.descriptor for segment in new])
        self._mapped.update(new)
        for segment in new:
            weakref.finalize(segment, self._forgotten.append, segment.number)
        weakref.finalize(stage, self._forgotten.append, number)
        return number


# At most one, for all teams. It is started when there is something to share.
_helpers: list[_Helper] = []
_failures: list[BaseException] = []
# Reentrant, so that an interrupt between acquire() and release() does not lock the thread out.
_helper_lock = threading.RLock()


def _share(stage: Stage, meanwhile: Callable[[], object]) -> None:
    if _helpers and _helpers[0].is_out:
        _drop()
    helper = _helper()
    if helper is None:
        _make_all(stage, meanwhile)
        return
    ours, theirs = stage.shares
    try:
        if not helper.give(stage):
            _make_all(stage, meanwhile)
            return
        meanwhile()
        if theirs[1]:
            helper.go_on()
        for calls in ours:
            _make(calls)
        done = helper.finish(stage)
    except BaseException:
        if helper.is_out:
            _drop()
        raise
    if not done:
        for calls in theirs:
            _make(calls)


def _helper() -> _Helper | None:
    """The helper, if it is ready; starts one if there is none."""
    if not _helpers:
        if len(_failures) == ATTEMPTS:
            return None
        try:
            _helpers.append(_Helper())
        except OSError as error:
            _failures.append(error)
            return None
    helper = _helpers[0]
    if not helper.is_ready:
        try:
            helper.hear_whether_ready()
        except HelperLostError as error:
            _failures.append(error)
            _drop()
            return None
    return helper if helper.is_ready else None


def _drop() -> None:
    helper = _helpers[0]
    helper.kill()
    _helpers.clear()
    helper.close()


def _make_all(stage: Stage, meanwhile: Callable[[], object]) -> None:
    (ours, our_then), (theirs, their_then) = stage.shares
    _make(ours)
    _make(theirs)
    meanwhile()
    _make(our_then)
    _make(their_then)


def _make(calls: Task) -> None:
    for call in calls:
        call()


def _nothing() -> None:
    pass


@atexit.register
def _end() -> None:
    for helper in _helpers:
        helper.kill_at_exit()


def _disown() -> None:
    while _helpers:
        _helpers.pop().disown()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_disown)
