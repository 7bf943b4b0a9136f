"""Ctrl-C, held back while something is done by halves."""

import signal
import threading
from types import FrameType

import pytest

from engine.interrupts import HeldInterrupts


def press() -> None:
    """Ctrl-C."""
    signal.raise_signal(signal.SIGINT)


def test_it_waits_until_something_is_done_between_or_the_end() -> None:
    done: list[int] = []
    with HeldInterrupts() as interrupts:
        interrupts.between(done.append, 0)  # none has come
        press()
        with pytest.raises(KeyboardInterrupt):
            interrupts.between(done.append, 1)
        interrupts.between(done.append, 1)  # it has been
    held = HeldInterrupts()
    with held:
        press()
        press()
        done.append(2)
        with pytest.raises(KeyboardInterrupt):
            held.__exit__(None, None, None)
    assert done == [0, 1, 1, 2]
    with pytest.raises(KeyboardInterrupt):
        press()


def test_it_comes_at_once_in_what_is_done_between() -> None:
    def called(done: list[int]) -> None:
        done.append(1)
        press()
        done.append(2)

    done: list[int] = []
    with HeldInterrupts() as interrupts:
        with pytest.raises(KeyboardInterrupt):
            interrupts.between(called, done)
        press()  # held back again
        done.append(3)
        with pytest.raises(KeyboardInterrupt):
            interrupts.between(done.append, 4)
    assert done == [1, 3, 4]


def test_a_handler_of_the_programs_own_is_called_instead() -> None:
    calls: list[int] = []

    def handler(number: int, frame: FrameType | None) -> None:
        calls.append(number)

    before = signal.signal(signal.SIGINT, handler)
    try:
        with HeldInterrupts():
            press()
            assert calls == []
        assert calls == [signal.SIGINT]
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_in_another_thread_it_does_nothing() -> None:
    before, within = signal.getsignal(signal.SIGINT), []

    def hold() -> None:
        with HeldInterrupts():
            within.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=hold)
    thread.start()
    thread.join()
    assert within == [before]
