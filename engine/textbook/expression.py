"""Formulas as trees that can be computed, differentiated and printed.

They have what the textbook chain needs: sums, products, whole powers and a few named functions.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.arrays import Array
from engine.textbook.named_functions import NAMED_FUNCTIONS

# How tightly an operator binds; inside a tighter one an expression needs parentheses.
SUM, PRODUCT, POWER, ATOM = range(4)

_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Expression(ABC):
    """A formula in named variables; immutable, and built with +, −, · and ** of whole numbers."""

    binding: int = ATOM

    @abstractmethod
    def evaluate(self, values: Mapping[str, Array]) -> Array:
        """The formula's value, element by element, at the values of its variables."""

    @abstractmethod
    def derivative(self, variable: str) -> "Expression":
        """The partial derivative by `variable`, by the rules of differentiation."""

    @abstractmethod
    def substitute(self, replacements: Mapping[str, "Expression"]) -> "Expression":
        """The formula with expressions in place of the variables named in `replacements`."""

    @abstractmethod
    def __str__(self) -> str: ...

    def inside(self, binding: int) -> str:
        """The formula as text inside one that binds as tightly as `binding`."""
        return f"({self})" if self.binding < binding else str(self)

    def __add__(self, other: "Expression | int") -> "Expression":
        return total(self, _expression(other))

    def __sub__(self, other: "Expression | int") -> "Expression":
        return total(self, -_expression(other))

    def __rsub__(self, other: int) -> "Expression":
        return total(Number(other), -self)

    def __mul__(self, other: "Expression | int") -> "Expression":
        return product(self, _expression(other))

    def __rmul__(self, other: int) -> "Expression":
        return product(Number(other), self)

    def __neg__(self) -> "Expression":
        return product(Number(-1), self)

    def __pow__(self, exponent: int) -> "Expression":
        if isinstance(self, Power):
            return Power(self.base, self.exponent * exponent)
        return self if exponent == 1 else Power(self, exponent)


@dataclass(frozen=True)
class Number(Expression):
    """A whole number."""

    value: int

    def evaluate(self, values: Mapping[str, Array]) -> Array:  # noqa: ARG002 - depends on none
        return np.asarray(self.value, np.float64)

    def derivative(self, variable: str) -> Expression:  # noqa: ARG002 - the same for all
        return Number(0)

    def substitute(self, replacements: Mapping[str, Expression]) -> Expression:  # noqa: ARG002
        return self

    def __str__(self) -> str:
        return str(self.value).replace("-", "−")


@dataclass(frozen=True)
class Variable(Expression):
    """A named quantity."""

    name: str

    def evaluate(self, values: Mapping[str, Array]) -> Array:
        return values[self.name]

    def derivative(self, variable: str) -> Expression:
        return Number(int(variable == self.name))

    def substitute(self, replacements: Mapping[str, Expression]) -> Expression:
        return replacements.get(self.name, self)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Sum(Expression):
    """Terms added up; (s + t)' = s' + t'."""

    terms: tuple[Expression, ...]
    binding = SUM

    def evaluate(self, values: Mapping[str, Array]) -> Array:
        first, *others = (term.evaluate(values) for term in self.terms)
        for other in others:
            first = first + other
        return first

    def derivative(self, variable: str) -> Expression:
        return total(*(term.derivative(variable) for term in self.terms))

    def substitute(self, replacements: Mapping[str, Expression]) -> Expression:
        return total(*(term.substitute(replacements) for term in self.terms))

    def __str__(self) -> str:
        first, *others = self.terms
        text = str(first)
        for term in others:
            text += f" − {(-term).inside(PRODUCT)}" if is_negative(term) else f" + {term}"
        return text


@dataclass(frozen=True)
class Product(Expression):
    """Factors multiplied, with a number only in front; (s t)' = s' t + s t'."""

    factors: tuple[Expression, ...]
    binding = PRODUCT

    def evaluate(self, values: Mapping[str, Array]) -> Array:
        first, *others = (factor.evaluate(values) for factor in self.factors)
        for other in others:
            first = first * other
        return first

    def derivative(self, variable: str) -> Expression:
        terms = []
        for index, factor in enumerate(self.factors):
            before, after = self.factors[:index], self.factors[index + 1 :]
            terms.append(product(*before, factor.derivative(variable), *after))
        return total(*terms)

    def substitute(self, replacements: Mapping[str, Expression]) -> Expression:
        return product(*(factor.substitute(replacements) for factor in self.factors))

    def __str__(self) -> str:
        first, *others = self.factors
        sign = ""
        if first == Number(-1):
            sign, (first, *others) = "−", others
        return sign + "·".join(factor.inside(PRODUCT) for factor in (first, *others))


@dataclass(frozen=True)
class Power(Expression):
    """A base to a whole exponent n of 2 or more; (sⁿ)' = n sⁿ⁻¹ s'."""

    base: Expression
    exponent: int
    binding = POWER

    def evaluate(self, values: Mapping[str, Array]) -> Array:
        power: Array = self.base.evaluate(values) ** self.exponent
        return power

    def derivative(self, variable: str) -> Expression:
        outer = product(Number(self.exponent), self.base ** (self.exponent - 1))
        return product(outer, self.base.derivative(variable))

    def substitute(self, replacements: Mapping[str, Expression]) -> Expression:
        return self.base.substitute(replacements) ** self.exponent

    def __str__(self) -> str:
        exponent = str(self.exponent).translate(_SUPERSCRIPTS)
        if isinstance(self.base, Call):
            return f"{self.base.function}{exponent}({self.base.argument})"
        return f"{self.base.inside(ATOM)}{exponent}"


@dataclass(frozen=True)
class Call(Expression):
    """A function of NAMED_FUNCTIONS; g(s)' = g'(s) s', the chain rule."""

    function: str
    argument: Expression

    def evaluate(self, values: Mapping[str, Array]) -> Array:
        return NAMED_FUNCTIONS[self.function](self.argument.evaluate(values))

    def derivative(self, variable: str) -> Expression:
        return product(slope(self), self.argument.derivative(variable))

    def substitute(self, replacements: Mapping[str, Expression]) -> Expression:
        return Call(self.function, self.argument.substitute(replacements))

    def __str__(self) -> str:
        if self.function == "step":
            return f"[{self.argument} > 0]"  # Iverson's bracket: 1 where it holds, else 0
        return f"{self.function}({self.argument})"


def slope(call: Call) -> Expression:
    """g'(s) of g(s). A step's is 0, as relu's is taken to be at its kink."""
    s = call.argument
    match call.function:
        case "sin":
            return Call("cos", s)
        case "cos":
            return -Call("sin", s)
        case "exp":
            return call
        case "tanh":
            return 1 - call**2
        case "sigmoid":
            return call * (1 - call)
        case "relu":
            return Call("step", s)
        case "step":
            return Number(0)
    raise ValueError(f"expected a function whose derivative is known, got {call.function}")


def total(*terms: Expression) -> Expression:
    """The sum of terms, without zeros."""
    kept = tuple(term for term in terms if term != Number(0))
    if len(kept) < 2:
        return kept[0] if kept else Number(0)
    return Sum(kept)


def product(*factors: Expression) -> Expression:
    """The product of factors, nested products flattened, numbers in one factor in front."""
    number = 1
    others: list[Expression] = []
    for factor in factors:
        for part in factor.factors if isinstance(factor, Product) else (factor,):
            if isinstance(part, Number):
                number *= part.value
            else:
                others.append(part)
    if number == 0 or not others:
        return Number(number)
    if number != 1:
        others.insert(0, Number(number))
    return others[0] if len(others) == 1 else Product(tuple(others))


def is_negative(expression: Expression) -> bool:
    """Whether it is written with a minus sign in front."""
    first = expression.factors[0] if isinstance(expression, Product) else expression
    return isinstance(first, Number) and first.value < 0


def _expression(value: Expression | int) -> Expression:
    return Number(value) if isinstance(value, int) else value
