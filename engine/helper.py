"""The process that makes a share of the calls of each stage; `engine.team` starts it."""

import os
import signal
import socket
import sys
from contextlib import suppress

import numpy as np

from engine.blas import one_blas_thread
from engine.handover import (
    DONE,
    FAILED,
    NUMBER,
    Delivery,
    receive,
    send,
    unpacked,
    wait_until_readable,
)
from engine.plan import Task
from engine.shared_memory import Segment

# The caller's own part of a batch, between two stages that it shares.
LOOKING_S = 0.0002


class Shares:
    """The shares that have been delivered, by number."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._shares: dict[int, Task] = {}
        self._segments: dict[int, Segment] = {}

    def get(self, number: int) -> Task:
        """The share of that number, which has been delivered or is about to be."""
        while number not in self._shares:
            delivery, descriptors = receive(self._connection)
            self._accept(delivery, descriptors)
        return self._shares[number]

    def _accept(self, delivery: Delivery, descriptors: list[int]) -> None:
        for number in delivery.forgotten:
            self._shares.pop(number, None)
            self._segments.pop(number, None)
        for (number, size), descriptor in zip(delivery.segments, descriptors, strict=True):
            self._segments[number] = Segment(descriptor, size)
            os.close(descriptor)
        self._shares[delivery.number] = unpacked(delivery.calls, self._segments)


def serve(connection: socket.socket, given: int, done: int) -> None:
    """Make the calls of every share whose number can be read from `given`, until it is closed."""
    shares = Shares(connection)
    os.write(done, DONE)
    while True:
        wait_until_readable(given, LOOKING_S)
        try:
            record = os.read(given, NUMBER.size)
        except BlockingIOError:  # taken back
            continue
        if not record:
            return
        try:
            for call in shares.get(*NUMBER.unpack(record)):
                call()
        except Exception as error:  # noqa: BLE001 - raised again by the team's caller
            os.write(done, FAILED)
            send(connection, error)
        else:
            os.write(done, DONE)


if __name__ == "__main__":
    # Who is helped decides when it ends, and closes the pipes by that.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    with suppress(EOFError, ConnectionError), one_blas_thread, np.errstate(all="ignore"):
        serve(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3]))
