"""What decides the future of a training loop, as a record."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.arrays import Array


@dataclass(frozen=True, repr=False)
class LoopState:
    """A training loop at a batch boundary; restored, it goes on bit for bit as it would have.

    `parameters` and the arrays of `slots` (the optimizer's state) are flat copies, all of one
    length. `optimizer` is the optimizer's configuration, `iterations` the updates it made. The
    samples, the layers and the seed belong to the network and are not part of it.
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

    @property
    def nbytes(self) -> int:
        """Bytes held in arrays."""
        return int(self.parameters.nbytes) + sum(int(slot.nbytes) for slot in self.slots.values())

    def __repr__(self) -> str:
        return f"LoopState(batch {self.batch}, {self.nbytes / 1e6:.1f} MB)"
