"""One byte a number, for pictures: values on a fixed scale through a square root.

The square root opens up what lies near zero, where most weights are; the scale is the same for
every picture of a run, so that magnitudes can be compared. `docs/protocol.md` has the rule.
"""

from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Coding = Literal["signed", "unsigned"]
Codes = NDArray[np.uint8]
Halves = NDArray[np.uint16]

# Inputs that are coded and turned at a time.
STRIPE = 64


@lru_cache(maxsize=64)
def _table(coding: Coding, scale: float) -> Codes:
    """The code of every number that the upper 16 bits of a float32 can hold.

    These bits keep 8 significant ones, more than a code shows, and make coding one look-up.
    """
    bits = np.arange(65536, dtype=np.uint32) << 16
    with np.errstate(all="ignore"):
        share = np.nan_to_num(bits.view(np.float32).astype(np.float64) / scale)
    if coding == "signed":
        codes = 128 + 127 * np.sign(share) * np.sqrt(np.minimum(np.abs(share), 1))
    else:
        codes = 255 * np.sqrt(np.clip(share, 0, 1))
    table: Codes = np.rint(codes).astype(np.uint8)
    return table


def encode(values: NDArray[np.floating], coding: Coding, scale: float) -> Codes:
    """Codes of `values`, of any shape: `signed` around 128, or `unsigned` from 0.

    signed: 128 + 127 * sign(v) * sqrt(min(|v| / scale, 1));
    unsigned: 255 * sqrt(min(v / scale, 1)).
    """
    return encode_halves(upper_halves(values), coding, scale)


def upper_halves(values: NDArray[np.floating]) -> Halves:
    """All that `encode` looks at, in an array of its own: `values` may change meanwhile.

    Of a float32 that are the sign, the exponent and the first digits. It lies in memory as
    `values` does.
    """
    if _is_turned(values):
        return upper_halves(values.T).T
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    halves = np.empty(values.shape, np.uint16)
    return np.right_shift(bits, 16, out=halves, casting="unsafe")


def encode_halves(halves: Halves, coding: Coding, scale: float) -> Codes:
    """The codes of the values that `halves` were taken of."""
    table = _table(coding, scale)
    if not _is_turned(halves):
        return table.take(halves)
    # A layer's weights lie in memory input by input: coded so, and turned as bytes; a stripe at a
    # time, which the caches hold with all that is made on the way.
    codes = np.empty(halves.shape, np.uint8)
    for start in range(0, halves.shape[1], STRIPE):
        stripe = halves[:, start : start + STRIPE]
        codes[:, start : start + STRIPE] = table.take(stripe.T).T
    return codes


def _is_turned(array: NDArray[Any]) -> bool:
    return array.ndim == 2 and array.flags.f_contiguous and not array.flags.c_contiguous
