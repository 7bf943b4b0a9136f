"""Saved states: within the budget, and never far from any batch."""

import numpy as np
import pytest

from app.runs.checkpoints import FIRST_INTERVAL, Checkpoints
from engine import LoopState

STATE_BYTES = 400


def state_at(batch: int) -> LoopState:
    return LoopState(
        parameters=np.zeros(STATE_BYTES // 4, np.float32),
        optimizer={"name": "sgd"},
        iterations=batch,
        slots={},
        batch=batch,
        epoch=0,
        batch_in_epoch=batch,
        position=batch,
        batch_size=1,
    )


def played(batches: int, budget: int) -> Checkpoints:
    checkpoints = Checkpoints(budget)
    for batch in range(1, batches + 1):
        if checkpoints.due(batch):
            checkpoints.add(state_at(batch))
    return checkpoints


def test_states_are_due_at_multiples_of_the_interval() -> None:
    checkpoints = Checkpoints(10 * STATE_BYTES)
    assert [batch for batch in range(1, 100) if checkpoints.due(batch)] == [32, 64, 96]


def test_a_state_that_is_there_is_not_due_again() -> None:
    checkpoints = Checkpoints(10 * STATE_BYTES)
    checkpoints.add(state_at(32))
    assert not checkpoints.due(32)


@pytest.mark.parametrize("budget", [0, 1, 4, 7])
def test_the_budget_is_kept_and_no_batch_is_far_from_a_state(budget: int) -> None:
    batches = 5000
    checkpoints = played(batches, budget * STATE_BYTES)
    assert checkpoints.nbytes <= budget * STATE_BYTES
    farthest = max(FIRST_INTERVAL, 2 * batches / budget) if budget else batches
    for batch in range(1, batches + 1):
        start = checkpoints.before(batch)
        assert 0 <= batch - (start.batch if start else 0) <= farthest


def test_the_newest_state_at_or_before_a_batch_is_found() -> None:
    checkpoints = played(100, 10 * STATE_BYTES)
    found = {batch: checkpoints.before(batch) for batch in (31, 32, 63, 64, 500)}
    assert {batch: start.batch if start else 0 for batch, start in found.items()} == {
        31: 0,
        32: 32,
        63: 32,
        64: 64,
        500: 96,
    }


def test_cutting_forgets_the_states_after_a_batch() -> None:
    checkpoints = played(100, 10 * STATE_BYTES)
    checkpoints.cut(64)
    start = checkpoints.before(500)
    assert start is not None
    assert start.batch == 64
    assert checkpoints.due(96)
