"""Since which version each view has shown what it shows, so that none is sent twice."""

from collections.abc import Hashable

# The most views that are remembered: each picked weight has one of its own.
MOST = 64


class Shown:
    """The last `content` of each view, a key for what it shows, and the run's version then."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Hashable, int]] = {}

    def has_been_shown(self, view: str, content: Hashable | None, version: int) -> bool:
        """Whether a viewer that was sent the frame of that version has this content."""
        known = self._known.get(view)
        return known is not None and known[0] == content and known[1] <= version

    def note(self, view: str, content: Hashable | None, version: int) -> None:
        """Note what a view shows at a version; None if that is unknown or will not last."""
        known = self._known.pop(view, None)
        if content is None:
            return
        if known is None or known[0] != content:
            known = content, version
        self._known[view] = known
        if len(self._known) > MOST:
            del self._known[next(iter(self._known))]
