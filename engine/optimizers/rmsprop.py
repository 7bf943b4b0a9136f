"""RMSprop: each weight's gradient is divided by its recent root mean square."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from engine.arrays import Array
from engine.optimizers.optimizer import Optimizer, OptimizerState, fraction, small_positive


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """v = rho v + (1 − rho) g²; W1 = W0 − lr g / sqrt(v + epsilon).

    Source: keras.optimizers.RMSprop, not centred and without momentum. Epsilon stands inside the
    root; PyTorch has it outside. State: "v".
    """

    name: ClassVar[str] = "rmsprop"

    rho: float = 0.9
    epsilon: float = 1e-7

    def __post_init__(self) -> None:
        super().__post_init__()
        fraction(self, "rho")
        small_positive(self, "epsilon")

    @property
    def slots(self) -> tuple[str, ...]:
        return ("v",)

    @property
    def moves_without_gradient(self) -> bool:
        return False

    def update_without_gradient(self, state: OptimizerState) -> None:
        state.slots["v"] *= self.rho

    def update(
        self, parameters: Array, gradients: Array, state: OptimizerState, *, step: Array
    ) -> None:
        v = state.slots["v"]
        v *= self.rho
        np.square(gradients, out=step)
        step *= 1 - self.rho
        v += step
        np.add(v, self.epsilon, out=step)
        np.sqrt(step, out=step)
        np.divide(gradients, step, out=step)
        step *= -self.learning_rate
        parameters += step
        state.iterations += 1
