"""The parts of a view's name and of its message."""

from typing import Any

from numpy.typing import NDArray

Tensors = dict[str, NDArray[Any]]
# A view's tensors, and its own part of the metadata.
ViewParts = tuple[Tensors, dict[str, str]]


def name_parts(name: str) -> tuple[str, list[int]]:
    """The word and the numbers of a name like "inside/3/137/406"; any other name has no numbers."""
    word, *numbers = name.split("/")
    if all(number.isascii() and number.isdigit() for number in numbers):
        return word, list(map(int, numbers))
    return name, []
