"""One byte a number, for pictures: values on a fixed scale through a square root.

The square root opens up what lies near zero, where most weights are; the scale is the same for
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

# How many numbers the upper 16 bits of a float32 can hold: a table has the code of each.
TABLE_SIZE = 1 << 16
# Numbers whose codes `paint` makes at once: of more of them neither the indices nor a line of each
# row of codes stays in a core's cache. And as much memory as that is not asked for each time.
PAINTED_AT_ONCE = 1 << 15


@lru_cache(maxsize=64)
def code_table(coding: Coding, scale: float, *, of_squares: bool = False) -> Codes:
    """The code of every number that the upper 16 bits of a float32 can hold.

    These bits keep 8 significant ones, more than a code shows, and make coding one look-up. With
    `of_squares` it is the code of the number's root: of v, the mean square, that is shown.
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
    """Keep of each number what its code depends on: the upper 16 bits of it as a float32."""
    np.right_shift(_bits(values), 16, out=out, casting="unsafe")


def _bits(values: NDArray[np.floating]) -> NDArray[np.uint32]:
    return values.astype(np.float32, copy=False).view(np.uint32)


def code(bits: Bits, table: Codes, *, indices: Indices, out: Codes) -> None:
    """Put the codes of numbers kept by `take_bits` into `out`, by way of `indices`; shapes alike.

    Two calls, large ones: between two calls a thread needs the interpreter, and training waits.
    """
    np.copyto(indices, bits)
    table.take(indices, out=out, mode="clip")


def paint(values: NDArray[np.floating], table: Codes, out: Codes) -> None:
    """Put the codes of `values` (inputs, units) into `out`, of the same shape.

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
    """`value` to two significant digits: so a legend has scales, and a hint its figures."""
    return float(f"{value:.1e}")


def encode(values: NDArray[np.floating], coding: Coding, scale: float) -> Codes:
    """Codes of `values`, of any shape: `signed` around 128, or `unsigned` from 0.

    signed: 128 + 127 * sign(v) * sqrt(min(|v| / scale, 1));
    unsigned: 255 * sqrt(min(v / scale, 1)).
    """
    codes: Codes = code_table(coding, scale).take(_bits(values) >> 16)
    return codes
