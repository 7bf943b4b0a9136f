"""Since when the pictures of a run have shown what they show, so that none need be sent again."""

from collections.abc import Hashable


class Pictured:
    """What each picture has shown last, and the run's version then; `content` decides what."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Hashable, int]] = {}

    def has_been_shown(self, view: str, content: Hashable, version: int) -> bool:
        """Whether whoever has been sent the frame of that version has this content."""
        known = self._known.get(view)
        return known is not None and known[0] == content and known[1] <= version

    def note(self, view: str, content: Hashable, version: int) -> None:
        """A picture with this content has been made at a version."""
        if view not in self._known or self._known[view][0] != content:
            self._known[view] = content, version

    def forget(self, view: str) -> None:
        """There is none now, and what viewers have of it they forget."""
        self._known.pop(view, None)
