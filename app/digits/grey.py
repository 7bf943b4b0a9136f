"""From a decoded image of any mode to grey levels on an opaque background."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixel = TypeVar("Pixel", bound=np.generic)

# Larger drawings are averaged down towards this many pixels a side; 20 pixels are needed.
WORKING_SIDE = 600
# How many of 255 levels a digit has to differ from its background.
MIN_CONTRAST = 24.0


def to_grey(image: Image.Image) -> Image.Image:
    """Return the image in mode L, 0 black to 255 white, with background in its transparent parts.

    The background is the border's colour if the border is opaque, otherwise black or white,
    whichever the drawing stands out from. A card in a transparent margin is cropped to itself.
    Images with a side of 1200 pixels or more are averaged down.
    """
    if image.mode.startswith("I"):
        # 16-bit grey: 65535 is white, and 65535 / 257 is 255.
        image = Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
    translucent = "A" in image.mode or "transparency" in image.info
    if translucent and image.mode != "RGBA":
        image = image.convert("RGBA")
    elif not translucent and image.mode != "L":
        image = image.convert("L")
    factor = max(image.size) // WORKING_SIDE
    if factor > 1:
        image = image.reduce(factor)
    return _on_background(image) if translucent else image


def border(levels: NDArray[Pixel]) -> NDArray[Pixel]:
    """Return the pixels along the four edges, 2 % of the shorter side deep, as one row."""
    depth = max(1, round(0.02 * min(levels.shape)))
    inner = levels[depth:-depth]
    edges = (levels[:depth], levels[-depth:], inner[:, :depth], inner[:, -depth:])
    return np.concatenate([edge.ravel() for edge in edges])


def _without_margin(image: Image.Image) -> Image.Image:
    """The card in a transparent margin, if there is one. (A stroke of one colour is no card.)"""
    card = image.crop(image.getchannel("A").point([0] * 128 + [255] * 128).getbbox())
    opaque = np.asarray(card.getchannel("A")) > 127
    if border(opaque).all() and np.ptp(np.asarray(card.convert("L"))[opaque]) >= MIN_CONTRAST:
        return card
    return image


def _on_background(image: Image.Image) -> Image.Image:
    if image.getchannel("A").getextrema() == (255, 255):
        return image.convert("L")
    image = _without_margin(image)
    grey, alpha = image.convert("L"), image.getchannel("A")
    opaque = border(np.asarray(alpha)) > 127
    if opaque.mean() > 0.5:
        background = int(np.median(border(np.asarray(grey))[opaque]))
    else:
        ink = np.array(grey.histogram(mask=alpha))
        background = 255 if ink[:128].sum() > ink[128:].sum() else 0
    return Image.composite(grey, Image.new("L", image.size, background), alpha)
