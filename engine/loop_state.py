"""A record of everything that decides the future of a training loop."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine import optimizers
from engine.arrays import Array
from engine.checks import whole_number
from engine.errors import ConfigurationError, ShapeError

# The slot whose square root optimizers compute.
MEAN_SQUARE = "v"


@dataclass(frozen=True, repr=False)
class LoopState:
    """A training loop at a batch boundary; once restored, it goes on bit for bit as it would have.

    `parameters` and the arrays of `slots` (the optimizer's state) are flat copies, all of the same
    length. `optimizer` is the optimizer's configuration, `iterations` the number of its updates.
    Samples, layers and seed are not part of the state.
    """

    parameters: Array
    optimizer: Mapping[str, object]
    iterations: int
    slots: Mapping[str, Array]
    batch: int
    epoch: int
    batch_in_epoch: int
    position: int
    batch_size: int

    def check(self, parameters: Array, samples: int) -> None:
        """Raise ShapeError or ConfigurationError unless it fits these parameters and samples."""
        for what, array in {"parameters": self.parameters, **self.slots}.items():
            if array.shape != parameters.shape or array.dtype != parameters.dtype:
                raise ShapeError(
                    f"expected a state with {what} of shape {parameters.shape} "
                    f"{parameters.dtype}, got {array.shape} {array.dtype}",
                    "restore the state of a network of the same layers and dtype",
                )
            if not np.isfinite(array).all():
                raise ShapeError(
                    f"expected a state with finite {what}, got some infinite or not a number",
                    "restore a state that a loop has given",
                )
            if what == MEAN_SQUARE and array.min() < 0:
                raise ConfigurationError(
                    f"expected a state with {what} of at least 0, since it is a mean of squares, "
                    f"got {array.min():g}",
                    "restore a state that a loop has given",
                )
        slots = optimizers.get(self.optimizer).slots
        if set(self.slots) != set(slots):
            raise ConfigurationError(
                f"expected the optimizer state {sorted(slots)}, got {sorted(self.slots)}",
                "restore the state together with the optimizer it belongs to",
            )
        whole_number(self.batch_size, "the batch size")
        for name in ("iterations", "batch", "epoch", "batch_in_epoch", "position"):
            whole_number(getattr(self, name), name, least=0)
        if self.position >= samples:
            raise ConfigurationError(
                f"expected a position below {samples}, the number of samples, got {self.position}",
                "restore the state of a loop over the same samples",
            )

    @property
    def nbytes(self) -> int:
        """Bytes held in arrays."""
        return int(self.parameters.nbytes) + sum(int(slot.nbytes) for slot in self.slots.values())

    def __repr__(self) -> str:
        return f"LoopState(batch {self.batch}, {self.nbytes / 1e6:.1f} MB)"
