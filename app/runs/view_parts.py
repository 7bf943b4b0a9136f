"""What a view's message is made of."""

from typing import Any

from numpy.typing import NDArray

Tensors = dict[str, NDArray[Any]]
# Its tensors, and its own part of the metadata.
ViewParts = tuple[Tensors, dict[str, str]]
