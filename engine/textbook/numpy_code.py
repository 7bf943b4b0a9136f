"""A formula as one line of NumPy, with numbers in place of its variables."""

from collections.abc import Mapping

from engine.textbook.expression import (
    ATOM,
    POWER,
    PRODUCT,
    Call,
    Expression,
    Number,
    Power,
    Product,
    Sum,
    Variable,
    is_negative,
)

_CALLS = {
    "sin": "np.sin({})",
    "cos": "np.cos({})",
    "exp": "np.exp({})",
    "tanh": "np.tanh({})",
    "relu": "np.maximum({}, 0)",
    "step": "np.float64({} > 0)",
    "sigmoid": "(1 / (1 + np.exp(-({}))))",
}


def numpy_code(expression: Expression, numbers: Mapping[str, float]) -> str:
    """Python that computes `expression`; variables that have no number keep their names."""
    match expression:
        case Number(value=value):
            return _signed(repr(value))
        case Variable(name=name):
            return _signed(repr(numbers[name])) if name in numbers else name
        case Sum(terms=terms):
            code = numpy_code(terms[0], numbers)
            for term in terms[1:]:
                sign, part = ("-", -term) if is_negative(term) else ("+", term)
                code += f" {sign} {_inside(part, PRODUCT, numbers)}"
            return code
        case Product(factors=factors):
            return " * ".join(_inside(factor, POWER, numbers) for factor in factors)
        case Power(base=base, exponent=exponent):
            return f"{_inside(base, ATOM, numbers)}**{exponent}"
        case Call(function=function, argument=argument):
            return _CALLS[function].format(numpy_code(argument, numbers))
    raise TypeError(f"expected an expression of this package, got {expression!r}")


def _inside(expression: Expression, binding: int, numbers: Mapping[str, float]) -> str:
    code = numpy_code(expression, numbers)
    return f"({code})" if expression.binding < binding else code


def _signed(number: str) -> str:
    return f"({number})" if number.startswith("-") else number
