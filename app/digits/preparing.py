"""From grey levels to the 28 x 28 picture that a network trained on MNIST expects.

Source of the procedure: LeCun, Cortes and Burges, "The MNIST database of handwritten digits":
size-normalised to fit a 20 x 20 box, the aspect ratio kept, then placed in 28 x 28 so that the
centre of mass is at the centre. Measurements: docs/decisions/digits.md.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from app.digits.errors import DigitError
from app.digits.grey import MIN_CONTRAST, border, to_grey
from app.digits.png import read_png

# How much ink lies on each pixel, 0 none to 1 the darkest.
Ink = NDArray[np.float32]

SIDE = 28
BOX = 20
# In MNIST the centre of mass lies within half a pixel of pixel (14, 14), counted from 0.
CENTRE = 14
# In each image of MNIST the darkest ink is at least this.
FULL_INK = 254

# Fraction of the darkest ink below which a pixel does not count for the crop: above the halo of
# antialiasing, below the faintest edge of MNIST's own digits.
INK_THRESHOLD = 0.2
MIN_INK_PIXELS = 4
# Up to so many robust standard deviations (1.4826 * MAD) of the border count as noise.
NOISE_DEVIATIONS = 4 * 1.4826
# But no more than so many times the border's largest deviation: on a shaded page all are large.
FARTHEST_DEVIATIONS = 1.5
# Resolution at which the crop is found and then refined, in pixels of the longer side.
SEARCH_SIDE = 140
REFINED_SIDE = 100
# MNIST's strokes are 1.5 to 4.5 pixels wide, half of them 2.4 or less.
THICK_STROKE = 3.5
THINNED_STROKE = 3.0
# Below this the smallest erosion, one pixel on each side, takes too much of a stroke.
MIN_SIDE_TO_THIN = 40


def prepare_image(data: bytes) -> NDArray[np.uint8]:
    """Return a drawn digit, shape (28, 28), 0 background to 255 ink, from the bytes of a PNG.

    Any size from 8 to 4096 pixels a side, any PNG mode, dark on light or light on dark. Raises
    DigitError with what is wrong and what to do.
    """
    return _prepare(to_grey(read_png(data)))


def prepare_pixels(rows: object) -> NDArray[np.uint8]:
    """Return a drawn digit, shape (28, 28), 0 background to 255 ink, from 28 rows of 28 numbers.

    Numbers from 0 to 255, ink bright; dark ink on a light border is inverted. Raises DigitError.
    """
    wanted = "expected 28 rows of 28 numbers from 0 to 255"
    hint = 'Send {"pixels": [[...], ...]}, 28 rows of 28 finite numbers, ink bright.'
    try:
        pixels = np.array(rows)
    except (ValueError, TypeError, OverflowError) as error:
        raise DigitError("invalid_pixels", f"{wanted}, got rows of unequal shape", hint) from error
    if pixels.shape != (SIDE, SIDE):
        raise DigitError("invalid_pixels", f"{wanted}, got shape {pixels.shape}", hint)
    if pixels.dtype.kind not in "iuf":
        raise DigitError("invalid_pixels", f"{wanted}, got values that are not numbers", hint)
    if not np.isfinite(pixels).all():
        raise DigitError("invalid_pixels", f"{wanted}, got NaN or infinity", hint)
    if pixels.min() < 0 or pixels.max() > 255:
        got = f"{pixels.min()} to {pixels.max()}"
        raise DigitError("invalid_pixels", f"{wanted}, got values from {got}", hint)
    if 0 < pixels.max() <= 1:
        raise DigitError(
            "invalid_pixels",
            f"{wanted}, got none above {pixels.max():g}",
            "Send 28 rows of 28 numbers times 255, where they have been divided by it.",
        )
    return _prepare(Image.fromarray(np.rint(pixels).astype(np.uint8)))


def _prepare(drawing: Image.Image) -> NDArray[np.uint8]:
    if drawing.size == (SIDE, SIDE):
        levels = np.asarray(drawing)
        ink = 255 - levels if np.median(border(levels)) > 127 else levels
        if _is_as_in_mnist(ink):
            return ink
    return _centred(_fitted(_thinned(_cropped(drawing))))


def _is_as_in_mnist(ink: NDArray[np.uint8]) -> bool:
    """Whether 28 x 28 pixels need no preparing: a box of 20 pixels, full ink, centred by mass.

    Every image of MNIST is like this, some with a box one pixel smaller.
    """
    if ink.max() < FULL_INK:
        return False
    profiles = [ink.sum(axis=axis, dtype=np.int64) for axis in (0, 1)]
    extents = [np.ptp(np.flatnonzero(profile)) + 1 for profile in profiles]
    centres = [profile @ np.arange(SIDE) / profile.sum() for profile in profiles]
    off_centre = max(abs(centre - CENTRE) for centre in centres)
    return max(extents) in (BOX - 1, BOX) and bool(off_centre <= 0.5)


def _cropped(drawing: Image.Image) -> Ink:
    """Return the ink within its bounding box, which is found coarsely, then finely."""
    edge = border(np.asarray(drawing))
    background = float(np.median(edge))
    deviations = np.abs(edge - background)
    noise = min(
        NOISE_DEVIATIONS * float(np.median(deviations)),
        FARTHEST_DEVIATIONS * float(deviations.max()),
    )

    factor = max(1, max(drawing.size) // SEARCH_SIDE)
    # In averaged blocks single specks almost vanish.
    difference = _averaged(drawing, factor) - background
    sign = _polarity(difference)
    ink = np.clip(sign * difference - noise, 0, None)
    peak = float(ink.max())
    if peak < MIN_CONTRAST:
        beyond = f" beyond the {noise:.0f} by which its border varies" if noise else ""
        raise DigitError(
            "blank_image",
            f"expected a digit that stands out from its background, got a contrast of {peak:.0f} "
            f"of 255{beyond} (at least {MIN_CONTRAST:.0f} is needed)",
            "Draw a digit with a bolder stroke, dark on light or light on dark, and room around.",
        )
    if (inked := np.count_nonzero(ink >= INK_THRESHOLD * peak)) < MIN_INK_PIXELS:
        raise DigitError(
            "blank_image",
            f"expected a digit, got a speck of {inked * factor**2} pixels",
            "Draw a digit, larger or with a bolder stroke.",
        )
    top, bottom, left, right = _bounding_box(ink / peak)
    part = drawing.crop(
        (
            max(0, (left - 1) * factor),
            max(0, (top - 1) * factor),
            min(drawing.width, (right + 1) * factor),
            min(drawing.height, (bottom + 1) * factor),
        )
    )
    levels = _averaged(part, min(factor, max(1, round(max(part.size) / REFINED_SIDE))))
    ink = np.clip(sign * (levels - background) - noise, 0, None)
    return _tight(ink / ink.max())


def _polarity(difference: Ink) -> int:
    """Return 1 if the ink is lighter than the background, -1 if it is darker."""
    squares = np.square(difference)
    light = squares.sum(where=difference > 0)
    return 1 if 2 * light >= squares.sum() else -1


def _averaged(picture: Image.Image, factor: int) -> Ink:
    """Average blocks of factor x factor pixels."""
    return np.asarray(picture.reduce(factor) if factor > 1 else picture).astype(np.float32)


def _thinned(ink: Ink) -> Ink:
    """Erode strokes far thicker than MNIST's; width = 2 * area / perimeter (total variation)."""
    longer = max(ink.shape)
    if longer < MIN_SIDE_TO_THIN:
        return ink
    padded = np.pad(ink, 1)
    rows, columns = np.gradient(padded)
    width = 2 * padded.sum() / np.hypot(rows, columns).sum()
    unit = longer / BOX
    pixels = round((width - THINNED_STROKE * unit) / 2)
    if width <= THICK_STROKE * unit or pixels < 1:
        return ink
    picture = Image.fromarray(np.rint(np.pad(ink, pixels + 1) * 255).astype(np.uint8))
    eroded = np.asarray(picture.filter(ImageFilter.MinFilter(2 * pixels + 1))).astype(np.float32)
    # A blot without strokes would vanish: leave it as it was drawn.
    return _tight(eroded / eroded.max()) if eroded.max() > 127 else ink


def _fitted(ink: Ink) -> Ink:
    """Scale to fit 20 x 20 with a bicubic filter, the aspect ratio kept, the peak at 1."""
    height, width = ink.shape
    scale = BOX / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    resized = Image.fromarray(np.ascontiguousarray(ink)).resize(size, Image.Resampling.BICUBIC)
    fitted = np.clip(np.asarray(resized), 0, None)
    return np.asarray(fitted / fitted.max())


def _centred(digit: Ink) -> NDArray[np.uint8]:
    """Place the centre of mass at the centre of 28 x 28, to the nearest whole pixel."""
    mass = digit.sum()
    offsets = []
    for axis, size in enumerate(digit.shape):
        centre = float((digit.sum(axis=1 - axis) * np.arange(size)).sum() / mass)
        offsets.append(min(max(round(CENTRE - centre), 0), SIDE - size))
    top, left = offsets
    picture = np.zeros((SIDE, SIDE), np.uint8)
    height, width = digit.shape
    picture[top : top + height, left : left + width] = np.rint(digit * 255)
    return picture


def _bounding_box(ink: Ink) -> tuple[int, int, int, int]:
    inked = ink >= INK_THRESHOLD
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _tight(ink: Ink) -> Ink:
    top, bottom, left, right = _bounding_box(ink)
    return ink[top:bottom, left:right]
