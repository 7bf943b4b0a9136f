"""Freed memory that the C library keeps, given back to the system."""

import ctypes


def give_back() -> None:
    """Give back what lies free between what is in use; without this only what lies at the end is.

    glibc has a call for it: https://man7.org/linux/man-pages/man3/malloc_trim.3.html. Where the C
    library has none, nothing is done.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
