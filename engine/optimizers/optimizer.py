"""What all optimizers have in common: a configuration, and a rule over explicit, named state."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np

from engine.arrays import Array
from engine.checks import real_number
from engine.errors import ConfigurationError
from engine.shared_memory import zeros_beside

LARGEST_LEARNING_RATE = 1e12


@dataclass
class OptimizerState:
    """What an optimizer remembers: how many updates it made, and named arrays shaped like W."""

    iterations: int
    slots: dict[str, Array]

    def copy(self) -> "OptimizerState":
        """The same state in arrays of its own."""
        return OptimizerState(self.iterations, {k: v.copy() for k, v in self.slots.items()})

    def become(self, iterations: int, slots: Mapping[str, Array]) -> None:
        """Copy another state of the same slots into the arrays of this one."""
        self.iterations = iterations
        for name, slot in self.slots.items():
            np.copyto(slot, slots[name])


@dataclass(frozen=True)
class Optimizer(ABC):
    """A rule W1 = W0 + step, where the step follows from the gradient and the state.

    Instances are immutable configurations; the state lives outside, in an OptimizerState.
    The learning rate is at most 1e12, so that a gradient of finite norm keeps every number of the
    update finite, in float32 too.
    """

    name: ClassVar[str]

    learning_rate: float = 0.001

    def __post_init__(self) -> None:
        rate = real_number(self.learning_rate, "the learning rate")
        if not 0 < rate <= LARGEST_LEARNING_RATE:
            raise ConfigurationError(
                "expected the learning rate to be above 0 and at most "
                f"{LARGEST_LEARNING_RATE:g}, got {rate}",
                "0.001 is a usual choice",
            )
        object.__setattr__(self, "learning_rate", rate)

    @property
    @abstractmethod
    def slots(self) -> tuple[str, ...]:
        """The names of the state arrays this configuration keeps."""

    @abstractmethod
    def update(
        self, parameters: Array, gradients: Array, state: OptimizerState, *, step: Array
    ) -> None:
        """Change `parameters` and `state` in place; `step` receives what was added.

        All arrays have one shape, whatever it is. W1 = W0 + step.
        """

    @property
    def moves_without_gradient(self) -> bool:
        """Whether an update moves a parameter whose gradient is 0, as momentum does.

        If it does not, `update_without_gradient` must change the state just as `update` does; keep
        the two in step.
        """
        return True

    def update_without_gradient(self, state: OptimizerState) -> None:
        """Change the slots as `update` does where the gradient is 0 and no parameter moves."""
        raise NotImplementedError(f"{self.name} moves parameters without a gradient")

    def init(self, parameters: Array) -> OptimizerState:
        """The state before the first update: zeros of the parameters' shape and type."""
        zeros = zeros_beside(parameters)
        return OptimizerState(
            0, {slot: zeros(parameters.shape, parameters.dtype) for slot in self.slots}
        )

    def adopt(
        self, previous: "Optimizer", state: OptimizerState, parameters: Array
    ) -> OptimizerState:
        """The state after a change from `previous`: kept if of the same class, else a new one.

        A slot that `previous` did not have (velocity, when momentum is switched on) is zeros.
        """
        fresh = self.init(parameters)
        if type(previous) is not type(self):
            return fresh
        kept = {slot: state.slots.get(slot, zeros) for slot, zeros in fresh.slots.items()}
        return OptimizerState(state.iterations, kept)

    def config(self) -> dict[str, object]:
        """The optimizer as plain data: {"name": "rmsprop", "learning_rate": 0.001, ...}."""
        return {"name": self.name, **{one.name: getattr(self, one.name) for one in fields(self)}}


def fraction(optimizer: Optimizer, name: str) -> None:
    """Check that a decay rate is from 0 to below 1, by more than float32's rounding."""
    value = real_number(getattr(optimizer, name), name)
    if not 0 <= value <= 1 - 1e-7:
        raise ConfigurationError(
            f"expected {name} to be from 0 to 0.9999999, got {value}", "0.9 is a usual choice"
        )
    object.__setattr__(optimizer, name, value)


def small_positive(optimizer: Optimizer, name: str) -> None:
    """Check a number that keeps a denominator from zero, in float32 too."""
    value = real_number(getattr(optimizer, name), name)
    if not 1e-12 <= value <= 1:
        raise ConfigurationError(
            f"expected {name} to be from 1e-12 to 1, got {value:g}", "1e-7 is a usual choice"
        )
    object.__setattr__(optimizer, name, value)
