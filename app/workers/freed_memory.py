"""Freed memory that the C library keeps, given back to the system."""

import ctypes


def give_back() -> None:
    """Give back free memory between blocks in use; by itself glibc gives back only that at the end.

    glibc has a call for it: https://man7.org/linux/man-pages/man3/malloc_trim.3.html. With a C
    library that has no such call, nothing happens.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
