"""How calls get from the process that trains to its helper.

A share is what the helper calls in one stage. The caller sends it once, with every array as a
place in shared memory, and gives it a number. From then on it sends only that number and, if the
share has a second part, a byte that lets the helper go on with it.
"""

import io
import pickle
import select
import socket
import struct
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.arrays import Array
from engine.plan import Share
from engine.shared_memory import Segment, segment_of

NUMBER = struct.Struct("<q")
GO_ON = b">"
# The helper's answers about a share.
DONE = b"."  # its calls are made
FAILED = b"!"  # an exception follows on the connection
CANNOT = b"?"  # it cannot make these calls, and has made none
# Segments that come with one message, at most.
DESCRIPTORS = 64


class NotSharedError(Exception):
    """A share that another process cannot call: its arrays or functions exist only here."""


@dataclass(frozen=True)
class Delivery:
    """A share to be sent; `forgotten` are the numbers of shares and segments to let go of."""

    number: int
    calls: bytes
    segments: tuple[tuple[int, int], ...]  # number and size of each that the helper lacks
    forgotten: tuple[int, ...]


def wait_until_readable(poll: "select.poll", looking_s: float) -> list[tuple[int, int]]:
    """Wait until there is something to read, or the other end is closed; returns `poll`'s answer.

    It looks again and again for `looking_s`, then sleeps: waking takes longer than most waits do.
    """
    until = time.perf_counter() + looking_s
    while not (readable := poll.poll(0)):
        if time.perf_counter() > until:
            return poll.poll()
    return readable


def packed(share: Share) -> tuple[bytes, list[Segment]]:
    """A share as bytes, and the segments in which its arrays lie. Raises NotSharedError."""
    file = io.BytesIO()
    pickler = _Pickler(file)
    try:
        pickler.dump(share)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise NotSharedError from error
    return file.getvalue(), list(pickler.segments.values())


def unpacked(data: bytes, segments: Mapping[int, Segment]) -> Share:
    """The share, on the same arrays, in a process that has mapped these segments."""
    share: Share = _Unpickler(data, segments).load()
    return share


def send(connection: socket.socket, message: object, descriptors: Iterable[int] = ()) -> None:
    """Send an object that can be pickled, and file descriptors."""
    data = pickle.dumps(message)
    socket.send_fds(connection, [NUMBER.pack(len(data))], list(descriptors))
    connection.sendall(data)


def receive(connection: socket.socket) -> tuple[Any, list[int]]:
    """Receive what `send` sent. Raises EOFError if the other end is closed."""
    head, descriptors, _, _ = socket.recv_fds(connection, NUMBER.size, DESCRIPTORS)
    if not head:
        raise EOFError
    (length,) = NUMBER.unpack(head)
    data = connection.recv(length, socket.MSG_WAITALL)
    return pickle.loads(data), descriptors  # noqa: S301 - the other end is our own process


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.segments: dict[int, Segment] = {}

    def persistent_id(self, obj: object) -> object:
        if not isinstance(obj, np.ndarray):
            return None
        found = segment_of(obj)
        if found is None:
            raise NotSharedError
        segment, start = found
        self.segments[segment.number] = segment
        return segment.number, start, obj.shape, obj.strides, obj.dtype


class _Unpickler(pickle.Unpickler):
    def __init__(self, data: bytes, segments: Mapping[int, Segment]) -> None:
        super().__init__(io.BytesIO(data))
        self._segments = segments

    def persistent_load(self, pid: Any) -> Array:
        number, start, shape, strides, dtype = pid
        return np.ndarray(shape, dtype, self._segments[number], start, strides)
