"""A tensor function: a forward pass and, for each argument, a vector-Jacobian product."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from engine.arrays import Array

# forward(*arguments, out=None) -> y; `out`, if given, receives the result and is returned.
Forward: TypeAlias = Callable[..., Array]

# vjp(cotangent, y, *arguments, out=None): `cotangent` times the Jacobian of y. The cotangent has
# the shape of y, the result that of the argument it belongs to: with cotangent = dL/dy the result
# is dL/d(argument), which is the chain rule.
VectorJacobianProduct: TypeAlias = Callable[..., Array]


@dataclass(frozen=True)
class Cut:
    """How one result is computed a block of columns, or of samples, at a time.

    `arguments`, in the order of the call, and `result` give the axis along which each array is cut,
    0 for samples; None means that the argument is needed whole. If `result` is None, the blocks are
    shares of one sum: the function itself computes the first, `term` (if there is one) the others.
    """

    arguments: tuple[int | None, ...]
    result: int | None
    term: Forward | None = None

    @property
    def is_by_samples(self) -> bool:
        """Whether the blocks are blocks of samples."""
        return 0 in (*self.arguments, self.result)


# The same samples of every array; for functions element by element, also the same columns.
SAMPLE_BY_SAMPLE = {"forward": (Cut((0,), 0),), "x": (Cut((0, 0, 0), 0),)}
ELEMENT_BY_ELEMENT = {
    "forward": (Cut((1,), 1), *SAMPLE_BY_SAMPLE["forward"]),
    "x": (Cut((1, 1, 1), 1), *SAMPLE_BY_SAMPLE["x"]),
}


@dataclass(frozen=True)
class TensorFunction:
    """One function of the chain, with its derivatives.

    `arguments` are the names of the arguments of `forward`, in order. `vjps` maps those by which it
    can be differentiated to their vector-Jacobian products; an argument without one (labels, say)
    is a constant. `cuts` says which results ("forward", or a derivative by its argument's name) may
    be computed in blocks, and how; the others are computed whole. `reads_shapes` names the
    derivatives that read only the shape of what they are given.
    """

    name: str
    equation: str
    arguments: tuple[str, ...]
    forward: Forward
    vjps: Mapping[str, VectorJacobianProduct]
    cuts: Mapping[str, Sequence[Cut]] = field(default_factory=dict, kw_only=True)
    reads_shapes: frozenset[str] = field(default=frozenset(), kw_only=True)

    def reads(self, argument: str) -> tuple[str, ...]:
        """What the derivative by that argument reads beside the cotangent: "y" or arguments.

        Its parameters with an underscore are those it does not use.
        """
        if argument in self.reads_shapes:
            return ()
        _, *parameters = inspect.signature(self.vjps[argument]).parameters
        named = zip(("y", *self.arguments), parameters, strict=False)
        return tuple(name for name, parameter in named if not parameter.startswith("_"))

    @property
    def works_in_place(self) -> bool:
        """Whether the result may overwrite x, and the derivative the cotangent."""
        return self.cuts == ELEMENT_BY_ELEMENT

    def __repr__(self) -> str:
        return f"TensorFunction({self.name}: {self.equation})"
