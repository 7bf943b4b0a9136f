"""A textbook chain at given weights, as plain records.

Each number comes with a line of NumPy that computes it from the numbers it depends on.
"""

from dataclasses import dataclass

from engine.gradient_check import relative_difference

# How large the rounding error may be, relative to a derivative that measuring confirms.
CONFIRMED = 1e-4


@dataclass(frozen=True)
class FactorTrace:
    """One factor of the chain rule, and the product of all factors up to it."""

    name: str  # ∂b/∂v
    formula: str
    numpy: str
    value: float
    product_name: str  # ∂f/∂v
    product: float


@dataclass(frozen=True)
class GradientTrace:
    """The derivative of f by one weight, by the chain rule and measured."""

    name: str  # ∂f/∂W3
    factors: tuple[FactorTrace, ...]  # from f back to the weight
    formula: str
    value: float
    numerical: float
    numerical_numpy: str
    rounding: float  # how far rounding may have moved the numerical one
    at_kink: bool = False  # whether relu has its kink between W − h and W + h

    @property
    def relative_difference(self) -> float | None:
        """|value − numerical| / max(|value|, |numerical|); 0 where both are 0.

        None if both are so small beside f that measuring cannot tell them from rounding.
        """
        if 0 < CONFIRMED * max(abs(self.value), abs(self.numerical)) < self.rounding:
            return None
        return relative_difference(self.value, self.numerical)


@dataclass(frozen=True)
class ChainTrace:
    """A chain's values at given weights, and its derivatives there."""

    formula: str
    weights: tuple[float, float, float]
    v: float
    u: float
    value: float
    numpy: dict[str, str]  # of v, u and f
    gradients: dict[str, GradientTrace]  # by the weight's name

    def step(self, size: float) -> tuple[float, float, float]:
        """The weights after one step of gradient descent, W − size · gradient."""
        w1, w2, w3 = (
            weight - size * gradient.value
            for weight, gradient in zip(self.weights, self.gradients.values(), strict=True)
        )
        return w1, w2, w3
