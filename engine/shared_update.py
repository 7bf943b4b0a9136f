"""The optimizer's update of all parameters, shared by a team."""

from functools import partial

from engine.arrays import Array
from engine.optimizers import Optimizer, OptimizerState
from engine.plan import Stage, shares
from engine.team import Team


class SharedUpdate:
    """Updates flat parameters as an optimizer does, each thread of the team changing a part.

    `steps` receives what was added. Optimizers work element by element, so no bit depends on the
    parts.
    """

    def __init__(self, team: Team, parameters: Array, gradients: Array, steps: Array) -> None:
        self._team = team
        self._arrays = parameters, gradients, steps
        self._planned_for: tuple[Optimizer, OptimizerState, int] | None = None
        self._parts: list[OptimizerState] = []
        self._stage: Stage = ()

    def run(self, optimizer: Optimizer, state: OptimizerState) -> None:
        """Make one update; `state` is the optimizer's, flat like the parameters."""
        self._plan(optimizer, state, self._team.threads)
        for part in self._parts:
            part.iterations = state.iterations
        self._team.run([self._stage])
        state.iterations += 1

    def _plan(self, optimizer: Optimizer, state: OptimizerState, threads: int) -> None:
        if self._planned_for is not None:
            for_optimizer, for_state, for_threads = self._planned_for
            if for_optimizer is optimizer and for_state is state and for_threads == threads:
                return
        parameters, gradients, steps = self._arrays
        parts = shares(len(parameters), threads)
        self._parts = [
            OptimizerState(state.iterations, {k: v[part] for k, v in state.slots.items()})
            for part in parts
        ]
        self._stage = tuple(
            (partial(optimizer.update, parameters[part], gradients[part], own, step=steps[part]),)
            for part, own in zip(parts, self._parts, strict=True)
        )
        self._planned_for = optimizer, state, threads
