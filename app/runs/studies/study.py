"""The interface of a study."""

from collections.abc import Generator
from typing import Any, Generic, Protocol, TypeVar

from app.runs.view_parts import Tensors

Found = TypeVar("Found")


class Study(Protocol):
    """Work that is done in pieces, on copies of what it needs; then it says what it found."""

    @property
    def done(self) -> bool:
        """Whether it is finished."""

    def advance(self) -> None:
        """Do the next piece, a few milliseconds' work."""

    def found(self) -> tuple[Tensors, dict[str, Any]]:
        """The tensors it found, and everything else as JSON values."""


class PieceByPiece(Generic[Found]):
    """A study whose work is a generator: each `next` does a piece, the last returns the result."""

    def __init__(self, pieces: Generator[None, None, Found]) -> None:
        self._pieces = pieces
        self._result: Found | None = None

    @property
    def done(self) -> bool:
        """Whether it is finished."""
        return self._result is not None

    def advance(self) -> None:
        """Do the next piece."""
        try:
            next(self._pieces)
        except StopIteration as finished:
            self._result = finished.value

    @property
    def result(self) -> Found:
        """What it has found."""
        if self._result is None:
            raise RuntimeError("a study is asked what it found when it is done")
        return self._result
