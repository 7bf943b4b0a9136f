"""f(W1, W2, W3) = a(W1, u), u = b(W2, v), v = c(W3): computed, differentiated, printed.

It is a `Chain` of `Link`s with a `GradientFunction`, like a network. The formula of every operation
is known, and so is that of every factor that the gradient function multiplies.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from engine.arrays import Array
from engine.chain import Chain, Factor, GradientFunction, Link, gradient_name
from engine.checks import one_of, real_number
from engine.errors import ConfigurationError
from engine.gradient_check import numerical_gradient
from engine.textbook.expression import PRODUCT, Call, Expression, Number, Variable, is_negative
from engine.textbook.numpy_code import numpy_code
from engine.textbook.operations import INNER, OUTER, Operation
from engine.textbook.traces import ChainTrace, FactorTrace, GradientTrace

WEIGHTS = ("W1", "W2", "W3")
OPERATIONS: Mapping[str, Mapping[str, Operation]] = {"a": OUTER, "b": OUTER, "c": INNER}

# For each place in the chain: its arguments, and the name of its result.
INPUTS = {"a": ("W1", "u"), "b": ("W2", "v"), "c": ("W3",)}
OUTPUTS = {"a": "f", "b": "u", "c": "v"}
_PLACES = {output: place for place, output in OUTPUTS.items()}

# The distance h for central differences in float64: with it the errors of truncation, h², and of
# rounding, 1e-16 / h, are about equal.
H = 1e-5


def formula_in(place: str, operation: Operation) -> Expression:
    """An operation's formula in the variables of its place: that of a in W1 and u."""
    return operation.formula.substitute(_variables(place, operation))


class TextbookChain:
    """The chain of three operations, each named as in `OPERATIONS[place]`."""

    def __init__(self, a: str, b: str, c: str) -> None:
        names = {"a": a, "b": b, "c": c}
        self._operations = {
            place: known[one_of(names[place], known, f"operation {place}")]
            for place, known in OPERATIONS.items()
        }
        self.chain = Chain(
            Link(self._operations[place], INPUTS[place], OUTPUTS[place])
            for place in ("c", "b", "a")
        )
        self.gradient_function = self.chain.gradient_function("f", WEIGHTS)
        self._paths = paths_of(self.gradient_function)
        # Each value is used only once, so its name identifies the factor.
        self._partials = {
            factor.target: self._partial(factor) for factor in self.gradient_function.factors
        }
        self._expanded = self._expand()
        formulas = (formula_in(place, known) for place, known in self._operations.items())
        self._bent_at_zero = [
            formula.argument
            for formula in formulas
            if isinstance(formula, Call) and formula.function == "relu"
        ]

    @property
    def formula(self) -> str:
        """The formula of f in W1, W2 and W3 alone."""
        return str(self._expanded)

    @np.errstate(all="ignore")  # the caller checks the values
    def values(self, weights: Sequence[float] | Array) -> dict[str, float]:
        """f, u, v and the three weights; infinite or not a number where the arithmetic overflows.

        f may be finite although u or v is not: relu(−∞) is 0.
        """
        return {name: float(value[0]) for name, value in self._forward(weights).items()}

    def value(self, weights: Sequence[float] | Array) -> float:
        """f at three weights; infinite or not a number where the arithmetic overflows."""
        return self.values(weights)["f"]

    def value_numpy(self, weights: Sequence[float]) -> str:
        """One line of NumPy that computes f at three weights."""
        return numpy_code(self._expanded, dict(zip(WEIGHTS, weights, strict=True)))

    @np.errstate(all="ignore")  # numbers that are not finite are refused below
    def trace(self, weights: Sequence[float]) -> ChainTrace:
        """Everything about f at three finite weights: values, factors, derivatives both ways.

        Raises ConfigurationError if a value or a derivative is not finite.
        """
        if len(weights) != len(WEIGHTS):
            raise ConfigurationError(
                f"expected the three weights W1, W2 and W3, got {len(weights)} numbers",
                "give one number for each",
            )
        w1, w2, w3 = (
            real_number(weight, name) for weight, name in zip(weights, WEIGHTS, strict=True)
        )
        values = self._forward((w1, w2, w3))
        gradients: dict[str, Array] = {}
        self.gradient_function(values, gradients)
        measured = numerical_gradient(self._value_of_formula, np.array([w1, w2, w3]), H)
        _check_finite({**values, **gradients, "f beside these weights": measured})
        numbers = {name: float(value[0]) for name, value in values.items()}
        traces = {
            name: GradientTrace(
                name=f"∂f/∂{name}",
                factors=tuple(self._factor(each, values, gradients) for each in self._paths[name]),
                formula=self._product_formula(name),
                value=float(gradients[gradient_name(name)][0]),
                numerical=float(measured[index]),
                numerical_numpy=self._central_difference(name, numbers),
                rounding=_rounding(values, gradients),
                at_kink=self._is_at_kink((w1, w2, w3), index, values),
            )
            for index, name in enumerate(WEIGHTS)
        }
        return ChainTrace(
            formula=self.formula,
            weights=(w1, w2, w3),
            v=numbers["v"],
            u=numbers["u"],
            value=numbers["f"],
            numpy={
                output: numpy_code(formula_in(place, self._operations[place]), numbers)
                for place, output in OUTPUTS.items()
            },
            gradients=traces,
        )

    def _forward(self, weights: Sequence[float] | Array) -> dict[str, Array]:
        values = _named(weights)
        self.chain.forward(values)
        return values

    def _value_of_formula(self, weights: Array) -> float:
        """f by its formula in the weights alone, in the order of the measuring NumPy code."""
        return float(self._expanded.evaluate(_named(weights))[0])

    def _is_at_kink(
        self, weights: Sequence[float], index: int, values: Mapping[str, Array]
    ) -> bool:
        """Whether a relu has its kink within H of a weight: f has no single slope to measure there.

        `values` are those at the weights themselves.
        """
        nearby = [values]
        for distance in (-H, H):
            moved = np.array(weights)
            moved[index] += distance
            nearby.append(self._forward(moved))
        around = ([each.evaluate(values)[0] for values in nearby] for each in self._bent_at_zero)
        return any(min(arguments) < 0 < max(arguments) for arguments in around)

    def _expand(self) -> Expression:
        known: dict[str, Expression] = {}
        for link in self.chain.links:
            place = _PLACES[link.output]
            known[link.output] = formula_in(place, self._operations[place]).substitute(known)
        return known["f"]

    def _central_difference(self, name: str, numbers: Mapping[str, float]) -> str:
        others = {each: numbers[each] for each in WEIGHTS if each != name}
        f, at = numpy_code(self._expanded, others), numbers[name]
        return f"(lambda f: (f({at!r} + {H}) - f({at!r} - {H})) / {2 * H})(lambda {name}: {f})"

    def _factor(
        self, factor: Factor, values: Mapping[str, Array], gradients: Mapping[str, Array]
    ) -> FactorTrace:
        link, target = factor.link, factor.target
        y, partial = values[link.output], self._partials[target]
        slope = factor.vjp(np.ones_like(y), y, *(values[name] for name in link.inputs))
        return FactorTrace(
            name=f"∂{_PLACES[link.output]}/∂{target}",
            formula=str(partial),
            numpy=numpy_code(partial, {name: float(values[name][0]) for name in link.inputs}),
            value=float(slope[0]),
            product_name=f"∂f/∂{target}",
            product=float(gradients[gradient_name(target)][0]),
        )

    def _partial(self, factor: Factor) -> Expression:
        place = _PLACES[factor.link.output]
        operation = self._operations[place]
        argument = operation.arguments[factor.link.inputs.index(factor.target)]
        return operation.partial(argument).substitute(_variables(place, operation))

    def _product_formula(self, name: str) -> str:
        """The product of the factors of ∂f/∂name, in u, v and the weights, without factors of 1."""
        factors = (self._partials[factor.target] for factor in self._paths[name])
        partials = [partial for partial in factors if partial != Number(1)]
        if len(partials) < 2:
            return str(partials[0]) if partials else "1"
        return " · ".join(
            f"({partial})" if index and is_negative(partial) else partial.inside(PRODUCT)
            for index, partial in enumerate(partials)
        )


def paths_of(gradient_function: GradientFunction) -> dict[str, tuple[Factor, ...]]:
    """The factors that lead from `of` to each value; each value is used only once."""
    paths: dict[str, tuple[Factor, ...]] = {gradient_function.of: ()}
    for factor in gradient_function.factors:
        paths[factor.target] = (*paths[factor.link.output], factor)
    return paths


def _named(weights: Sequence[float] | Array) -> dict[str, Array]:
    return {
        name: np.array([weight], np.float64) for name, weight in zip(WEIGHTS, weights, strict=True)
    }


def _variables(place: str, operation: Operation) -> dict[str, Expression]:
    return {
        argument: Variable(name)
        for argument, name in zip(operation.arguments, INPUTS[place], strict=True)
    }


def _rounding(values: Mapping[str, Array], gradients: Mapping[str, Array]) -> float:
    """How far the rounding of f, u and v may move a central difference of f."""
    reach = sum(
        abs(float(values[name][0]) * float(gradients[gradient_name(name)][0]))
        for name in OUTPUTS.values()
    )
    return float(np.finfo(np.float64).eps) * reach / H


def _check_finite(quantities: Mapping[str, Array]) -> None:
    for name, array in quantities.items():
        if not np.all(np.isfinite(array)):
            raise ConfigurationError(
                f"expected weights at which every value is finite, got {name} = {array.flat[0]}",
                "choose weights closer to 0, or a smaller step",
            )
