"""The process that does a share of the calls of each stage; `engine.team` starts it."""

import os
import pickle
import select
import signal
import socket
import sys
import traceback
from contextlib import suppress

import numpy as np

from engine.blas import one_blas_thread
from engine.handover import (
    CANNOT,
    DONE,
    FAILED,
    GO_ON,
    NUMBER,
    receive,
    send,
    unpacked,
    wait_until_readable,
)
from engine.plan import Share
from engine.shared_memory import Segment

# How long to look before sleeping: twice what the caller needs for its own part of a batch, or to
# draw the next one. It takes that long when memory is slow for a while.
LOOKING_S = 0.0004


class Shares:
    """The shares that have been delivered, by number; None for one that cannot run here."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._shares: dict[int, Share | None] = {}
        self._segments: dict[int, Segment] = {}

    def get(self, number: int) -> Share | None:
        """The share of that number; waits for its delivery if need be."""
        while number not in self._shares:
            self.accept()
        return self._shares[number]

    def accept(self) -> None:
        """Wait for a delivery and take it."""
        delivery, descriptors = receive(self._connection)
        for number in delivery.forgotten:
            self._shares.pop(number, None)
            self._segments.pop(number, None)
        for (number, size), descriptor in zip(delivery.segments, descriptors, strict=True):
            self._segments[number] = Segment(descriptor, size)
            os.close(descriptor)
        try:
            self._shares[delivery.number] = unpacked(delivery.calls, self._segments)
        except Exception:  # noqa: BLE001 - functions and classes of a script, say, are not known here
            self._shares[delivery.number] = None


def serve(connection: socket.socket, given: int, going: int, done: int) -> None:
    """Do the calls of every share whose number can be read from `given`, until that is closed.

    The calls of a share's second part wait for a byte from `going`. Outcomes go to `done`.
    """
    shares = Shares(connection)
    go_on = select.poll()
    go_on.register(going, select.POLLIN)
    poll = select.poll()
    poll.register(given, select.POLLIN)
    # Deliveries are read at once: otherwise a large one would block its sender for ever.
    poll.register(connection, select.POLLIN)
    os.write(done, DONE)
    while True:
        readable = wait_until_readable(poll, LOOKING_S)
        if any(descriptor == connection.fileno() for descriptor, _ in readable):
            shares.accept()
            continue
        try:
            record = os.read(given, NUMBER.size)
        except BlockingIOError:  # taken back
            continue
        if not record:
            return
        share = shares.get(*NUMBER.unpack(record))
        if share is None:
            os.write(done, CANNOT)
            continue
        try:
            first, second = share
            for call in first:
                call()
            if second:
                wait_until_readable(go_on, LOOKING_S)
                if not os.read(going, len(GO_ON)):
                    return
            for call in second:
                call()
        except Exception as error:  # noqa: BLE001 - raised again by the team's caller
            error.add_note(f"in the helper process:\n{traceback.format_exc()}")
            os.write(done, FAILED)
            send(connection, _sendable(error))
        else:
            os.write(done, DONE)


def _sendable(error: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    except Exception:  # noqa: BLE001 - whatever an exception's class makes of it
        return RuntimeError(repr(error))
    return error


if __name__ == "__main__":
    # The process that is helped decides when this one ends: its end closes the pipes.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    with (
        suppress(EOFError, ConnectionError),
        socket.socket(fileno=int(sys.argv[1])) as connection,
        one_blas_thread,
        np.errstate(all="ignore"),
    ):
        serve(connection, *map(int, sys.argv[2:]))
