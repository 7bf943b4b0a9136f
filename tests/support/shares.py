"""Calls that can be handed to a helper process: what tests put into the tasks of a stage."""

import os
import signal
import time

from engine.arrays import Array


def note(made: Array, number: int) -> None:
    """Write down the process that makes this call."""
    made[number] = os.getpid()


def note_time(times: Array, stage: int, number: int) -> None:
    """Write down when this call is made, in ns."""
    times[stage, number] = time.monotonic_ns()


def wait(seconds: float) -> None:
    """Take so long."""
    time.sleep(seconds)


def wait_for_note(made: Array, number: int) -> None:
    """Take until that call is being made."""
    while not made[number]:
        time.sleep(0.001)


def fail() -> None:
    """Raise an error."""
    raise ArithmeticError("expected a number")


def press_ctrl_c() -> None:
    """Interrupt the process that is helped."""
    os.kill(os.getppid(), signal.SIGINT)
