"""Arrays in memory that another process can map, so that it can share the work."""

import errno
import itertools
import math
import mmap
import os
import sys
import tempfile
import weakref
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from engine.arrays import Array

# The most pieces of shared memory of a process. Each takes two of its descriptors, and a program
# that has so many at once has other work for the other cores.
MOST_SEGMENTS = 200
# From so many parameters on a helper makes a batch faster; a handover takes some 5 µs.
SHARED_FROM = 100_000
# Memory is only taken up when it is written to: asking for more costs nothing.
SEGMENT_BYTES = 1 << 26
CACHE_LINE = 64

# A frozen application would start itself instead of a helper.
CAN_SHARE = os.name == "posix" and not getattr(sys, "frozen", False)

# zeros(shape, dtype): NumPy's, or those of a SharedMemory.
Zeros: TypeAlias = Callable[[int | tuple[int, ...], Any], Array]

_numbers = itertools.count(1)
_segments: "weakref.WeakSet[Segment]" = weakref.WeakSet()


def new_number() -> int:
    """A number that nothing else has, to name something between two processes."""
    return next(_numbers)


class Segment(mmap.mmap):
    """A piece of shared memory; `number` is its name, `descriptor` the file others map it by."""

    number: int
    descriptor: int

    @classmethod
    def create(cls, size: int) -> "Segment":
        """New memory, all zeros. Raises OSError where there is no more.

        It is given back when nothing views it any more. A helper that has mapped it lets go of it
        with the next share that is delivered.
        """
        if len(_segments) >= MOST_SEGMENTS:
            raise OSError(errno.EMFILE, f"{MOST_SEGMENTS} segments are in use")
        descriptor = _new_file()
        try:
            os.ftruncate(descriptor, size)
            segment = cls(descriptor, size)
        except OSError:
            os.close(descriptor)
            raise
        segment.number, segment.descriptor = new_number(), descriptor
        weakref.finalize(segment, os.close, descriptor)
        _segments.add(segment)
        return segment


class SharedMemory:
    """Makes arrays side by side in segments; NumPy's own if there are no more segments."""

    def __init__(self) -> None:
        self._root: Array = np.empty(0, np.uint8)
        self._used = 0

    def zeros(self, shape: int | tuple[int, ...], dtype: Any) -> Array:
        """A new array of zeros."""
        shape = (shape,) if isinstance(shape, int) else shape
        kind = np.dtype(dtype)
        nbytes = math.prod(shape) * kind.itemsize
        if self._used + nbytes > len(self._root):
            try:
                segment = Segment.create(max(nbytes, SEGMENT_BYTES))
            except OSError:
                return np.zeros(shape, dtype)
            self._root, self._used = np.frombuffer(segment, np.uint8), 0
        start = self._used
        self._used += -(-nbytes // CACHE_LINE) * CACHE_LINE
        array: Array = self._root[start : start + nbytes].view(kind).reshape(shape)
        return array


def zeros_for(parameters: int) -> Zeros:
    """`zeros` for a network of so many parameters: in shared memory if it is large enough."""
    return SharedMemory().zeros if CAN_SHARE and parameters >= SHARED_FROM else np.zeros


def zeros_beside(array: Array) -> Zeros:
    """`zeros` in the kind of memory, shared or not, in which `array` lies."""
    return np.zeros if segment_of(array) is None else SharedMemory().zeros


def segment_of(array: Array) -> tuple[Segment, int] | None:
    """The segment in which an array lies, and the offset of its first element, in bytes."""
    root = array
    while isinstance(root.base, np.ndarray):
        root = root.base
    owner: Any = root.base
    owner = getattr(owner, "obj", owner)  # frombuffer() sees it through a memoryview
    if not isinstance(owner, Segment):
        return None
    return owner, _address(array) - _address(root)


def _address(array: Array) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _new_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("engine")
    with tempfile.TemporaryFile() as file:  # macOS
        return os.dup(file.fileno())
