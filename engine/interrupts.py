"""Ctrl-C, held back while something is done by halves."""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Self, TypeVar

Value = TypeVar("Value")


class HeldInterrupts:
    """Within it SIGINT waits until the end of the block, or of a call by `between`.

    Then the handler is called that would have been called at once: a KeyboardInterrupt is raised,
    unless the program has one of its own. In a thread to which no interrupt comes, it does nothing.
    """

    def __enter__(self) -> Self:
        """Hold them back."""
        self._held, self._waiting = True, False
        handler = signal.getsignal(signal.SIGINT)
        is_main = threading.current_thread() is threading.main_thread()
        self._before = handler if is_main and callable(handler) else None
        if self._before:
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_error: object) -> None:
        """Let the one through that has come."""
        if self._before:
            signal.signal(signal.SIGINT, self._before)
        self._deliver()

    def between(self, call: Callable[[Value], object], value: Value) -> None:
        """Call with nothing done by halves: one that comes is let through, and then what waits."""
        self._held = False
        try:
            call(value)
        finally:
            self._held = True
        self._deliver()

    def _deliver(self) -> None:
        if self._waiting and self._before:
            self._waiting = False
            self._before(signal.SIGINT, None)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._held:
            self._waiting = True
        elif self._before:
            self._before(number, frame)
