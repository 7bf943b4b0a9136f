"""Samples and their targets, and how a batch of them is gathered."""

import functools
from typing import Any

import numpy as np

from engine.arrays import Array, FloatType
from engine.checks import real_number
from engine.errors import ConfigurationError, ShapeError
from engine.shared_memory import Zeros

# At most so many samples are used to estimate how often an input is on.
LOOKED_AT = 1_024


class Samples:
    """x, n rows of features, and y, their targets; not copied if they lie row by row.

    Shapes: x (n, features), real numbers; y integer classes (n,), or rows (n, k). With `scale`
    each number is divided by it when it is gathered: uint8 pixels with scale 255 take a quarter of
    the memory and give the same bits as `pixels.astype(float32) / 255`, in float64 networks too.
    Raises ShapeError if the arrays do not fit each other or hold numbers that are not finite. With
    `finite_later` a float32 x is not checked for those until `require_finite`.
    """

    def __init__(
        self, x: Array, y: Array, *, scale: float | None = None, finite_later: bool = False
    ) -> None:
        self.x = _features(x)
        if not finite_later or self.x.dtype != np.float32:
            self.require_finite()
        self.y = _checked_targets(y, len(self.x))
        self.scale = None if scale is None else real_number(scale, "the scale")
        if self.scale is not None and self.scale <= 0:
            raise ConfigurationError(
                f"expected the scale to be above 0, got {self.scale:g}", "255 scales pixels to 0..1"
            )

    def require_finite(self) -> None:
        """Raise ShapeError if x holds numbers that are not finite or do not fit into float32."""
        _check_finite(self.x, "samples")

    @functools.cached_property
    def shares_on(self) -> Array:
        """The share of the samples in which each column of x is not 0 (features,).

        An estimate, from at most LOOKED_AT evenly spaced samples.
        """
        is_on = self.x[:: -(-len(self.x) // LOOKED_AT)] != 0
        counts: Array = is_on.sum(axis=0, dtype=np.uint16)  # twice as fast as mean()
        return counts / len(is_on)

    @property
    def features(self) -> int:
        """The number of columns of x."""
        return int(self.x.shape[1])

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        scale = "" if self.scale is None else f" / {self.scale:g}"
        return f"Samples(x {self.x.shape} {self.x.dtype}{scale}, y {self.y.shape} {self.y.dtype})"


class Gatherer:
    """Gathers rows of the samples' x into a float buffer, or through one of x's own type.

    The `source` may be exchanged for other rows of the same type and length.
    """

    def __init__(
        self,
        samples: Samples,
        capacity: int,
        dtype: FloatType,
        zeros: Zeros = np.zeros,
    ) -> None:
        self.source = x = samples.x
        # The division runs in the type of this scalar: the network's, but float32 for bytes, so
        # that they give the same numbers as an array of floats made from them beforehand.
        kind = np.float32 if x.dtype == np.uint8 else dtype.type
        self.scale = None if samples.scale is None else kind(samples.scale)
        self._raw = None if x.dtype == dtype else zeros((capacity, x.shape[1]), x.dtype)

    def gather(self, indices: Array, out: Array) -> None:
        """Write rows `indices` (m,) of x into `out` (m, features), scaled."""
        raw = self.raw(out)
        self.take(indices, raw)
        scale_into(out, raw, self.scale)

    def raw(self, out: Array) -> Array:
        """Where `take` puts the rows for `out`: `out` itself, or a buffer of the source's type."""
        return out if self._raw is None else self._raw[: len(out)]

    def take(self, indices: Array, raw: Array) -> None:
        """Write rows `indices` (m,) of x into `raw` (m, features), as they are."""
        # With mode="clip" take() writes straight into `out`; the default mode buffers.
        self.source.take(indices, axis=0, out=raw, mode="clip")


def scale_into(out: Array, raw: Array, scale: np.floating[Any] | None) -> None:
    """out = raw / scale; `raw` may be `out`."""
    if scale is not None and raw.dtype in (np.uint8, out.dtype):
        np.divide(raw, scale, out=out)
        return
    if raw is not out:
        np.copyto(out, raw, casting="unsafe")
    if scale is not None:
        np.divide(out, scale, out=out)


def checked_features(x: Array) -> Array:
    """x as a contiguous array (n, features) of finite numbers, or a ShapeError."""
    array = _features(x)
    _check_finite(array, "samples")
    return array


def _features(x: Array) -> Array:
    array = _as_array(x, "samples")
    if array.ndim != 2 or array.size == 0:
        hint = "flatten images with x.reshape(len(x), -1), and pass at least one sample"
        if array.ndim == 1:
            hint = "pass one sample as x.reshape(1, -1), numbers of one feature as x.reshape(-1, 1)"
        raise ShapeError(f"expected samples of shape (n, features), got {array.shape}", hint)
    if array.dtype.kind not in "fiub":
        raise ShapeError(
            f"expected samples of real numbers, got an array of {array.dtype}",
            "convert them with x.astype(numpy.float32)",
        )
    if array.itemsize > np.dtype(np.float64).itemsize:  # long doubles
        with np.errstate(over="ignore"):
            array = array.astype(np.float64)
    return np.ascontiguousarray(array)


def _checked_targets(y: Array, n: int) -> Array:
    array = _as_array(y, "targets")
    if array.ndim not in (1, 2) or len(array) != n or array.size == 0:
        raise ShapeError(
            f"expected targets of shape ({n},) or ({n}, outputs) for {n} samples, "
            f"got {array.shape}",
            "pass one target per sample",
        )
    if array.dtype.kind not in "fiub":
        raise ShapeError(
            f"expected targets of numbers, got an array of {array.dtype}",
            "convert them with y.astype(int)",
        )
    _check_finite(array, "targets")
    return array


def _as_array(values: Array, what: str) -> Array:
    try:
        array = np.asarray(values)
    except (TypeError, ValueError):  # rows of unequal lengths
        raise ShapeError(
            f"expected {what} in an array, got a {type(values).__name__} that makes none",
            "give all rows the same length",
        ) from None
    if array.ndim == 0:  # NumPy makes a single object of a generator or a dict, too
        raise ShapeError(
            f"expected {what} in an array, got a {type(values).__name__}",
            "pass a NumPy array, or a list of rows",
        )
    return array


def _check_finite(array: Array, what: str) -> None:
    if array.dtype.kind != "f":
        return
    if array.dtype == np.float32:
        flat = array.ravel(order="K")
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(np.dot(flat, flat)):  # then all are finite, and each was read once only
                return
    # The minimum or maximum of numbers with a NaN is NaN; and this needs no array of booleans.
    least, most = float(array.min()), float(array.max())
    if not (np.isfinite(least) and np.isfinite(most)):
        raise ShapeError(
            f"expected {what} of finite numbers, got a range of {least} to {most}",
            "remove or replace what is infinite or not a number",
        )
    if max(-least, most) > float(np.finfo(np.float32).max):
        raise ShapeError(
            f"expected {what} that fit into float32, got a range of {least:g} to {most:g}",
            "scale them down",
        )
