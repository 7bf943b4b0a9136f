"""Which large pictures a viewer is spared for a frame, where they are slow to arrive.

Over a classroom's wireless network a picture of 400 kB may be on its way for a second, and so long
does everything wait that is sent behind it: the next points of the loss, the answer to "pause".
"""

from collections.abc import Mapping

# A frame with larger ones is slow if it is acknowledged only after so long.
LARGE_BYTES = 32_768
SLOW_S = 0.15


class Thinning:
    """Knows one viewer's large views, and whether they are slow to arrive."""

    def __init__(self) -> None:
        self.is_slow = False
        self._large: set[str] = set()
        self._was_large = False

    def note_sent(self, sizes: Mapping[str, int]) -> bool:
        """Take the views of a frame that is sent, and their bytes; whether a large one is there."""
        large = {view for view, size in sizes.items() if size > LARGE_BYTES}
        self._large |= large
        self._was_large = bool(large)
        return self._was_large

    def note_drawn(self, took_s: float) -> None:
        """Take how long a frame with large views was on its way."""
        self.is_slow = took_s > SLOW_S

    def left_out(self, views: Mapping[str, int]) -> frozenset[str]:
        """Those of `views` to be left out of the next frame; they have been sent at these versions.

        One large one comes at a time, each in its turn, and after it a frame without any: what is
        read waits for no more than one.
        """
        if not self.is_slow:
            return frozenset()
        large = self._large & views.keys()
        if not large or self._was_large:
            return frozenset(large)
        return frozenset(large - {min(sorted(large), key=views.__getitem__)})
