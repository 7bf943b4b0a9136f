"""The phases of the training loop, and the records of what each computed.

The arrays of a trace are views into the loop's buffers: they are valid until the same phase runs
again. Copy what you want to keep.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from engine.arrays import Array


class Phase(StrEnum):
    """The five phases of a batch, in order."""

    DRAW = "draw"
    FORWARD = "forward"
    LOSS = "loss"
    BACKWARD = "backward"
    UPDATE = "update"


@dataclass(frozen=True, slots=True, repr=False)
class Trace:
    """What every trace has: the number of the batch it belongs to, counted from 1."""

    phase: ClassVar[Phase]

    batch: int

    def __repr__(self) -> str:
        return f"{type(self).__name__}(batch {self.batch})"


@dataclass(frozen=True, slots=True, repr=False)
class DrawTrace(Trace):
    """The batch that was drawn: sample numbers (n,), x (n, features), y (n,) or (n, k).

    `epoch` counts the epochs completed before this batch.
    """

    phase: ClassVar[Phase] = Phase.DRAW

    epoch: int
    indices: Array
    x: Array
    y: Array


@dataclass(frozen=True, slots=True, repr=False)
class ForwardTrace(Trace):
    """Each layer's dot(W, x) + b, and the activation of that, in order, each (n, units)."""

    phase: ClassVar[Phase] = Phase.FORWARD

    preactivations: tuple[Array, ...]
    activations: tuple[Array, ...]

    @property
    def predictions(self) -> Array:
        """The last layer's activations, y_pred (n, outputs)."""
        return self.activations[-1]


@dataclass(frozen=True, slots=True, repr=False)
class LossTrace(Trace):
    """The loss of each sample (n,), their mean, and the share of right predictions.

    `accuracy` is None if the network was compiled without it.
    """

    phase: ClassVar[Phase] = Phase.LOSS

    per_sample: Array
    loss: float
    accuracy: float | None


@dataclass(frozen=True, slots=True, repr=False)
class BackwardTrace(Trace):
    """Gradients by tensor name ("layer1.weights.gradient"), and the L2 norm of each layer's."""

    phase: ClassVar[Phase] = Phase.BACKWARD

    gradients: Mapping[str, Array]
    gradient_norms: Mapping[str, float]


@dataclass(frozen=True, slots=True, repr=False)
class UpdateTrace(Trace):
    """Parameters after the update, the steps that led there, and the optimizer's state, by name.

    W1 = W0 + step: `parameters["layer1.weights"]` is W1, `steps["layer1.weights.step"]` the step.
    `epoch` counts the epochs completed with this batch.
    """

    phase: ClassVar[Phase] = Phase.UPDATE

    epoch: int
    learning_rate: float
    parameters: Mapping[str, Array]
    steps: Mapping[str, Array]
    state: Mapping[str, Array]
