"""Which samples come next."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.schedule import Schedule


@given(
    samples=st.integers(1, 60),
    sizes=st.lists(st.integers(1, 70), min_size=1, max_size=200),
    shuffle=st.booleans(),
)
def test_every_epoch_uses_each_sample_once_whatever_the_sizes(
    samples: int, sizes: list[int], shuffle: bool
) -> None:
    schedule = Schedule(3, samples, shuffle=shuffle, first_epoch=0)
    used: list[int] = []
    for size in sizes:
        foretold = schedule.batches_per_epoch(size, 0)
        epoch = schedule.cursor.epoch
        indices = schedule.next(size)
        assert len(indices) == min(size, samples - len(used))
        assert schedule.batches_per_epoch(size, len(indices)) == foretold
        used.extend(indices.tolist())
        schedule.complete(len(indices))
        if schedule.cursor.epoch > epoch:
            assert sorted(used) == list(range(samples))
            assert shuffle or used == list(range(samples))
            assert (schedule.cursor.batch_in_epoch, schedule.cursor.position) == (0, 0)
            used.clear()
        assert schedule.cursor.position == len(used)
    assert schedule.cursor.batch == len(sizes)


def test_orders_are_numbered_from_the_first_epoch() -> None:
    later, first = (Schedule(3, 50, shuffle=True, first_epoch=e) for e in (1, 0))
    first.complete(50)
    np.testing.assert_array_equal(later.next(50), first.next(50))
