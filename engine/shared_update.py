"""The optimizer's update of all parameters, shared by a team."""

from functools import partial
from itertools import pairwise

from engine.arrays import Array
from engine.optimizers import Optimizer, OptimizerState
from engine.plan import BLOCK, FIRST_BLOCK
from engine.team import Team


def shared_update(
    team: Team,
    optimizer: Optimizer,
    parameters: Array,
    gradients: Array,
    steps: Array,
    state: OptimizerState,
) -> None:
    """One update, as `optimizer.update` makes it, each thread changing a part of the parameters.

    All arrays are flat. Optimizers work element by element, so no bit depends on the parts.
    """
    tasks = []
    for part in (slice(*bound) for bound in pairwise(_bounds(len(parameters), team.threads))):
        own = OptimizerState(state.iterations, {k: v[part] for k, v in state.slots.items()})
        arrays = parameters[part], gradients[part], own
        tasks.append((partial(optimizer.update, *arrays, step=steps[part]),))
    team.run([tasks])
    state.iterations += 1


def _bounds(size: int, threads: int) -> list[int]:
    """Where the parts begin and end: the caller's is larger, as the first block of a product is."""
    if threads == 1:
        return [0, size]
    first = size * FIRST_BLOCK // (BLOCK * threads)
    helpers = threads - 1
    return [0, *(first + (size - first) * part // helpers for part in range(threads))]
