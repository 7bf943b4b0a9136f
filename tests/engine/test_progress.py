"""The progress bar, in a terminal, in a notebook, and where it is neither."""

import io
import os
import pty
import termios
from collections.abc import Callable, Iterator

import pytest

from engine import ConfigurationError, NonFiniteError, Samples, TrainingLoop
from engine.arrays import Array
from engine.progress import Progress, repaints, verbosity
from tests.engine.builders import small_network


def clock_of(*seconds: float) -> Callable[[], float]:
    times: Iterator[float] = iter(seconds)
    return lambda: next(times)


def test_a_live_line_is_repainted_and_ends_with_the_figures() -> None:
    stream = io.StringIO()
    progress = Progress(2, live=True, stream=stream, clock=clock_of(9, 9, 9.01, 9.5, 11))
    progress.begin(1)
    progress.batch(1, 8, {"loss": 2.0})  # too soon after the beginning
    progress.batch(2, 8, {"loss": 1.5, "accuracy": 0.25})
    progress.end(8, {"loss": 0.5})
    first, last = stream.getvalue().removeprefix("\r").split("\r")
    bar = "━" * 6 + "╌" * 18
    assert first == f"Epoch 1/2  {bar}  2/8  loss 1.5000  accuracy 0.2500  4 batches/s  0.5 s"
    assert last.rstrip(" \n") == f"Epoch 1/2  {'━' * 24}  8/8  loss 0.5000  4 batches/s  2.0 s"
    assert last.endswith("\n")
    assert len(last) - 1 == len(first)  # the longer line before it is wiped


def test_a_plain_line_an_epoch() -> None:
    stream = io.StringIO()
    progress = Progress(1, live=False, stream=stream, clock=clock_of(0, 0, 5, 10))
    progress.begin(1)
    progress.batch(1, 2, {"loss": 2.0})
    progress.end(2, {"loss": 1.0})
    assert stream.getvalue() == "Epoch 1/1  2/2  loss 1.0000  0 batches/s  10.0 s\n"


def test_a_stream_of_another_encoding_gets_what_it_can_show() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    progress = Progress(1, live=True, stream=stream, clock=clock_of(0, 0, 1))
    progress.begin(1)
    progress.end(1, {"loss": 1.0})
    assert (
        raw.getvalue() == b"\rEpoch 1/1  " + b"?" * 24 + b"  1/1  loss 1.0000  1 batches/s  1.0 s\n"
    )


def test_a_terminal_repaints() -> None:
    controller, terminal = pty.openpty()
    with os.fdopen(terminal, "w", encoding="utf-8") as stream:
        assert repaints(stream)
        assert verbosity("auto", stream) == 1
        progress = Progress(1, live=True, stream=stream)
        progress.begin(1)
        progress.end(3, {"loss": 1.0})
        written = os.read(controller, 4096).decode()
    os.close(controller)
    assert written.startswith("\rEpoch 1/1  ━")
    assert "3/3  loss 1.0000" in written


@pytest.mark.parametrize("columns", [20, 60, 80, 96, 200])
def test_no_repainted_line_is_wider_than_the_terminal(columns: int) -> None:
    controller, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, columns))
    figures = {"loss": 0.2564, "accuracy": 0.9257}
    with os.fdopen(terminal, "w", encoding="utf-8") as stream:
        progress = Progress(5, live=True, stream=stream, clock=clock_of(0, 0, 1, 2, 3))
        progress.begin(1)
        progress.batch(128, 469, figures)
        progress.batch(469, 469, figures)
        progress.end(469, figures)
        data = b""
        while not data.endswith(b"\n"):  # a terminal hands on piece by piece
            data += os.read(controller, 4096)
    os.close(controller)
    written = data.decode()
    *repainted, last = written.removeprefix("\r").rstrip().split("\r")
    assert len(repainted) == 2
    assert all(len(line) < columns for line in repainted)
    assert "469/469  loss 0.2564  accuracy 0.9257" in last
    assert ("━" in last) == (columns >= 80)


def test_a_notebook_repaints() -> None:
    # The class of sys.stdout in a Jupyter kernel; it says that it is no terminal.
    notebook_stream = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})
    assert repaints(notebook_stream())
    assert verbosity("auto", notebook_stream()) == 1


def test_a_file_gets_plain_lines() -> None:
    assert not repaints(io.StringIO())
    assert verbosity("auto", io.StringIO()) == 2


@pytest.mark.parametrize(
    ("verbose", "level"), [(0, 0), (1, 1), (2, 2), (3, 2), (False, 0), (True, 1)]
)
def test_verbosity_may_be_chosen(verbose: object, level: int) -> None:
    assert verbosity(verbose) == level


@pytest.mark.parametrize("verbose", [-1, "loud", None])
def test_impossible_verbosity(verbose: object) -> None:
    with pytest.raises(ConfigurationError, match="expected verbose"):
        verbosity(verbose)


def test_fit_reports_every_epoch(
    points: tuple[Array, Array], capsys: pytest.CaptureFixture[str]
) -> None:
    network = small_network()
    history = network.fit(*points, epochs=2, batch_size=8, validation_data=points)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    for epoch, line in enumerate(lines):
        assert line.startswith(f"Epoch {epoch + 1}/2  7/7  loss ")
        for name, figures in history.history.items():
            assert f"{name} {figures[epoch]:.4f}" in line
        assert "batches/s" in line
    assert "2 epochs, last loss" in repr(history)
    network.fit(*points, verbose=0)
    assert capsys.readouterr().out == ""


def test_fit_repaints_a_live_line_with_the_means_so_far(
    points: tuple[Array, Array], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.progress.SECONDS_BETWEEN_PAINTS", 0)
    small_network().fit(*points, batch_size=20, verbose=1)
    loop = TrainingLoop(small_network(), Samples(*points), batch_size=20)
    *painted, last = capsys.readouterr().out.removeprefix("\r").split("\r")
    loss = right = used = 0.0
    for batch, line in enumerate([*painted, last], start=1):
        if batch < 4:  # the last line is the epoch's
            trace = loop.run_batch()
            n = len(loop.drawn)
            used, loss = used + n, loss + n * trace.loss
            right += n * (trace.accuracy or 0)
        assert f"{min(batch, 3)}/3  loss {loss / used:.4f}  accuracy {right / used:.4f}" in line
    assert len(painted) == 3


def test_a_run_that_fails_leaves_its_line(
    points: tuple[Array, Array], capsys: pytest.CaptureFixture[str]
) -> None:
    network = small_network()
    network.build(6)
    network.parameters.flat[:] = 1e30
    with pytest.raises(NonFiniteError):
        network.fit(*points, verbose=1)
    assert capsys.readouterr().out == ""  # nothing was painted yet, so there is no line to leave


def test_an_interrupted_line_is_left() -> None:
    stream = io.StringIO()
    progress = Progress(1, live=True, stream=stream, clock=clock_of(0, 0, 1))
    progress.begin(1)
    progress.batch(1, 2, {"loss": 1.0})
    progress.interrupt()
    assert stream.getvalue().endswith("1.0 s\n")
