"""The first layer's weights and their state, held by input from one batch to the next.

Most inputs that a batch uses, the next one uses too. If nobody looks at the arrays between two
batches, the weights of these inputs and their optimizer state stay where the products read them,
instead of being picked out and put back. The optimizer then updates only the weights that are used.
The weights of rare inputs that are off stay as they are, and their optimizer state decays.
"""

from collections.abc import Mapping

from engine.active_inputs import ActiveInputs
from engine.arrays import Array
from engine.optimizers import Optimizer, OptimizerState
from engine.plan import pieces
from engine.shared_memory import Zeros


class HeldBlock:
    """A block of inputs that is held from `begin` to `end`, for batches of the size of `active`.

    Meanwhile `weights` is right for the rare inputs only, and the optimizer state in `slots` for no
    input; `gradient` and `step` are used as scratch memory. All are (units, inputs).
    """

    def __init__(
        self,
        active: ActiveInputs,
        weights: Array,
        gradient: Array,
        step: Array,
        slots: Mapping[str, Array],
        zeros: Zeros,
    ) -> None:
        block = active.block
        self._active = active
        self._weights = weights
        self._gradient = gradient.T[block]
        self._whole = {name: slot.T[block] for name, slot in slots.items()}
        # Rows of the frequent inputs and of the rare ones that are on; and rows of all rare ones.
        inputs, self._units = self._gradient.shape
        rare = inputs - active.frequent
        self._used = {name: zeros((inputs, self._units), step.dtype) for name in slots}
        self._rare = {name: zeros((rare, self._units), step.dtype) for name in slots}
        # What the optimizer updates, flat: parameters, gradient, step, and the state.
        self._flat = [rows.reshape(-1) for rows in (active.rows, self._gradient, step.T[block])]
        self._flat_slots = {name: rows.reshape(-1) for name, rows in self._used.items()}

    @property
    def size(self) -> int:
        """How many weights the block has."""
        return self._gradient.size

    def begin(self) -> None:
        """Copy here the frequent inputs' weights, and the state of all inputs."""
        frequent, rare = self._active.frequent_and_rare()
        self._active.gather_weights(self._weights)
        for name, whole in self._whole.items():
            self._used[name][: len(frequent)] = whole[frequent]
            self._rare[name][:] = whole[rare]

    def end(self) -> None:
        """Write back what `begin` copied."""
        frequent, rare = self._active.frequent_and_rare()
        self._active.put_weights(self._weights, 0, len(frequent))
        for name, whole in self._whole.items():
            whole[frequent] = self._used[name][: len(frequent)]
            whole[rare] = self._rare[name]

    def gradient_used(self) -> Array:
        """The gradient with respect to the used weights (units, k)."""
        return self._gradient[: self._active.used].T

    def update(self, optimizer: Optimizer, iterations: Array) -> None:
        """Update the used weights and the state of all; `iterations` () counts earlier updates."""
        active, count = self._active, int(iterations)
        m, rare_on = active.frequent, active.rare_on
        k = m + len(rare_on)
        for name, rows in self._used.items():
            self._rare[name].take(rare_on, axis=0, out=rows[m:k], mode="clip")
        for piece in pieces(slice(0, k * self._units)):
            state = OptimizerState(
                count, {name: slot[piece] for name, slot in self._flat_slots.items()}
            )
            parameters, gradient, step = (flat[piece] for flat in self._flat)
            optimizer.update(parameters, gradient, state, step=step)
        active.put_weights(self._weights, m, k)
        optimizer.update_without_gradient(OptimizerState(count, self._rare))
        for name, rows in self._used.items():
            self._rare[name][rare_on] = rows[m:k]
