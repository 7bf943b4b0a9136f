"""What runs in each phase, line by line, with the engine's own source of every line."""

import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.chain import Factor, Link, gradient_name
from engine.optimizers import Optimizer
from engine.samples import Gatherer, Samples, scale_into
from engine.traces import Phase
from engine.training import TrainingLoop

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Line:
    """One line of a phase's program: the call, what it computes, and the function's own source.

    `call` names the tensors that go in and come out. `output` is the name of the result in the
    training loop, None if the loop has no tensor for it. `source` is the text of `file` from
    `first_line` on.
    """

    call: str
    output: str | None
    function: str
    file: str
    first_line: int
    source: str


def program(loop: TrainingLoop) -> dict[Phase, tuple[Line, ...]]:
    """The lines of each phase, in the order in which they run for this network."""
    compiled = loop.network.compiled
    whole = compiled.gradient_function
    return {
        Phase.DRAW: _draw(loop.samples),
        Phase.FORWARD: tuple(map(_forward, compiled.forward.links)),
        Phase.LOSS: tuple(map(_forward, compiled.loss.links)),
        Phase.BACKWARD: tuple(map(_backward, whole.factors)),
        Phase.UPDATE: (_update(loop.optimizer_at_hand),),
    }


def _draw(samples: Samples) -> tuple[Line, ...]:
    call = "batch.x, batch.y = next batch of the epoch's order"
    if samples.scale is None:
        return (_line(call, "batch.x", Gatherer.take),)
    scaling = f"batch.x = batch.x / {samples.scale:g}"
    return _line(call, None, Gatherer.take), _line(scaling, "batch.x", scale_into)


def _forward(link: Link) -> Line:
    call = f"{link.output} = {link.function.name}({', '.join(link.inputs)})"
    return _line(call, link.output, link.function.forward)


def _backward(factor: Factor) -> Line:
    target = gradient_name(factor.target)
    operator = "+=" if factor.adds else "="
    # Arguments that the code does not use have names with an underscore.
    named = zip(factor.needs, inspect.signature(factor.vjp).parameters, strict=False)
    inputs = ", ".join(name for name, parameter in named if not parameter.startswith("_"))
    call = f"{target} {operator} {factor.link.function.name}.{factor.vjp.__name__}({inputs})"
    return _line(call, target, factor.vjp)


def _update(optimizer: Optimizer) -> Line:
    call = f"weights = weights + step, by {type(optimizer).__name__}"
    return _line(call, "layer1.weights.step", type(optimizer).update)


def _line(call: str, output: str | None, function: Callable[..., object]) -> Line:
    lines, first = inspect.getsourcelines(function)
    file = Path(inspect.getfile(function)).resolve()
    return Line(
        call,
        output,
        function.__qualname__,
        file.relative_to(ROOT).as_posix(),
        first,
        textwrap.dedent("".join(lines)),
    )
