"""One byte a number, for pictures: the square root of values on a fixed scale.

The square root spreads out values near zero, where most weights are. The scale is the same for
every picture of a run, so that magnitudes can be compared. `docs/protocol.md` has the rule.
"""

from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Coding = Literal["signed", "unsigned"]
Codes = NDArray[np.uint8]
Bits = NDArray[np.uint16]
Indices = NDArray[np.intp]

# How many values the upper 16 bits of a float32 can have: a table has the code of each.
TABLE_SIZE = 1 << 16
# How many codes `paint` makes at once. With more, neither the indices nor a cache line of each row
# of codes stays in a core's cache; and so little memory need not be requested anew each time.
PAINTED_AT_ONCE = 1 << 15


@lru_cache(maxsize=64)
def code_table(coding: Coding, scale: float, *, of_squares: bool = False) -> Codes:
    """The code of every number that the upper 16 bits of a float32 can hold.

    They keep 8 significant bits, more than a code shows, and make coding a single look-up. With
    `of_squares` it is the code of the number's root: pictures of v, a mean square, show its root.
    """
    bits = np.arange(TABLE_SIZE, dtype=np.uint32) << 16
    with np.errstate(all="ignore"):
        numbers = bits.view(np.float32).astype(np.float64)
        share = np.nan_to_num((np.sqrt(numbers) if of_squares else numbers) / scale)
    if coding == "signed":
        codes = 128 + 127 * np.sign(share) * np.sqrt(np.minimum(np.abs(share), 1))
    else:
        codes = 255 * np.sqrt(np.clip(share, 0, 1))
    table: Codes = np.rint(codes).astype(np.uint8)
    return table


def take_bits(values: NDArray[np.floating], out: Bits | Indices) -> None:
    """Write to `out` what each number's code depends on: the upper 16 bits of its float32."""
    np.right_shift(_bits(values), 16, out=out, casting="unsafe")


def _bits(values: NDArray[np.floating]) -> NDArray[np.uint32]:
    return values.astype(np.float32, copy=False).view(np.uint32)


def code(bits: Bits, table: Codes, *, indices: Indices, out: Codes) -> None:
    """Write the codes of numbers from `take_bits` to `out`, by way of `indices`, of one shape.

    It takes only two calls: between calls a thread needs the interpreter, and training waits.
    """
    np.copyto(indices, bits)
    table.take(indices, out=out, mode="clip")


def paint(values: NDArray[np.floating], table: Codes, out: Codes) -> None:
    """Write the codes of `values` (inputs, units) to `out`, of the same shape.

    Made for values that lie input by input and codes that lie unit by unit.
    """
    inputs, units = values.shape
    at_once = max(1, PAINTED_AT_ONCE // units)
    for start in range(0, inputs, at_once):
        strip = values[start : start + at_once]
        indices = np.empty(strip.shape, np.intp)
        take_bits(strip, out=indices)
        out[start : start + at_once] = table.take(indices)


def two_digits(value: float) -> float:
    """`value` to two significant digits, for scales in legends and figures in hints."""
    return float(f"{value:.1e}")


def encode(values: NDArray[np.floating], coding: Coding, scale: float) -> Codes:
    """Codes of `values`, of any shape: `signed` around 128, or `unsigned` from 0.

    signed: 128 + 127 * sign(v) * sqrt(min(|v| / scale, 1));
    unsigned: 255 * sqrt(min(v / scale, 1)).
    """
    codes: Codes = code_table(coding, scale).take(_bits(values) >> 16)
    return codes
