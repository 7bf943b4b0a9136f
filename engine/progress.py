"""The progress bar of fit: loss, accuracy, batches a second."""

import os
import sys
import time
from collections.abc import Callable
from typing import TextIO

from engine.checks import whole_number
from engine.errors import ConfigurationError

BAR_WIDTH = 24
SECONDS_BETWEEN_PAINTS = 0.1
# Used if the output is not a terminal that tells its width.
COLUMNS = 120


class Progress:
    """Reports an epoch's batches on `stream`: one line an epoch, repainted while it runs.

    If `live`, a carriage return repaints the line, which works in terminals and notebooks;
    otherwise each epoch prints one plain line at its end. `clock` gives seconds. The line is never
    longer than the terminal is wide: a line that wraps cannot be repainted.
    """

    def __init__(
        self,
        epochs: int,
        *,
        live: bool,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._epochs = epochs
        self._live = live
        self._stream = sys.stdout if stream is None else stream
        self._clock = clock
        self._epoch = self._painted_length = 0
        self._begun = self._painted_at = clock()

    def begin(self, epoch: int) -> None:
        """Start the line of an epoch, counted from 1."""
        self._epoch, self._painted_length = epoch, 0
        self._begun = self._painted_at = self._clock()

    def batch(self, done: int, total: int, figures: dict[str, float]) -> None:
        """Repaint the line, if it is live and was not painted just before."""
        now = self._clock()
        if self._live and now - self._painted_at >= SECONDS_BETWEEN_PAINTS:
            self._painted_at = now
            self._paint(self._line(done, total, figures, now)[: columns_of(self._stream) - 1])

    def end(self, batches: int, figures: dict[str, float]) -> None:
        """Finish the line with the epoch's final figures."""
        self._paint(self._line(batches, batches, figures, self._clock()))
        self._write("\n")

    def interrupt(self) -> None:
        """Leave the line as it is and begin a new one, unless it is empty."""
        if self._painted_length:
            self._write("\n")

    def _line(self, done: int, total: int, figures: dict[str, float], now: float) -> str:
        seconds = now - self._begun
        rate = f"{done / seconds:.0f} batches/s" if seconds > 0 else "- batches/s"
        parts = [f"{done}/{total}", *(f"{name} {figure:.4f}" for name, figure in figures.items())]
        parts += [rate, f"{seconds:.1f} s"]
        if self._live:
            length = len("  ".join([self._title, *parts]))
            width = min(BAR_WIDTH, columns_of(self._stream) - 1 - length - 2)
            filled = width * done // total
            parts[:0] = [f"{'━' * filled}{'╌' * (width - filled)}"] if width > 0 else []
        return "  ".join([self._title, *parts])

    @property
    def _title(self) -> str:
        return f"Epoch {self._epoch}/{self._epochs}"

    def _paint(self, line: str) -> None:
        if self._live:
            # Spaces wipe what a longer line left behind.
            padding = " " * max(0, self._painted_length - len(line))
            self._write(f"\r{line}{padding}")
            self._painted_length = len(line)
        else:
            self._write(line)

    def _write(self, text: str) -> None:
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        self._stream.write(text.encode(encoding, "replace").decode(encoding))
        self._stream.flush()


def verbosity(verbose: object, stream: TextIO | None = None) -> int:
    """0 silent, 1 a live line, 2 a plain line an epoch; "auto" chooses by the kind of output."""
    if verbose == "auto":
        return 1 if repaints(sys.stdout if stream is None else stream) else 2
    level = int(verbose) if isinstance(verbose, bool) else verbose
    if isinstance(level, str):
        raise ConfigurationError(
            f'expected verbose to be "auto", 0, 1 or 2, got {verbose!r}', "choose one of these"
        )
    return min(whole_number(level, "verbose", least=0), 2)


def columns_of(stream: TextIO) -> int:
    """How many characters fit on a line of the terminal behind `stream`."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or COLUMNS
    except (AttributeError, OSError, ValueError):  # no file, or no terminal
        return COLUMNS


def repaints(stream: TextIO) -> bool:
    """Whether a carriage return repaints the line: in a terminal, and in a Jupyter notebook."""
    if stream.isatty():
        return True
    # ipykernel's stream is no terminal, but its class distinguishes it from a file or a pipe.
    return type(stream).__module__.partition(".")[0] == "ipykernel"
