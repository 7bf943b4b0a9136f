"""One derivative, both derived by the chain rule and measured."""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from engine.arrays import Array
from engine.chain import gradient_name
from engine.gradient_check import relative_difference
from engine.network import Network
from engine.probe import Probe
from engine.samples import Samples

# How far a weight is moved to either side. The error of a central difference grows with the square
# of h, that of rounding with 1 / h. In float64 both are small here.
H = 1e-4
# If a relu has its kink between the two, h is made smaller, down to this.
SMALLEST_H = 1e-7
AGREEMENT = 1e-6


@dataclass(frozen=True)
class MeasuredDerivative:
    """∂loss/∂w of one weight w, both ways, in float64."""

    weight: float
    h: float
    loss_above: float  # at w + h
    loss_below: float  # at w − h
    measured: float  # (loss_above − loss_below) / 2h
    derived: float  # by the gradient function

    @property
    def relative_difference(self) -> float:
        """|measured − derived| / max(|measured|, |derived|); 0 where both are 0."""
        return relative_difference(self.measured, self.derived)


def measure_derivative(
    network: Network,
    parameters: Array,
    samples: Samples,
    indices: Array,
    name: str,
    index: tuple[int, ...],
    h: float = H,
) -> Generator[None, None, MeasuredDerivative]:
    """Derive and measure ∂loss/∂w for the parameter `name` at `index`, on a batch of samples.

    A generator: each `next` does a piece of the work, and the last returns the result. Measuring
    begins with `h` and makes it smaller until a tenth of it measures the same.
    """
    probe = Probe(network, parameters, samples, len(indices), dtype="float64")
    probe.load(indices)
    yield
    probe.loss()
    probe.backward()
    derived = float(probe.gradients[gradient_name(name)][index])
    tensor = probe.parameters[name]
    weight = float(tensor[index])
    yield
    above, below, measured = _measure(probe, tensor, index, h)
    while h > SMALLEST_H:
        yield
        finer = _measure(probe, tensor, index, h / 10)
        rounding = 10 * np.finfo(np.float64).eps * abs(above) / h
        if abs(finer[2] - measured) <= AGREEMENT * abs(measured) + 4 * rounding:
            break
        h, (above, below, measured) = h / 10, finer
    return MeasuredDerivative(weight, h, above, below, measured, derived)


def _measure(
    probe: Probe, tensor: Array, index: tuple[int, ...], h: float
) -> tuple[float, float, float]:
    """The loss at w + h, the loss at w − h, and their difference divided by 2h."""
    weight = float(tensor[index])
    above, below = (_loss_at(probe, tensor, index, weight + side * h) for side in (1, -1))
    return above, below, (above - below) / (2 * h)


def _loss_at(probe: Probe, tensor: Array, index: tuple[int, ...], weight: float) -> float:
    before = np.float64(tensor[index])
    tensor[index] = weight
    loss = probe.loss()
    tensor[index] = before
    return loss
