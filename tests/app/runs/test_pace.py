"""Phases at a given speed, on a clock that stands still."""

import pytest

from app.runs.pace import MAX_LAG_S, BatchRate, Pace


def started(speed: float | None) -> Pace:
    pace = Pace()
    pace.change(speed, 0.0)
    pace.start(10.0)
    return pace


def test_without_a_speed_nothing_waits() -> None:
    pace = started(None)
    pace.ran(10.0)
    assert pace.wait(10.0) == 0


def test_phases_are_spaced_evenly() -> None:
    pace = started(4)
    assert pace.wait(10.0) == 0
    pace.ran(10.0)
    assert pace.wait(10.0) == pytest.approx(0.25)
    assert pace.wait(10.2) == pytest.approx(0.05)
    assert pace.wait(10.3) == 0


def test_a_phase_that_runs_late_does_not_delay_the_next() -> None:
    pace = started(4)
    pace.ran(10.0)
    pace.ran(10.3)  # due at 10.25
    assert pace.wait(10.3) == pytest.approx(0.2)


def test_a_long_standstill_is_not_caught_up_with() -> None:
    pace = started(1000)
    pace.ran(10.0)
    pace.ran(99.0)
    phases = 0
    while pace.wait(99.0) == 0:
        pace.ran(99.0)
        phases += 1
    assert phases <= MAX_LAG_S * 1000


def test_a_faster_speed_does_not_wait_out_the_old_pause() -> None:
    pace = started(0.1)
    pace.ran(10.0)
    assert pace.wait(10.0) == pytest.approx(10)
    pace.change(20, 10.0)
    assert pace.wait(10.0) == pytest.approx(0.05)
    pace.change(None, 10.0)
    assert pace.wait(10.0) == 0


def test_the_rate_is_that_of_the_last_second() -> None:
    rate = BatchRate()
    for batch in range(100):
        rate.mark(batch * 0.1, batch)
    assert rate.value(9.9) == pytest.approx(10, rel=0.15)
    for batch in range(100, 200):
        rate.mark(9.9 + (batch - 99) * 0.01, batch)
    assert rate.value(10.9) == pytest.approx(100, rel=0.15)


def test_a_slow_rate_is_true_between_two_batches() -> None:
    rate = BatchRate()
    for batch in range(1, 5):
        rate.mark(batch * 2.5, batch)
    assert [rate.value(10.0 + wait) for wait in (0, 1, 2.4)] == pytest.approx([0.4] * 3)


def test_the_rate_falls_while_no_batch_comes() -> None:
    rate = BatchRate()
    rate.mark(0.0, 1)
    rate.mark(0.1, 2)
    assert rate.value(0.2) == pytest.approx(10)
    assert rate.value(10.0) == pytest.approx(0.2)
    assert rate.value(1000.0) == pytest.approx(0, abs=0.01)


def test_there_is_no_rate_before_two_batches() -> None:
    rate = BatchRate()
    assert rate.value(1.0) == 0
    rate.mark(0.0, 1)
    assert rate.value(1.0) == 0


def test_a_rest_forgets_the_rate() -> None:
    rate = BatchRate()
    rate.mark(0.0, 1)
    rate.mark(0.1, 2)
    rate.clear()
    assert rate.value(0.2) == 0


def test_a_rate_at_one_instant_is_finite() -> None:
    rate = BatchRate()
    rate.mark(5.0, 1)
    rate.mark(5.0, 2)
    assert rate.value(5.0) == pytest.approx(1000)
