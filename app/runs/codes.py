"""One byte a number, for pictures: values on a fixed scale through a square root.

The square root opens up what lies near zero, where most weights are; the scale is the same for
every picture of a run, so that magnitudes can be compared. `docs/protocol.md` has the rule.
"""

import sys
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Coding = Literal["signed", "unsigned"]
Codes = NDArray[np.uint8]

# Inputs that are coded and turned at a time.
STRIPE = 64
# Which of a float32's two 16-bit halves has the sign, the exponent and the first digits.
UPPER = 1 if sys.byteorder == "little" else 0


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
    if values.ndim == 2 and values.flags.f_contiguous and not values.flags.c_contiguous:
        # A layer's weights lie in memory input by input: coded so, and turned as bytes; a stripe
        # at a time, which the caches hold with all that is made on the way.
        turned = np.empty(values.shape, np.uint8)
        for start in range(0, values.shape[1], STRIPE):
            stripe = values[:, start : start + STRIPE]
            turned[:, start : start + STRIPE] = encode(stripe.T, coding, scale).T
        return turned
    upper = np.ascontiguousarray(values, dtype=np.float32).view(np.uint16)[..., UPPER::2]
    codes: Codes = _table(coding, scale).take(upper)
    return codes
