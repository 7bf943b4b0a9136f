"""Ctrl-C, held back while something is done by halves."""

import signal
import threading
from types import FrameType

import pytest

from engine.interrupts import HeldInterrupts


def press() -> None:
    """Ctrl-C."""
    signal.raise_signal(signal.SIGINT)


def test_it_waits_until_it_is_delivered_or_the_end() -> None:
    done = []
    with HeldInterrupts() as interrupts:
        interrupts.deliver()  # none has come
        press()
        done.append(1)
        with pytest.raises(KeyboardInterrupt):
            interrupts.deliver()
        interrupts.deliver()  # it has been
    held = HeldInterrupts()
    with held:
        press()
        press()
        done.append(2)
        with pytest.raises(KeyboardInterrupt):
            held.__exit__(None, None, None)
    assert done == [1, 2]
    with pytest.raises(KeyboardInterrupt):
        press()


def test_it_comes_at_once_where_it_is_let_through() -> None:
    with HeldInterrupts() as interrupts:
        interrupts.let_through()
        with pytest.raises(KeyboardInterrupt):
            press()
        interrupts.hold_back()
        press()
        with pytest.raises(KeyboardInterrupt):
            interrupts.deliver()


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
