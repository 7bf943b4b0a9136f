"""Generators as functions of the seed."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.random import Purpose, generator, sample_order

SEEDS = st.integers(0, 2**64)


@given(seed=SEEDS, epoch=st.integers(0, 10**6), samples=st.integers(1, 300))
def test_an_order_is_a_permutation_and_a_function_of_seed_and_epoch(
    seed: int, epoch: int, samples: int
) -> None:
    order = sample_order(seed, epoch, samples)
    np.testing.assert_array_equal(np.sort(order), np.arange(samples))
    np.testing.assert_array_equal(sample_order(seed, epoch, samples), order)


def test_seeds_epochs_and_purposes_differ() -> None:
    orders = [sample_order(seed, epoch, 1000) for seed in (0, 1) for epoch in (0, 1)]
    assert len({order.tobytes() for order in orders}) == 4
    draws = {generator(0, purpose, 0).random() for purpose in Purpose}
    assert len(draws) == len(Purpose)


def test_the_global_generator_is_left_alone() -> None:
    before = np.random.get_state(legacy=False)  # noqa: NPY002 - the one that must not be used
    sample_order(0, 0, 100)
    after = np.random.get_state(legacy=False)  # noqa: NPY002
    assert repr(before) == repr(after)
