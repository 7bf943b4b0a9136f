"""The textbook chain f(W1, W2, W3) = a(W1, b(W2, c(W3))), differentiated for whoever asks."""

import math
from functools import lru_cache
from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import Field

from app.config import Strict
from engine.textbook import OPERATIONS, ChainTrace, FactorTrace, GradientTrace, TextbookChain
from engine.textbook.chain import formula_in

router = APIRouter(prefix="/api/chain", tags=["chain"])

# The engine checks names, since it knows the operations; only their length is checked here.
Operation = Annotated[str, Field(max_length=40)]


class ChainQuestion(Strict):
    """Which chain, at which weights, and how far one step goes; every field has a default."""

    a: Operation = "squared_difference"
    b: Operation = "tanh"
    c: Operation = "sine"
    weights: list[float] = Field(default=[-1.0, 1.5, 0.5], min_length=3, max_length=3)
    step: float = Field(default=0.1, gt=0, le=100)


def operations() -> dict[str, list[dict[str, str]]]:
    """The operations for each place of the chain: names, and formulas in the place's variables."""
    return {
        place: [
            {"name": name, "formula": str(formula_in(place, operation))}
            for name, operation in known.items()
        ]
        for place, known in OPERATIONS.items()
    }


@router.get("")
async def list_operations() -> dict[str, list[dict[str, str]]]:
    """The operations that a, b and c can be."""
    return operations()


@router.post("")
async def differentiate(question: Annotated[ChainQuestion | None, Body()] = None) -> dict[str, Any]:
    """The chain's values, its derivatives by the chain rule and measured, and one step down.

    `after` is f at weights − step · gradient; all of it is null if f, or anything it is made of,
    is not finite there.
    """
    asked = question or ChainQuestion()
    chain = _chain(asked.a, asked.b, asked.c)
    trace = chain.trace(asked.weights)
    return {**_trace(trace), "after": _after(chain, trace, asked.step)}


@lru_cache(maxsize=256)
def _chain(a: str, b: str, c: str) -> TextbookChain:
    return TextbookChain(a, b, c)


def _trace(trace: ChainTrace) -> dict[str, Any]:
    return {
        "formula": trace.formula,
        "weights": list(trace.weights),
        "value": trace.value,
        "values": {"u": trace.u, "v": trace.v},
        "numpy": trace.numpy,
        "gradients": {name: _gradient(each) for name, each in trace.gradients.items()},
    }


def _gradient(gradient: GradientTrace) -> dict[str, Any]:
    return {
        "name": gradient.name,
        "factors": [_factor(factor) for factor in gradient.factors],
        "formula": gradient.formula,
        "value": gradient.value,
        "numerical": gradient.numerical,
        "numerical_numpy": gradient.numerical_numpy,
        "relative_difference": gradient.relative_difference,
        "at_kink": gradient.at_kink,
    }


def _factor(factor: FactorTrace) -> dict[str, Any]:
    return {
        "name": factor.name,
        "formula": factor.formula,
        "numpy": factor.numpy,
        "value": factor.value,
        "product": {"name": factor.product_name, "value": factor.product},
    }


def _after(chain: TextbookChain, trace: ChainTrace, step: float) -> dict[str, Any]:
    weights = trace.step(step)
    values = chain.values(weights)
    if not all(map(math.isfinite, values.values())):
        return {"weights": None, "value": None, "numpy": None}
    return {"weights": list(weights), "value": values["f"], "numpy": chain.value_numpy(weights)}
