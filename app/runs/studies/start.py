"""Whether the weights W0 that a study starts from are those of the batch, or lost in rounding."""

import math

# How far the loss at W1 − step may be from the batch's own, at W0. Measured: with learning rates up
# to 1 rounding moves it by a few 1e-7 of itself, or by 2e-9 where it is small; by 1e-5 where a
# larger rate lets it explode. From 1e-4 on the page would show two different losses.
SAME = 1e-4
NEXT_TO_NOTHING = 1e-7


def is_same(loss: float, known: float) -> bool:
    """Whether the loss at rebuilt weights is the one that the batch had, which is known."""
    return math.isclose(loss, known, rel_tol=SAME, abs_tol=NEXT_TO_NOTHING)
