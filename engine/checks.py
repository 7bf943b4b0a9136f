"""Checks of single values at the engine's boundary."""

import math
import operator
from collections.abc import Iterable
from numbers import Real

from engine.errors import ConfigurationError


def require_instance(value: object, kind: type, name: str, hint: str) -> None:
    """Raise ConfigurationError, with `name` and `hint`, unless `value` is a `kind`."""
    if not isinstance(value, kind):
        raise ConfigurationError(f"expected {name}, got {type(value).__name__}", hint)


def whole_number(value: object, name: str, *, least: int = 1) -> int:
    """`value` as an int, if it is a whole number of at least `least`."""
    hint = f"choose a whole number from {least} upwards"
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise ConfigurationError(
            f"expected {name} to be a whole number, got {value!r:.60}", hint
        ) from None
    if number < least:
        raise ConfigurationError(f"expected {name} to be at least {least}, got {number}", hint)
    return number


def real_number(value: object, name: str) -> float:
    """`value` as a finite float."""
    try:
        number = (
            math.nan if isinstance(value, bool) or not isinstance(value, Real) else float(value)
        )
    except OverflowError:  # an int of hundreds of digits
        number = math.inf
    if not math.isfinite(number):
        raise ConfigurationError(
            f"expected {name} to be a finite number, got {value!r:.60}",
            "choose a number such as 0.001",
        )
    return number


def one_of(
    value: object, names: Iterable[str], what: str, hint: str = "choose one of these"
) -> str:
    """`value`, if it is one of `names`; else a ConfigurationError with `hint`."""
    known = list(names)
    if not isinstance(value, str) or value not in known:
        raise ConfigurationError(
            f"expected {what} to be one of {', '.join(known)}, got {value!r:.60}", hint
        )
    return value
