"""The small operations that the textbook chain is made of, by name."""

from dataclasses import dataclass

import numpy as np

from engine.arrays import Array
from engine.functions import TensorFunction
from engine.functions.tensor_function import Forward, VectorJacobianProduct
from engine.textbook.expression import Call, Expression, Variable


@dataclass(frozen=True, repr=False)
class Operation(TensorFunction):
    """A tensor function whose formula is known, and thus every derivative as a formula."""

    formula: Expression

    def partial(self, argument: str) -> Expression:
        """∂y/∂argument, derived from the formula."""
        return self.formula.derivative(argument)


def operation(name: str, formula: Expression, arguments: tuple[str, ...]) -> Operation:
    """The operation that computes `formula` and its derivatives, element by element."""
    return Operation(
        name,
        str(formula),
        arguments,
        _forward(formula, arguments),
        {each: _vjp(formula.derivative(each), arguments) for each in arguments},
        formula,
    )


def _forward(formula: Expression, arguments: tuple[str, ...]) -> Forward:
    def forward(*values: Array, out: Array | None = None) -> Array:
        result = formula.evaluate(dict(zip(arguments, values, strict=True)))
        y: Array = np.positive(result, out=out)
        return y

    return forward


def _vjp(partial: Expression, arguments: tuple[str, ...]) -> VectorJacobianProduct:
    def vjp(cotangent: Array, _y: Array, *values: Array, out: Array | None = None) -> Array:
        slope = partial.evaluate(dict(zip(arguments, values, strict=True)))
        gradient: Array = np.multiply(cotangent, slope, out=out)
        return gradient

    return vjp


W = Variable("W")
X = Variable("x")

# What a and b can be: functions of a weight W and the value x of the operation before.
OUTER: dict[str, Operation] = {
    name: operation(name, formula, ("W", "x"))
    for name, formula in {
        "product": W * X,
        "sum": W + X,
        "squared_difference": (X - W) ** 2,
        "scaled_square": W * X**2,
        "tanh": Call("tanh", W * X),
        "sigmoid": Call("sigmoid", W + X),
        "relu": Call("relu", W * X),
    }.items()
}

# What c can be: functions of a weight alone.
INNER: dict[str, Operation] = {
    name: operation(name, formula, ("W",))
    for name, formula in {
        "identity": W,
        "square": W**2,
        "sine": Call("sin", W),
        "exponential": Call("exp", W),
        "tanh": Call("tanh", W),
    }.items()
}
