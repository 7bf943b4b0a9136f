"""The optimizer's update of all parameters, shared by a team."""

from functools import partial

from engine.arrays import Array
from engine.optimizers import Optimizer, OptimizerState
from engine.plan import Stage, parts
from engine.shared_memory import SHARED_FROM
from engine.team import Team

# Elements of which parameters, gradient, state and step fit into a core's cache together.
PIECE = 1 << 16


class SharedUpdate:
    """Updates flat parameters as an optimizer does; many in two parts that a team can share.

    `steps` receives what was added; in `iterations` () the helper reads how many updates there
    were. Optimizers work element by element, so no bit depends on how the arrays are cut.
    """

    def __init__(
        self, team: Team, parameters: Array, gradients: Array, steps: Array, iterations: Array
    ) -> None:
        self._team = team
        self._arrays = parameters, gradients, steps
        self._iterations = iterations
        self._planned_for: tuple[Optimizer, OptimizerState] | None = None
        self._stage = Stage(())

    def run(self, optimizer: Optimizer, state: OptimizerState) -> None:
        """Make one update; `state` is the optimizer's, flat like the parameters."""
        self._plan(optimizer, state)
        self._iterations[...] = state.iterations
        self._team.run([self._stage])
        state.iterations += 1

    def _plan(self, optimizer: Optimizer, state: OptimizerState) -> None:
        if self._planned_for is not None:
            for_optimizer, for_state = self._planned_for
            if for_optimizer is optimizer and for_state is state:
                return
        size = len(self._arrays[0])
        self._stage = Stage(
            [
                [
                    partial(
                        _update,
                        optimizer,
                        OptimizerState(0, {k: slot[piece] for k, slot in state.slots.items()}),
                        self._iterations,
                        *(array[piece] for array in self._arrays),
                    )
                    for piece in _pieces(part)
                ]
                for part in parts(size, cut=size >= SHARED_FROM)
            ]
        )
        self._planned_for = optimizer, state


def _pieces(part: slice) -> list[slice]:
    starts = range(part.start, part.stop, PIECE)
    return [slice(start, min(start + PIECE, part.stop)) for start in starts]


def _update(
    optimizer: Optimizer,
    state: OptimizerState,
    iterations: Array,
    parameters: Array,
    gradients: Array,
    step: Array,
) -> None:
    state.iterations = int(iterations)
    optimizer.update(parameters, gradients, state, step=step)
