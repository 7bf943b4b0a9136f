"""A team: this process and a helper process, which share the tasks of a stage.

A thread would do for the helper, since NumPy computes without the interpreter's lock; but it needs
the lock between any two calls, and cannot watch for its next share without taking it away.
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

# For so long the caller looks whether the helper is done, before it sleeps. The two are about as
# fast: if the helper is later than that, another program has its core, and can have this one.
LOOKING_S = 0.0001
# Helpers that end before they were ready, or cannot be started, before no other is tried.
ATTEMPTS = 3


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
    Tasks on arrays that are not in shared memory are all the caller's, and so are those that can't
    be pickled.
    """

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads

    def run(self, stages: Iterable[Stage]) -> None:
        """Make all calls of every stage, each stage after the one before.

        Raises what a call raises, and HelperLostError; what calls beside it have done is then not
        known.
        """
        for stage in stages:
            self.run_with(stage, _nothing)

    def run_with(self, stage: Stage, meanwhile: Callable[[], object]) -> None:
        """Make all calls of a stage, and `meanwhile` before any of its `then`.

        Raises what `run` raises.
        """
        shared = self.threads > 1 and len(stage.tasks) > 1 and CAN_SHARE
        # While another thread of this process has the helper, this one does without.
        if shared and _helper_lock.acquire(blocking=False):
            try:
                _share(stage, meanwhile)
            finally:
                _helper_lock.release()
        else:
            _make_all(stage, meanwhile)


class _Helper:
    """The other process. One share at a time is given to it, and finished by one of the two.

    `is_out` is true from before something is sent to it until all is heard of it. Whoever is
    interrupted meanwhile, by Ctrl-C say, does not know what it is doing: it is then of no more use.
    """

    def __init__(self) -> None:
        self._connection, theirs = socket.socketpair()
        self._given, self._give = os.pipe()  # read by whoever makes the calls, helper or caller
        self._going, self._go = os.pipe()  # so is whether to go on
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
        """Set `is_ready` if it is by now. Raises HelperLostError if it never will be."""
        if self._poll.poll(0):
            if os.read(self._done, 1) != DONE:
                raise HelperLostError("expected a helper process, got its end as it started")
            self.is_ready = True

    def give(self, stage: Stage) -> bool:
        """Let it make the calls of its share; it begins when it has a core. False if it can't."""
        self.is_out = True
        # If there is no room it is behind, and to send it more might block.
        if stage.delivered[0] is not self and self._room.poll(0):
            stage.delivered = self, self._deliver(stage)
        to, number = stage.delivered
        if to is not self or number is None:
            self.is_out = False
            return False
        os.write(self._give, NUMBER.pack(number))
        return True

    def go_on(self) -> None:
        """Let it make what follows on the share that was given to it."""
        os.write(self._go, GO_ON)

    def finish(self, stage: Stage) -> bool:
        """Wait until the share is done. False if its calls are the caller's, since none was made.

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
        if outcome != DONE:  # it may not have come to where it goes on
            self._take_back_go_on()
        self.is_out = not outcome  # one that has ended stays out
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
        """Let go of this process's ends; the helper ends when nobody holds them any more."""
        for descriptor in (self._given, self._give, self._going, self._go, self._done):
            os.close(descriptor)
        self._connection.close()

    def kill(self) -> None:
        """End it: it has nothing to lose."""
        self._process.kill()
        self._process.wait()

    def kill_at_exit(self) -> None:
        """End it, and leave the rest to the system: daemon threads may be at work."""
        self._connection.detach()
        self.kill()

    def disown(self) -> None:
        """Let go of it in a process that is not its parent."""
        self.close()
        self._process.returncode = 0  # or Popen would complain that it runs

    def _take_back(self) -> bool:
        try:
            os.read(self._given, NUMBER.size)
        except BlockingIOError:
            return False
        return True

    def _take_back_go_on(self) -> None:
        with suppress(BlockingIOError):  # there is nothing to go on with, or it has gone on
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
        with suppress(ConnectionError):  # it has ended, as `finish` will find out
            send(self._connection, delivery, [segment.descriptor for segment in new])
        self._mapped.update(new)
        for segment in new:
            weakref.finalize(segment, self._forgotten.append, segment.number)
        weakref.finalize(stage, self._forgotten.append, number)
        return number


# One at most, for all teams; it is started when there is something to share.
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
    """The helper, if it is ready; one is started if there is none."""
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
