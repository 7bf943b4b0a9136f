"""Which large pictures to leave out of a viewer's next frame, if they are slow to arrive.

Over a classroom's wireless network a picture of 400 kB may take a second. Everything that is sent
after it waits as long: the next points of the loss, the answer to "pause".
"""

from collections.abc import Mapping

# A frame with a larger picture is slow if its acknowledgement takes longer than this.
LARGE_BYTES = 32_768
SLOW_S = 0.15


class Thinning:
    """Knows one viewer's large views, and whether they are slow to arrive."""

    def __init__(self) -> None:
        self.is_slow = False
        self._large: set[str] = set()
        self._was_large = False

    def note_sent(self, sizes: Mapping[str, int]) -> bool:
        """Note the sizes in bytes of a sent frame's views; returns whether one of them is large."""
        large = {view for view, size in sizes.items() if size > LARGE_BYTES}
        self._large |= large
        self._was_large = bool(large)
        return self._was_large

    def note_drawn(self, took_s: float) -> None:
        """Note how long a frame with large views took to be acknowledged."""
        self.is_slow = took_s > SLOW_S

    def left_out(self, views: Mapping[str, int]) -> frozenset[str]:
        """The views to leave out of the next frame; `views` has the version each was last sent at.

        Large views come one at a time, in turn, each followed by a frame without any: numbers
        and words never wait for more than one.
        """
        if not self.is_slow:
            return frozenset()
        large = self._large & views.keys()
        if not large or self._was_large:
            return frozenset(large)
        return frozenset(large - {min(sorted(large), key=views.__getitem__)})
