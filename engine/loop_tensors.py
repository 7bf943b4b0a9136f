"""The tensors of a training loop, by name."""

from collections.abc import Mapping

from engine.arrays import Array
from engine.errors import NotComputedError, UnknownTensorError
from engine.network import Network
from engine.optimizers import OptimizerState
from engine.traces import Phase


class LoopTensors:
    """Parameters and optimizer state, which are always there, and what each phase has published.

    `phases` maps the name of each tensor that a phase computes to that phase.
    """

    def __init__(self, network: Network, phases: Mapping[str, Phase]) -> None:
        self._network = network
        self._phases = dict(phases)
        self._published: dict[Phase, Mapping[str, Array]] = {}
        self._viewed: OptimizerState | None = None
        self._state_views: dict[str, Array] = {}

    def names(self) -> list[str]:
        """The names of all tensors, including those that have yet to be computed."""
        return sorted((*self._phases, *self._network.parameters, *self.optimizer_state()))

    def computed_names(self) -> list[str]:
        """The names that `get` answers now."""
        published = [name for name in self._phases if self._computed(name) is not None]
        return sorted((*published, *self._network.parameters, *self.optimizer_state()))

    @property
    def has_gradient(self) -> bool:
        """Whether a backward pass has published gradients that are still valid."""
        return Phase.BACKWARD in self._published

    def publish(self, phase: Phase, arrays: Mapping[str, Array]) -> None:
        """Make the arrays that a phase has computed available; others may be among them."""
        self._published[phase] = arrays

    def withdraw(self) -> None:
        """Forget what phases have published: their batch has failed, or was left behind."""
        self._published.clear()

    def get(self, name: str) -> Array:
        """The tensor of that name. Raises UnknownTensorError or NotComputedError."""
        computed = self._computed(name)
        if computed is not None:
            return computed
        if name in self._network.parameters:
            return self._network.parameters[name]
        if name in self._phases:
            raise NotComputedError(
                f"expected {name} to be computed, got no batch yet in which it is",
                f"run the phase {self._phases[name]} first",
            )
        optimizer_state = self.optimizer_state()
        if name not in optimizer_state:
            raise UnknownTensorError(
                f"expected the name of a tensor, got {name!r:.60}",
                f"choose among {', '.join(self.names())}",
            )
        return optimizer_state[name]

    def _computed(self, name: str) -> Array | None:
        if name not in self._phases:
            return None
        return self._published.get(self._phases[name], {}).get(name)

    def optimizer_state(self) -> dict[str, Array]:
        """The optimizer's state as tensors shaped like the parameters: "layer1.weights.v"."""
        state = self._network.optimizer_state
        if self._viewed is not state:
            parameters = self._network.parameters
            views = [parameters.beside(flat, f".{slot}") for slot, flat in state.slots.items()]
            self._state_views = {name: view[name] for view in views for name in view}
            self._viewed = state
        return self._state_views
