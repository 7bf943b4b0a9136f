"""What a layer's figures mean, and the change that would help if something is wrong."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from app.runs.codes import two_digits
from engine.health import LayerHealth

# The thresholds are wide: no healthy run of this size should get a hint.
MOST_DEAD = MOST_SATURATED = 0.5
EXPLODING_NORM = 100.0
VANISHING_NORM = 1e-6
LARGE_UPDATE = 0.1
# The band of usual steps on the page's gauge begins here: gauge and hints must not disagree.
SMALL_UPDATE = 1e-4
# Hints that advise a lower learning rate.
LOWER = {"exploding", "dead_units", "saturated", "large_update"}
LOWER_BY_FAR = "Go back a few batches and lower the learning rate by powers of ten."


@dataclass(frozen=True, slots=True)
class Hint:
    """What is wrong with a layer, and what would help."""

    layer: str
    code: str
    what: str
    help: str


def diagnose(layers: list[LayerHealth]) -> list[Hint]:
    """A hint for everything that is wrong; none if all is well."""
    hints = [
        hint for layer in layers for check in (_norm, _units, _update) for hint in check(layer)
    ]
    if any(hint.code in LOWER for hint in hints):
        # A layer may hardly move because another is broken: a higher rate would not help then.
        hints = [hint for hint in hints if hint.code != "small_update"]
    return hints


def lost_weights(layers: list[LayerHealth]) -> Hint:
    """The hint if a step drowns the weights; for the layer in which it is largest."""

    def size(layer: LayerHealth) -> float:
        return math.inf if layer.update_ratio is None else layer.update_ratio

    what = "The step is so much larger than the weights that rounding has lost what they were."
    return Hint(max(layers, key=size).layer, "lost", what, LOWER_BY_FAR)


def _norm(layer: LayerHealth) -> Iterator[Hint]:
    norm = layer.gradient_norm
    if norm > EXPLODING_NORM:
        what = f"The gradient's norm is {_short(norm)}: it explodes."
        help_ = "Go back a few batches and lower the learning rate."
        yield Hint(layer.layer, "exploding", what, help_)
    if 0 < norm < VANISHING_NORM:
        what = f"The gradient's norm is {_short(norm)}: it has vanished."
        help_ = "Use relu instead of sigmoid or tanh, or use fewer layers."
        yield Hint(layer.layer, "vanishing", what, help_)


def _units(layer: LayerHealth) -> Iterator[Hint]:
    dead, units, saturated = layer.dead_units, layer.units, layer.saturated
    if dead is not None and dead >= MOST_DEAD * units:
        what = f"{dead} of {units} units are dead: 0 for every digit, so no gradient reaches them."
        help_ = "Go back a few batches and lower the learning rate: a large step killed them."
        yield Hint(layer.layer, "dead_units", what, help_)
    if saturated is not None and saturated >= MOST_SATURATED:
        what = (
            f"{100 * saturated:.0f} % of the activations are saturated, so little gradient passes."
        )
        help_ = "Lower the learning rate, or use relu."
        yield Hint(layer.layer, "saturated", what, help_)


def _update(layer: LayerHealth) -> Iterator[Hint]:
    ratio = layer.update_ratio
    if ratio is not None and ratio > LARGE_UPDATE:
        what = f"One step changes the weights by {_short(100 * ratio)} % of their size."
        help_ = "Lower the learning rate about tenfold." if ratio < 1 else LOWER_BY_FAR
        yield Hint(layer.layer, "large_update", what, help_)
    if ratio is not None and 0 < ratio < SMALL_UPDATE:
        percent = _short(100 * ratio)
        what = f"One step changes the weights by {percent} % of their size: it hardly learns."
        yield Hint(layer.layer, "small_update", what, "Raise the learning rate about tenfold.")


def _short(value: float) -> str:
    """A positive number to two digits, as the page writes it: 0.13, 59000, 1.7e12."""
    rounded = two_digits(value)
    if 1e-3 <= rounded < 1e6:
        return f"{rounded:g}"
    digits, _, exponent = f"{rounded:.1e}".partition("e")
    return f"{digits.removesuffix('.0')}e{int(exponent)}"
