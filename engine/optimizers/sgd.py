"""Stochastic gradient descent, with or without momentum."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from engine.arrays import Array
from engine.optimizers.optimizer import Optimizer, OptimizerState, fraction


@dataclass(frozen=True)
class SGD(Optimizer):
    """W1 = W0 − lr g; with momentum m: velocity = m velocity − lr g, W1 = W0 + velocity.

    Source: keras.optimizers.SGD, without nesterov. State: "velocity" if momentum > 0, else none.
    """

    name: ClassVar[str] = "sgd"

    learning_rate: float = 0.01
    momentum: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        fraction(self, "momentum")

    @property
    def slots(self) -> tuple[str, ...]:
        return ("velocity",) if self.momentum else ()

    @property
    def moves_without_gradient(self) -> bool:
        return bool(self.momentum)

    def update_without_gradient(self, state: OptimizerState) -> None:
        if self.momentum:  # without it there is no state
            super().update_without_gradient(state)

    def update(
        self, parameters: Array, gradients: Array, state: OptimizerState, *, step: Array
    ) -> None:
        np.multiply(gradients, -self.learning_rate, out=step)
        if self.momentum:
            velocity = state.slots["velocity"]
            velocity *= self.momentum
            velocity += step
            np.copyto(step, velocity)
        parameters += step
        state.iterations += 1
