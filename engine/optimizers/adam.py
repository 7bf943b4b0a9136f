"""Adam: momentum and a running mean square, both corrected for their start at zero."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from engine.arrays import Array
from engine.optimizers.optimizer import Optimizer, OptimizerState, fraction, small_positive


@dataclass(frozen=True)
class Adam(Optimizer):
    """m += (g − m)(1 − beta_1); v += (g² − v)(1 − beta_2); W1 = W0 − alpha m / (sqrt(v) + epsilon).

    alpha = lr sqrt(1 − beta_2^t) / (1 − beta_1^t), t = 1 in the first update. Source:
    keras.optimizers.Adam; epsilon is the "epsilon hat" of Kingma and Ba, 2015, section 2.
    State: "m", "v".
    """

    name: ClassVar[str] = "adam"

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7

    def __post_init__(self) -> None:
        super().__post_init__()
        fraction(self, "beta_1")
        fraction(self, "beta_2")
        small_positive(self, "epsilon")

    @property
    def slots(self) -> tuple[str, ...]:
        return ("m", "v")

    def update(
        self, parameters: Array, gradients: Array, state: OptimizerState, *, step: Array
    ) -> None:
        alpha = self._alpha(state.iterations + 1, parameters.dtype)
        m, v = state.slots["m"], state.slots["v"]
        np.subtract(gradients, m, out=step)
        step *= 1 - self.beta_1
        m += step
        np.square(gradients, out=step)
        step -= v
        step *= 1 - self.beta_2
        v += step
        np.sqrt(v, out=step)
        step += self.epsilon
        np.divide(m, step, out=step)
        step *= -alpha
        parameters += step
        state.iterations += 1

    def _alpha(self, t: int, dtype: np.dtype[Any]) -> Any:
        # In the weights' own type, as in Keras: in float32 1 − 0.999^t is off by 1e-5, which shows
        # in a trajectory.
        number = dtype.type
        rate, decay_1, decay_2 = map(number, (self.learning_rate, self.beta_1, self.beta_2))
        return rate * np.sqrt(1 - decay_2 ** number(t)) / (1 - decay_1 ** number(t))
