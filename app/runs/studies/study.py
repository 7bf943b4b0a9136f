"""What a study is."""

from collections.abc import Generator
from typing import Any, Generic, Protocol, TypeVar

from app.runs.view_parts import Tensors

Found = TypeVar("Found")


class Study(Protocol):
    """Work in pieces on copies of what it needs, and what it found."""

    @property
    def done(self) -> bool:
        """Whether it is finished."""

    def advance(self) -> None:
        """Do the next piece, a few milliseconds' work."""

    def found(self) -> tuple[Tensors, dict[str, Any]]:
        """Tensors, and what else there is to say, as JSON values."""


class PieceByPiece(Generic[Found]):
    """The work of a study as a generator: a piece for each `next`, in the end what it has found."""

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
