"""The running code: what the engine says of itself is what it runs."""

import ast
import sys
from pathlib import Path
from types import FrameType

from engine import Phase, Samples
from engine.program import program
from tests.engine.builders import small_loop

ROOT = Path(__file__).parent.parent.parent


def test_the_lines_of_each_phase_in_the_order_in_which_they_run(samples: Samples) -> None:
    lines = program(small_loop(samples))
    assert list(lines) == list(Phase)
    assert [line.output for line in lines[Phase.FORWARD]] == [
        "layer1.preactivations",
        "layer1.activations",
        "layer2.preactivations",
        "layer2.activations",
    ]
    assert lines[Phase.BACKWARD][-1].output in ("layer1.weights.gradient", "layer1.bias.gradient")
    assert "RMSprop" in lines[Phase.UPDATE][0].call


def test_a_derivative_is_shown_with_what_its_code_uses(samples: Samples) -> None:
    calls = [line.call for line in program(small_loop(samples))[Phase.BACKWARD]]
    activation = "layer1.preactivations.gradient = relu.vjp(layer1.activations.gradient, "
    assert f"{activation}layer1.activations)" in calls
    assert "layer1.bias.gradient = affine.vjp_bias(layer1.preactivations.gradient)" in calls
    assert "loss.per_sample.gradient = mean.vjp(loss.gradient, loss.per_sample)" in calls


def test_the_source_stands_in_the_file_where_it_says(samples: Samples) -> None:
    for phase in program(small_loop(samples)).values():
        for line in phase:
            text = (ROOT / line.file).read_text(encoding="utf-8").splitlines()
            shown = line.source.splitlines()
            there = text[line.first_line - 1 : line.first_line - 1 + len(shown)]
            assert [row.strip() for row in there] == [row.strip() for row in shown]
            ast.parse(line.source)


def test_every_function_that_is_shown_runs(samples: Samples) -> None:
    loop = small_loop(Samples(samples.x, samples.y, scale=2.0))
    run: set[str] = set()

    def note(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            run.add(frame.f_code.co_qualname)

    sys.setprofile(note)
    loop.run_batch()
    sys.setprofile(None)
    shown = [line.function for phase in program(loop).values() for line in phase]
    assert "scale_into" in shown
    assert run.issuperset(shown)


def test_what_a_line_computes_can_be_asked_of_the_loop(samples: Samples) -> None:
    loop = small_loop(samples)
    loop.run_batch()
    known = {*loop.computed_tensor_names(), "loss", None}
    outputs = [line.output for phase in program(loop).values() for line in phase]
    assert known.issuperset(outputs)
