"""The optimizer's update of all parameters, shared by a team."""

from collections.abc import Sequence
from functools import partial

from engine.arrays import Array
from engine.held_block import HeldBlock
from engine.optimizers import Optimizer, OptimizerState
from engine.plan import Stage, Task, parts, pieces
from engine.shared_memory import SHARED_FROM
from engine.team import Team


class SharedUpdate:
    """Updates flat parameters by an optimizer; many of them in two parts that a team shares.

    `steps` receives what was added. The helper reads in `iterations` () how many updates came
    before. Optimizers work element by element, so no bit depends on how the arrays are cut.
    """

    def __init__(
        self, team: Team, parameters: Array, gradients: Array, steps: Array, iterations: Array
    ) -> None:
        self._team = team
        self._arrays = parameters, gradients, steps
        self._iterations = iterations
        self._planned: tuple[Optimizer, OptimizerState, Stage] | None = None

    def run(self, optimizer: Optimizer, state: OptimizerState) -> None:
        """Make one update; `state` is the optimizer's, flat like the parameters."""
        planned = self._planned
        if planned is None or planned[0] is not optimizer or planned[1] is not state:
            stage = Stage(self.tasks(optimizer, state))
            planned = self._planned = optimizer, state, stage
        self.expect(state)
        self._team.run([planned[2]])
        state.iterations += 1

    def expect(self, state: OptimizerState) -> None:
        """Tell the tasks that run next how many updates `state` has counted so far."""
        self._iterations[...] = state.iterations

    def tasks_with_held(
        self, optimizer: Optimizer, held: Sequence[HeldBlock], state: OptimizerState, layer: int
    ) -> tuple[list[Task], list[Task]]:
        """The tasks that update the first layer; and those for all other parameters, if many.

        `layer` is the number of the first layer's parameters. There is a task for each held block
        of its weights. The first task also updates the layer's biases and, if the other parameters
        are few, those as well.
        """
        are_many = self._are_many(layer)
        tasks: list[Task] = [[partial(block.update, optimizer, self._iterations)] for block in held]
        stop = layer if are_many else len(self._arrays[0])
        behind = slice(sum(block.size for block in held), stop)
        tasks[0] = [*tasks[0], *self._calls(optimizer, state, behind)]
        return tasks, self.tasks(optimizer, state, layer) if are_many else []

    def tasks(self, optimizer: Optimizer, state: OptimizerState, start: int = 0) -> list[Task]:
        """The tasks that update all parameters from `start` on: two if there are many, else one."""
        size = len(self._arrays[0]) - start
        return [
            self._calls(optimizer, state, slice(start + part.start, start + part.stop))
            for part in parts(size, cut=self._are_many(start))
        ]

    def _are_many(self, start: int) -> bool:
        return len(self._arrays[0]) - start >= SHARED_FROM

    def _calls(self, optimizer: Optimizer, state: OptimizerState, part: slice) -> Task:
        return [
            partial(
                _update,
                optimizer,
                OptimizerState(0, {name: slot[piece] for name, slot in state.slots.items()}),
                self._iterations,
                *(array[piece] for array in self._arrays),
            )
            for piece in pieces(part)
        ]


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
