"""Ctrl-C, held back while something is only half done."""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Self, TypeVar

Value = TypeVar("Value")


class HeldInterrupts:
    """A context that holds SIGINT back until the block ends, or until the next `between`.

    Then it calls the handler that was there before, which raises KeyboardInterrupt unless the
    program has its own. In any thread but the main one, which gets no signals, it does nothing.
    """

    def __enter__(self) -> Self:
        """Begin to hold SIGINT back."""
        self._held, self._waiting = True, False
        handler = signal.getsignal(signal.SIGINT)
        is_main = threading.current_thread() is threading.main_thread()
        self._before = handler if is_main and callable(handler) else None
        if self._before:
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_error: object) -> None:
        """Deliver a SIGINT that has come."""
        if self._before:
            signal.signal(signal.SIGINT, self._before)
        self._deliver()

    def between(self, call: Callable[[Value], object], value: Value) -> None:
        """Call while nothing is half done: SIGINT comes through, then one that waits."""
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
