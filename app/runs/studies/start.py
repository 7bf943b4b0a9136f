"""Whether a study starts from the batch's weights W0, or these are lost in rounding."""

import math

# How far the loss at W1 − step may be from the batch's own, at W0. Measured: with learning rates up
# to 1, rounding moves it by a few 1e-7 of itself, or by 2e-9 if it is small; by 1e-5 if a larger
# rate makes it explode. From 1e-4 on the page would show two different losses.
SAME = 1e-4
NEXT_TO_NOTHING = 1e-7


def is_same(loss: float, known: float) -> bool:
    """Whether the loss at rebuilt weights is the `known` one that the batch had."""
    return math.isclose(loss, known, rel_tol=SAME, abs_tol=NEXT_TO_NOTHING)
