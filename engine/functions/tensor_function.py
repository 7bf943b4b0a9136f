"""A tensor function: a forward pass and, for each argument, a vector-Jacobian product."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from engine.arrays import Array

# forward(*arguments, out=None) -> y; `out`, where given, receives and is the result.
Forward: TypeAlias = Callable[..., Array]

# vjp(cotangent, y, *arguments, out=None): `cotangent` times the Jacobian of y. The cotangent has
# the shape of y, the result that of the argument it belongs to: with cotangent = dL/dy the result
# is dL/d(argument), which is the chain rule.
VectorJacobianProduct: TypeAlias = Callable[..., Array]


@dataclass(frozen=True)
class Cut:
    """How one result is computed a block of columns, or of samples, at a time.

    `arguments`, in the order of the call, and `result` name the axis along which each array is
    cut, 0 for samples; an argument of None is needed whole. Where `result` is None the blocks are
    shares of one sum: the first is computed by the function itself, the others by `term`, if there
    is one.
    """

    arguments: tuple[int | None, ...]
    result: int | None
    term: Forward | None = None

    @property
    def is_by_samples(self) -> bool:
        """Whether a block is some of the samples."""
        return 0 in (*self.arguments, self.result)


# Of every array the same samples; where a function works element by element, or the same columns.
SAMPLE_BY_SAMPLE = {"forward": (Cut((0,), 0),), "x": (Cut((0, 0, 0), 0),)}
ELEMENT_BY_ELEMENT = {
    "forward": (Cut((1,), 1), *SAMPLE_BY_SAMPLE["forward"]),
    "x": (Cut((1, 1, 1), 1), *SAMPLE_BY_SAMPLE["x"]),
}


@dataclass(frozen=True)
class TensorFunction:
    """One function of the chain, with the derivatives that are known of it.

    `arguments` are the names of what `forward` takes, in order; `vjps` maps those that it can be
    differentiated by to their vector-Jacobian products. An argument without one (labels, say) is
    a constant. `cuts` tells which results, "forward" or a derivative by its argument's name, may
    be computed in blocks, and in which ways; the others are computed whole.
    `reads_shapes` names the derivatives that look at nothing of what they are given but its shape.
    """

    name: str
    equation: str
    arguments: tuple[str, ...]
    forward: Forward
    vjps: Mapping[str, VectorJacobianProduct]
    cuts: Mapping[str, Sequence[Cut]] = field(default_factory=dict, kw_only=True)
    reads_shapes: frozenset[str] = field(default=frozenset(), kw_only=True)

    def reads(self, argument: str) -> tuple[str, ...]:
        """What the derivative by that argument reads beside the cotangent: "y" and arguments.

        What it does nothing with has a name with an underscore.
        """
        if argument in self.reads_shapes:
            return ()
        _, *parameters = inspect.signature(self.vjps[argument]).parameters
        named = zip(("y", *self.arguments), parameters, strict=False)
        return tuple(name for name, parameter in named if not parameter.startswith("_"))

    @property
    def works_in_place(self) -> bool:
        """Whether the result may go where x is, and the derivative where the cotangent is."""
        return self.cuts == ELEMENT_BY_ELEMENT

    def __repr__(self) -> str:
        return f"TensorFunction({self.name}: {self.equation})"
