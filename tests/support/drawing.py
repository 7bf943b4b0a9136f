"""Draw MNIST digits as people send them: other sizes, other places, dark on light, as PNG."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]


def png(picture: Pixels | Image.Image, **options: object) -> bytes:
    """The picture as the bytes of a PNG file."""
    image = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture
    file = BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


def redraw(
    digit: Pixels,
    generator: np.random.Generator,
    *,
    canvas: int,
    share: float = 0.6,
    dark_on_light: bool = False,
    resampling: Image.Resampling = Image.Resampling.BICUBIC,
) -> Pixels:
    """A (28, 28) digit, scaled to `share` of a square canvas, at a place of the generator's."""
    side = round(canvas * share)
    scaled = np.asarray(Image.fromarray(digit).resize((side, side), resampling))
    top, left = generator.integers(0, canvas - side + 1, 2)
    picture = np.zeros((canvas, canvas), np.uint8)
    picture[top : top + side, left : left + side] = scaled
    return 255 - picture if dark_on_light else picture
