"""When the next phase may run, and how fast batches are going by."""

from collections import deque

# A run that is more than this behind its pace does not try to catch up.
MAX_LAG_S = 0.25
RATE_WINDOW_S = 1.0


class Pace:
    """Spaces phases evenly, `speed` of them a second; None means as fast as possible."""

    def __init__(self) -> None:
        self.speed: float | None = None
        self._due = 0.0

    def start(self, now: float) -> None:
        """Begin: the first phase may run at once."""
        self._due = now

    def wait(self, now: float) -> float:
        """Seconds until the next phase may run, 0 if it may run now."""
        return 0.0 if self.speed is None else max(0.0, self._due - now)

    def ran(self, now: float) -> None:
        """Note that a phase has run."""
        if self.speed is not None:
            self._due = max(self._due, now - MAX_LAG_S) + 1 / self.speed

    def change(self, speed: float | None, now: float) -> None:
        """Use another speed from now on, without waiting out the old one's pause."""
        self.speed = speed
        self._due = min(self._due, now + (0.0 if speed is None else 1 / speed))


class BatchRate:
    """Batches a second over the last second of playing, or the last batch if that is longer."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque()

    def clear(self) -> None:
        """Forget the past: the run has come to rest or jumped."""
        self._marks.clear()

    def mark(self, now: float, batch: int) -> None:
        """Note the batch reached at time `now`."""
        self._marks.append((now, batch))
        while len(self._marks) > 2 and now - self._marks[1][0] >= RATE_WINDOW_S:
            self._marks.popleft()

    def value(self, now: float) -> float:
        """Batches a second; 0 until two batches have been seen."""
        if len(self._marks) < 2:
            return 0.0
        (start, first), (end, last) = self._marks[0], self._marks[-1]
        batches = last - first
        # Between batches the rate stays as it is, until the next one is late: then it is slower.
        by_now = (batches + 1) / max(now - start, 1e-3)
        return min(batches / max(end - start, 1e-3), by_now)
