"""The histogram of |step| / |weight|, against plain NumPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from app.runs.step_sizes import BINS, HIGHEST, LOWEST, MOST_KNOWN, step_sizes

Floats = NDArray[np.floating]


def plainly(step: Floats, weights: Floats) -> tuple[list[int], float, int]:
    """The same in the words of the docstring; edges to 8 significant bits, like the table's."""
    with np.errstate(all="ignore"):
        ratios = np.abs((step / weights).astype(np.float32)).ravel()
    shown = (ratios.view(np.uint32) & 0xFFFF0000).view(np.float32).astype(np.float64)
    moved = ~np.isnan(ratios) & (shown > 0)
    with np.errstate(all="ignore"):
        share = (np.log10(shown[moved]) - LOWEST) / (HIGHEST - LOWEST)
    bins = np.clip(np.floor(np.minimum(share, 2) * BINS), 0, BINS - 1).astype(int)
    ordered = np.sort(ratios[moved])
    median = float(ordered[(len(ordered) - 1) // 2]) if len(ordered) else 0.0
    median = min(median, MOST_KNOWN)
    return np.bincount(bins, minlength=BINS).tolist(), median, int((~moved).sum())


def check(step: Floats, weights: Floats) -> tuple[NDArray[np.uint32], float, int]:
    histogram, median, still = step_sizes(step, weights)
    assert (histogram.tolist(), median, still) == plainly(step, weights)
    assert histogram.dtype == np.uint32
    assert int(histogram.sum()) + still == step.size
    return histogram, median, still


def test_ratios_at_the_middle_of_each_bin_are_counted_there() -> None:
    middles = 10 ** (LOWEST + (np.arange(BINS) + 0.5) * (HIGHEST - LOWEST) / BINS)
    weights = np.full(BINS, -2.0, np.float32)
    histogram, _, still = check((middles * 2).astype(np.float32), weights)
    assert histogram.tolist() == [1] * BINS
    assert still == 0


def test_the_median_is_exact() -> None:
    ratios = np.array([0.1, 0.2, 0.30000001, 0.4, 0.5], np.float32)
    _, median, _ = check(-ratios, np.ones(5, np.float32))
    assert median == ratios[2]
    _, median, _ = check(ratios[:4], np.ones(4, np.float32))
    assert median == ratios[1]  # the lower of the two in the middle


def test_what_lies_outside_is_counted_in_the_end_bins() -> None:
    step = np.array([1e-9, 1e-7, 10.0, 1e9], np.float32)
    histogram, _, _ = check(step, np.ones(4, np.float32))
    assert (histogram[0], histogram[-1]) == (2, 2)


def test_a_weight_of_zero_that_moves_counts_as_the_largest_and_one_that_stays_as_still() -> None:
    step = np.array([0.1, 0.0, -0.0, 0.0], np.float32)
    weights = np.array([0.0, 0.0, -0.0, 0.5], np.float32)
    histogram, median, still = check(step, weights)
    assert (histogram[-1], still) == (1, 3)
    assert median == MOST_KNOWN


def test_what_is_lost_beside_its_step_is_told_as_so_much_or_more() -> None:
    before = np.array([0.02, -0.03, 0.04], np.float32)
    step = np.array([2e9, 3e9, -1e9], np.float32)
    after = before + step
    _, median, _ = check(step, after - step)
    assert median == MOST_KNOWN < float(np.median(np.abs(step / before)))
    _, median, _ = check(np.full(3, MOST_KNOWN / 2, np.float32), np.ones(3, np.float32))
    assert median == MOST_KNOWN / 2


def test_numbers_that_are_none_count_as_still() -> None:
    step = np.array([np.nan, 0.01], np.float32)
    histogram, median, still = check(step, np.array([1.0, 1.0], np.float32))
    assert (int(histogram.sum()), still) == (1, 1)
    assert median == np.float32(0.01)


def test_nothing_moved() -> None:
    histogram, median, still = check(np.zeros((3, 4), np.float32), np.ones((3, 4), np.float32))
    assert (int(histogram.sum()), median, still) == (0, 0.0, 12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_layer_of_random_weights(dtype: type[np.floating]) -> None:
    generator = np.random.default_rng(0)
    weights = generator.normal(size=(512, 784)).astype(dtype)
    step = generator.normal(scale=1e-3, size=(512, 784)).astype(dtype)
    step[generator.random(step.shape) < 0.3] = 0
    check(step, weights)


values = st.floats(-10, 10, width=32)


@given(st.data(), st.sampled_from([np.float32, np.float64]), st.integers(1, 40))
def test_any_numbers(draw: st.DataObject, dtype: type[np.floating], size: int) -> None:
    step: Floats = draw.draw(arrays(np.float32, size, elements=values))
    weights: Floats = draw.draw(arrays(np.float32, size, elements=values))
    check(step.astype(dtype), weights.astype(dtype))
