"""Something done amid a program: at one of its calls."""

import itertools
from collections.abc import Callable

import pytest


def at_call(
    patch: pytest.MonkeyPatch, where: type, what: str, number: int, act: Callable[[], object]
) -> None:
    """Do something at that call of a method, counted from 1, and then make it."""
    method, calls = getattr(where, what), itertools.count(1)

    def watched(*args: object) -> object:
        if next(calls) == number:
            act()
        return method(*args)

    patch.setattr(where, what, watched)
