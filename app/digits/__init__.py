"""A drawn digit, prepared as MNIST was: light ink on black, 20 x 20 in 28 x 28, centred by mass."""

from app.digits.errors import DigitError
from app.digits.preparing import prepare_image, prepare_pixels

__all__ = ["DigitError", "prepare_image", "prepare_pixels"]
