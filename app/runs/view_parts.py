"""What a view's name and its message are made of."""

from typing import Any

from numpy.typing import NDArray

Tensors = dict[str, NDArray[Any]]
# Its tensors, and its own part of the metadata.
ViewParts = tuple[Tensors, dict[str, str]]


def name_parts(name: str) -> tuple[str, list[int]]:
    """The word and the numbers of a name like "inside/3/137/406"; of any other, it and none."""
    word, *numbers = name.split("/")
    if all(number.isascii() and number.isdigit() for number in numbers):
        return word, list(map(int, numbers))
    return name, []
