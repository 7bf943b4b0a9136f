"""How large an update was relative to the weights: |step| / |weight|, as a histogram."""

import sys

import numpy as np
from numpy.typing import NDArray

BINS = 48
LOWEST, HIGHEST = -6.0, 0.0  # log10 of the range; the end bins count what lies outside
# The largest median that is reported; it stands for all larger ones. If a weight is so much smaller
# than its step, W1 − step in float32 has hardly two digits left, and soon none.
MOST_KNOWN = 1e5
# The one of a float32's two 16-bit halves that has the sign, the exponent and the first digits.
UPPER = 1 if sys.byteorder == "little" else 0
# In pieces that fit into a core's cache it is about five times as fast as in one.
PIECE = 1 << 16


def _bins() -> NDArray[np.intp]:
    """The bin of every ratio that the upper 16 bits of a positive float32 can hold."""
    bits = np.arange(32768, dtype=np.uint32) << 16
    with np.errstate(all="ignore"):
        exponent = np.log10(bits.view(np.float32).astype(np.float64))
    share = (np.nan_to_num(exponent, neginf=-99.0, posinf=99.0) - LOWEST) / (HIGHEST - LOWEST)
    return np.clip(np.floor(share * BINS), 0, BINS - 1).astype(np.intp)


_BIN_OF = _bins()
_FIRST_NAN = 0x7F81  # 0 / 0, a weight of zero that stays zero


def step_sizes(
    step: NDArray[np.floating], weights: NDArray[np.floating]
) -> tuple[NDArray[np.uint32], float, int]:
    """Histogram and median of |step| / |weight| of the weights that moved; the number of others.

    `weights` are those before the step. The histogram has `BINS` bins of equal width in log10; an
    edge is exact to the 8 significant bits of the table. The median is exact for these weights;
    `MOST_KNOWN` means that much or more.
    """
    ratios = np.empty(step.size, np.float32)
    upper = ratios.view(np.uint16)[UPPER::2]
    counts = np.zeros(32768, np.int64)
    steps, before = step.ravel("K"), weights.ravel("K")  # both in the same order in memory
    for start in range(0, step.size, PIECE):
        piece = slice(start, start + PIECE)
        with np.errstate(all="ignore"):
            np.divide(steps[piece], before[piece], out=ratios[piece], casting="same_kind")
        np.abs(ratios[piece], out=ratios[piece])
        counts += np.bincount(upper[piece], minlength=32768)
    still = int(counts[0] + counts[_FIRST_NAN:].sum())
    counts[0] = counts[_FIRST_NAN:] = 0
    histogram = np.bincount(_BIN_OF, weights=counts, minlength=BINS).astype(np.uint32)
    moved = int(counts.sum())
    if moved == 0:
        return histogram, 0.0, still
    middle = (moved - 1) // 2
    reached = np.cumsum(counts)
    bucket = int(np.searchsorted(reached, middle + 1))
    inside = np.sort(ratios[upper == bucket])
    median = float(inside[middle - int(reached[bucket] - counts[bucket])])
    return histogram, min(median, MOST_KNOWN), still
