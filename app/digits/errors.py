"""What can be wrong with a drawn digit."""

from typing import ClassVar

from app.errors import AppError


class DigitError(AppError):
    """The drawing cannot be read; `code` is one of the names below, `status` the one that fits."""

    STATUSES: ClassVar[dict[str, int]] = {
        "empty_image": 400,
        "not_an_image": 415,
        "damaged_image": 422,
        "truncated_image": 422,
        "image_too_large": 413,
        "image_too_small": 422,
        "blank_image": 422,
        "invalid_pixels": 422,
    }

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(code, message, hint, status=self.STATUSES[code])
