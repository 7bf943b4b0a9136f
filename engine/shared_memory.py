"""Arrays in memory that another process can map, so that it can do a share of the work."""

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

# Pieces of shared memory that a process has at most. Each takes two of its descriptors, and who
# has so much at once has other work for the other cores.
MOST_SEGMENTS = 200
# With so many parameters or more a helper makes a batch faster; a handover takes some 5 µs.
SHARED_FROM = 100_000
# Memory is taken up as it is written to: what is only asked for costs nothing.
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

        It is given back when nothing views it any more; what a helper has mapped, when the next
        share is delivered to it.
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
    """Gives out arrays that lie side by side in segments, or NumPy's own if there are no more."""

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
    """What makes the arrays of a network of so many parameters: shared, if it is large enough."""
    return SharedMemory().zeros if CAN_SHARE and parameters >= SHARED_FROM else np.zeros


def zeros_beside(array: Array) -> Zeros:
    """What makes arrays in memory of the kind in which `array` is."""
    return np.zeros if segment_of(array) is None else SharedMemory().zeros


def segment_of(array: Array) -> tuple[Segment, int] | None:
    """The segment in which an array lies, and the place of its first element there, in bytes."""
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
