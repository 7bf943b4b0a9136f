"""From a decoded image of any mode to grey levels on an opaque background."""

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image, fromarray

Grey = NDArray[np.float32]

# Larger drawings are averaged down towards this many pixels a side: 20 of them are wanted.
WORKING_SIDE = 600


def grey_levels(image: Image) -> Grey:
    """Return the image's grey levels, shape (height, width), 0 black to 255 white.

    Transparent parts become background: the border's colour where that is opaque, else black or
    white, whichever the drawing stands out from. Sides of 1200 pixels or more are averaged down.
    """
    if image.mode.startswith("I"):
        # 16-bit grey: 65535 is white, and 65535 / 257 is 255.
        image = fromarray(np.asarray(image).astype(np.float32) / np.float32(257))
    elif "A" in image.mode or "transparency" in image.info:
        image = image.convert("RGBA")
    else:
        image = image.convert("L")
    factor = max(image.size) // WORKING_SIDE
    if factor > 1:
        image = image.reduce(factor)
    if image.mode != "RGBA":
        return np.asarray(image).astype(np.float32)
    levels = np.asarray(image.convert("LA")).astype(np.float32)
    return _composited(levels[..., 0], levels[..., 1] / np.float32(255))


def _composited(grey: Grey, alpha: Grey) -> Grey:
    """Lay the drawing on a background: grey * alpha + background * (1 - alpha)."""
    edge_alpha = border(alpha)
    if edge_alpha.mean() > 0.5:
        background = float(np.median(border(grey)[edge_alpha > 0.5]))
    else:
        ink = float((grey * alpha).sum() / max(float(alpha.sum()), 1.0))
        background = 255.0 if ink < 128 else 0.0
    return grey * alpha + np.float32(background) * (1 - alpha)


def border(levels: Grey) -> Grey:
    """Return the pixels along the four edges, 2 % of the shorter side deep, as one row."""
    depth = max(1, round(0.02 * min(levels.shape)))
    inner = levels[depth:-depth]
    return np.concatenate(
        [
            levels[:depth].ravel(),
            levels[-depth:].ravel(),
            inner[:, :depth].ravel(),
            inner[:, -depth:].ravel(),
        ]
    )
