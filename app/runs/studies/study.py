"""What a study is."""

from typing import Any, Protocol

from app.runs.view_parts import Tensors


class Study(Protocol):
    """Work in pieces on copies of what it needs, and what it found."""

    @property
    def done(self) -> bool:
        """Whether it is finished."""

    def advance(self) -> None:
        """Do the next piece, a few milliseconds' work."""

    def found(self) -> tuple[Tensors, dict[str, Any]]:
        """Tensors, and what else there is to say, as JSON values."""
