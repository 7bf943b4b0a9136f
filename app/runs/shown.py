"""Since when the views of a run have shown what they show, so that none need be sent again."""

from collections.abc import Hashable

# Views of which it is known: each picked weight has one of its own.
MOST = 64


class Shown:
    """What each view has shown last, and the run's version then; `content` decides what."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Hashable, int]] = {}

    def has_been_shown(self, view: str, content: Hashable | None, version: int) -> bool:
        """Whether whoever has been sent the frame of that version has this content."""
        known = self._known.get(view)
        return known is not None and known[0] == content and known[1] <= version

    def note(self, view: str, content: Hashable | None, version: int) -> None:
        """What it shows at a version; None for nothing that can be told, or lasts."""
        known = self._known.pop(view, None)
        if content is None:
            return
        if known is None or known[0] != content:
            known = content, version
        self._known[view] = known
        if len(self._known) > MOST:
            del self._known[next(iter(self._known))]
