"""The optimizer's update of all parameters, shared by a team."""

from collections.abc import Callable, Sequence
from functools import partial

from engine.arrays import Array
from engine.held_block import HeldBlock
from engine.optimizers import Optimizer, OptimizerState
from engine.plan import Stage, parts, pieces
from engine.shared_memory import SHARED_FROM
from engine.team import Team


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
        # The stage for whole arrays and the one for held blocks, each with what it is for.
        self._planned: dict[bool, tuple[Optimizer, OptimizerState, Sequence[HeldBlock], Stage]] = {}

    def run(
        self, optimizer: Optimizer, state: OptimizerState, held: Sequence[HeldBlock] = ()
    ) -> None:
        """Make one update; `state` is the optimizer's, flat like the parameters.

        The first parameters are left to the blocks that are held, if any are.
        """
        self._iterations[...] = state.iterations
        self._team.run([self._stage(optimizer, state, held)])
        state.iterations += 1

    def _stage(
        self, optimizer: Optimizer, state: OptimizerState, held: Sequence[HeldBlock]
    ) -> Stage:
        planned = self._planned.get(bool(held))
        if planned is not None:
            for_optimizer, for_state, for_held, stage = planned
            same_held = for_held is held or not held
            if for_optimizer is optimizer and for_state is state and same_held:
                return stage
        stage = Stage(self._tasks(optimizer, state, held))
        self._planned[bool(held)] = optimizer, state, held, stage
        return stage

    def _tasks(
        self, optimizer: Optimizer, state: OptimizerState, held: Sequence[HeldBlock]
    ) -> list[list[Callable[[], object]]]:
        tasks: list[list[Callable[[], object]]] = [
            [partial(block.update, optimizer, self._iterations)] for block in held
        ]
        start = sum(block.size for block in held)
        size = len(self._arrays[0]) - start
        for number, part in enumerate(parts(size, cut=size >= SHARED_FROM)):
            if number == len(tasks):
                tasks.append([])
            for piece in pieces(slice(start + part.start, start + part.stop)):
                update = partial(
                    _update,
                    optimizer,
                    OptimizerState(0, {name: slot[piece] for name, slot in state.slots.items()}),
                    self._iterations,
                    *(array[piece] for array in self._arrays),
                )
                tasks[number].append(update)
        return tasks


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
