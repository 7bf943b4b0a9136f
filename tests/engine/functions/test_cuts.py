"""What a function says of how its results can be cut."""

from dataclasses import dataclass

import numpy as np
import pytest

from engine.arrays import Array
from engine.functions import FUNCTIONS
from engine.functions.tensor_function import Cut

N, INPUTS, UNITS = 6, 8, 4


@dataclass(frozen=True)
class Case:
    """A result of a function, and one way of cutting it."""

    function: str
    result: str
    cut: Cut


CASES = [
    Case(name, result, cut)
    for name, function in FUNCTIONS.items()
    for result, cuts in function.cuts.items()
    for cut in cuts
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.function} {c.result} {c.cut.result}")
def test_blocks_are_the_whole(case: Case) -> None:
    function = FUNCTIONS[case.function]
    generator = np.random.default_rng(0)
    arguments = _arguments(case.function, generator)
    compute = function.forward
    if case.result != "forward":
        compute = function.vjps[case.result]
        y = function.forward(*arguments)
        arguments = [generator.normal(size=y.shape), y, *arguments]
    whole = compute(*arguments)

    blocks = []
    for number, block in enumerate((slice(0, 2), slice(2, None))):
        parts = [
            _cut(a, axis, block) for a, axis in zip(arguments, case.cut.arguments, strict=True)
        ]
        term = case.cut.term if number > 0 else None
        out = np.empty_like(_cut(whole, case.cut.result, block))
        blocks.append((term or compute)(*parts, out=out))
    if case.cut.result is None:
        np.testing.assert_allclose(sum(blocks), whole, rtol=1e-12)
    else:
        np.testing.assert_allclose(np.concatenate(blocks, case.cut.result), whole, rtol=1e-12)


def _arguments(function: str, generator: np.random.Generator) -> list[Array]:
    x = generator.normal(size=(N, INPUTS))
    targets = generator.dirichlet(np.ones(INPUTS), N)
    match function:
        case "affine":
            return [x, generator.normal(size=(UNITS, INPUTS)), generator.normal(size=UNITS)]
        case "softmax_cross_entropy":
            return [x, targets, FUNCTIONS["softmax"].forward(x)]
        case "categorical_crossentropy":
            return [np.exp(x), targets]
        case "mean_squared_error":
            return [x, targets]
        case "mean":
            return [x[:, 0]]
    return [x]


def _cut(array: Array, axis: int | None, block: slice) -> Array:
    return array if axis is None else array[(slice(None),) * axis + (block,)]
