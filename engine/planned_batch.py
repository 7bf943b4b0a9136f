"""A training loop's batches, computed in buffers and by calls that are planned once.

They compute the network's chain and its gradient function, call by call. The plan adds three
things: it binds every call to its arrays beforehand; it cuts large calls into blocks of inputs or
of samples, which a team shares; and it leaves out of a large first layer the inputs that are off.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

from engine.active_inputs import ActiveInputs, bits, square
from engine.arrays import Array, FloatType
from engine.chain import gradient_name
from engine.compilation import CompiledNetwork, X, Y, layer_name
from engine.held_block import HeldBlock
from engine.named_tensors import NamedTensors
from engine.plan import (
    Current,
    Gathered,
    Planner,
    Stage,
    Task,
    blocks,
    blocks_of,
    in_place,
    is_large,
)
from engine.samples import Gatherer, Samples, scale_into
from engine.shared_memory import Zeros, zeros_beside
from engine.team import Team
from engine.traces import Phase
from engine.workspace import Workspace

FIRST_LAYER = layer_name(0)
FIRST_WEIGHTS = f"{FIRST_LAYER}.weights"
FIRST_BIAS = f"{FIRST_LAYER}.bias"
FIRST_GRADIENT = gradient_name(FIRST_WEIGHTS)
# For at most so many sizes of batch plans are kept.
PLANS = 64


class Plan:
    """For one size of batch: the stages of each phase, `apart`, and the fewer of all, `through`.

    Each is made when it is first asked for: stepping needs `apart`, training `through`. `phases`
    has for each phase the function that adds its calls to a planner.
    """

    def __init__(
        self, planner: Callable[[], Planner], phases: Mapping[Phase, Callable[[Planner], None]]
    ) -> None:
        self._planner = planner
        self._phases = phases
        # No `cached_property`: before Python 3.12 that has a lock, which a fork may leave locked.
        self._apart: Mapping[Phase, Sequence[Stage]] | None = None
        self._through: Sequence[Stage] | None = None

    @property
    def apart(self) -> Mapping[Phase, Sequence[Stage]]:
        """The stages of each phase."""
        if self._apart is None:
            planner, stages = self._planner(), {}
            for phase, add in self._phases.items():
                add(planner)
                stages[phase] = planner.take()
            self._apart = stages
        return self._apart

    @property
    def through(self) -> Sequence[Stage]:
        """The stages of all phases together."""
        if self._through is None:
            planner = self._planner()
            for add in self._phases.values():
                add(planner)
            self._through = planner.take()
        return self._through


@dataclass(frozen=True, slots=True)
class HeldPlan:
    """A plan for batches of n with the first layer held in blocks, for the state `slots`."""

    n: int
    slots: Mapping[str, Array]
    blocks: Sequence[HeldBlock]
    plan: Plan


class PlannedBatch:
    """Draws batches of up to `capacity` samples and computes them with a team.

    `values` and `gradients` are the batch's tensors by name. Unless the first layer is held, they
    are whole, even if inputs were left out of the computation. Gradients of parameters are written
    into the caller's `gradients`.
    """

    def __init__(
        self,
        compiled: CompiledNetwork,
        parameters: NamedTensors,
        gradients: NamedTensors,
        samples: Samples,
        targets: Array,
        capacity: int,
        team: Team,
        zeros: Zeros = np.zeros,
    ) -> None:
        dtype: FloatType = parameters.flat.dtype
        units, inputs = parameters[FIRST_WEIGHTS].shape
        self._compiled = compiled
        self._parameters = parameters
        self._samples: Samples | None = samples
        self._targets = targets
        self._kinds = _kinds(samples, targets)
        self._team = team
        self._workspace = Workspace(compiled, parameters, targets, capacity, gradients, zeros)
        self._gatherer = Gatherer(samples, capacity, dtype, zeros)
        self._active = [
            ActiveInputs(capacity, block, units, dtype, zeros)
            for block in (blocks(units, inputs, of_samples=True) if is_large(units, inputs) else ())
        ]
        self._shares_on: Array = samples.shares_on if self._active else np.empty(0)
        # Each layer's gradients, flat. The plan itself squares those of a large first layer's
        # weights.
        self._layers = gradients.grouped()
        if self._active:
            self._layers[FIRST_LAYER] = gradients[gradient_name(FIRST_BIAS)]
        self._squares = zeros(len(self._active), dtype)
        # Arrays for the shares of a sum over inputs if there is a helper: if cores are far apart,
        # writing where the other one wrote last is slow. And for the shares of a sum over samples,
        # which have no other place.
        self._rooms: dict[str, list[Array]] = {}
        for link in compiled.forward.links:
            parts = blocks_of(link, parameters)
            if len(parts) > 1 and zeros is not np.zeros:
                size = capacity * len(parameters[link.inputs[1]])
                self._rooms[link.output] = [zeros(size, dtype) for _ in parts]
            elif len(parts) == 1:
                weights = link.inputs[1]
                size = parameters[weights].size
                self._rooms[gradient_name(weights)] = [zeros(size, dtype) for _ in range(2)]
        self._plans: dict[int, Plan] = {}
        self._plan: Plan
        self._held_plan: HeldPlan | None = None
        self._holding: Sequence[HeldBlock] = ()
        self._n = -1
        self.capacity = capacity
        self.values: dict[str, Array] = {}
        self.gradients: dict[str, Array] = {}
        self.gradient_names = self._workspace.gradient_names

    def use(self, samples: Samples, targets: Array) -> bool:
        """From now on draw from these samples, of as many features, and their targets.

        Returns False, with nothing changed, if their types are not those it was made for.
        """
        if samples is self._samples:
            return True
        if _kinds(samples, targets) != self._kinds:
            return False
        self._samples, self._targets = samples, targets
        self._gatherer.source = samples.x
        if self._active and not np.array_equal(samples.shares_on, self._shares_on):
            # Other inputs are frequent. `_shares_on` is set last, since an interrupt may come.
            self._n, self._held_plan, self._shares_on = -1, None, samples.shares_on
        return True

    def let_go_of_samples(self) -> None:
        """Keep no samples alive; none can be drawn before the next `use`."""
        self._samples = None
        self._gatherer.source, self._targets = (
            array[:0].copy() for array in (self._gatherer.source, self._targets)
        )

    def run(self, phase: Phase) -> None:
        """Compute one phase of the batch that was taken; `take` comes before DRAW."""
        self._team.run(self._plan.apart[phase])

    def run_through(self, indices: Array) -> dict[str, float]:
        """Take these samples and run all phases in fewer stages, to the same bits."""
        self.take(indices)
        self._team.run(self._plan.through)
        return self.norms()

    def take(self, indices: Array) -> None:
        """Gather these samples (n,) and their targets for the stages to come."""
        self._resize(len(indices))
        self._gatherer.take(indices, self._gatherer.raw(self.values[X]))
        self._targets.take(indices, axis=0, out=self.values[Y], mode="clip")

    @property
    def through(self) -> Sequence[Stage]:
        """The stages of `run_through` for batches of the size that was taken last."""
        return self._plan.through

    def norms(self) -> dict[str, float]:
        """The L2 norm of each layer's gradient, once that is computed."""
        squares = {layer: float(flat.dot(flat)) for layer, flat in self._layers.items()}
        squares[FIRST_LAYER] += sum(self._squares.tolist())  # of none, 0
        return {layer: math.sqrt(square) for layer, square in squares.items()}

    def hold(self, n: int, steps: Array, slots: Mapping[str, Array]) -> Sequence[HeldBlock]:
        """Hold the first layer's weights and their state, for batches of n, until `let_go`.

        `steps` and `slots` are flat, like the parameters. Returns the blocks; none, with nothing
        held, if the layer is small or most of its inputs are on.
        """
        self._resize(n)
        if not self._active or any(active.used is None for active in self._active):
            return ()
        if self._held_plan is None or self._held_plan.n != n or self._held_plan.slots is not slots:
            weights, gradient = self.values[FIRST_WEIGHTS], self.gradients[FIRST_GRADIENT]
            step, zeros = self._first_weights(steps), zeros_beside(steps)
            of_weights = {name: self._first_weights(slot) for name, slot in slots.items()}
            held = tuple(
                HeldBlock(active, weights, gradient, step, of_weights, zeros)
                for active in self._active
            )
            self._held_plan = HeldPlan(n, slots, held, self._make_plan(held))
        for block in self._held_plan.blocks:
            block.begin()
        self._holding = self._held_plan.blocks
        self._plan = self._held_plan.plan
        return self._holding

    @property
    def is_holding(self) -> bool:
        """Whether anything is held."""
        return bool(self._holding)

    def let_go(self) -> None:
        """Write what is held where it belongs, and compute in whole arrays again."""
        for block in self._holding:
            block.end()
        self._holding = ()
        self._plan = self._plans[self._n]

    def _first_weights(self, flat: Array) -> Array:
        return self._parameters.beside(flat)[FIRST_WEIGHTS]

    def _resize(self, n: int) -> None:
        if n == self._n:
            return
        self._n = -1  # until all is of the new size
        self.values = self._workspace.values(n)
        self.gradients = self._workspace.gradients(n)
        for active in self._active:
            active.expect(n, self._shares_on[active.block])
        if n not in self._plans:
            if len(self._plans) == PLANS:
                self._plans.clear()
            self._plans[n] = self._make_plan()
        self._plan = self._plans[n]
        self._n = n

    def _make_plan(self, held: Sequence[HeldBlock] = ()) -> Plan:
        links, loss_links = self._compiled.forward.links, self._compiled.loss.links
        factors = self._compiled.gradient_function.factors
        arrays_of = self.values | self.gradients
        rooms = {
            name: [_shaped_like(arrays_of[name], flat) for flat in flats]
            for name, flats in self._rooms.items()
        }
        for link, activation in pairwise(links):
            if len(blocks_of(link, arrays_of)) > 1:
                # The activation, of the same shape, is not computed yet: its array is free.
                room = [arrays_of[link.output], arrays_of[activation.output]]
                rooms.setdefault(link.output, room)
        if held:  # nobody looks: fewer arrays suffice, and stay longer in the caches
            places = in_place([*links, *loss_links], factors)
            arrays_of |= {name: arrays_of[result] for name, result in places.items()}
        values = {name: arrays_of[name] for name in self.values}
        gradients = {name: arrays_of[name] for name in self.gradients}
        x, weights, gradient = values[X], values[FIRST_WEIGHTS], gradients[FIRST_GRADIENT]
        raw = self._gatherer.raw(x)
        scale = self._gatherer.scale
        where = [active.block for active in self._active]
        found: list[Task] = []
        gathered: list[Task] = []
        after: list[Task] = []
        arrays: dict[str, list[Current]] = defaultdict(list)
        for number, active in enumerate(self._active):
            block = active.block
            scaled = partial(scale_into, x[:, block], raw[:, block], scale)
            found.append((scaled, partial(active.find, *bits(raw[:, block]))))
            arrays[X].append(partial(active.x_used, x))
            arrays[FIRST_WEIGHTS].append(partial(active.weights_used, weights))
            start = active.frequent if held else 0
            used = held[number].gradient_used if held else partial(active.weights_used, gradient)
            spread = () if held else (partial(active.spread, gradient),)
            arrays[FIRST_GRADIENT].append(used)
            after.append((partial(square, used, self._squares[number, ...]), *spread))
            gather_weights = partial(active.gather_weights, weights, start)
            gathered.append((partial(active.gather_x, x), gather_weights))

        def draw(planner: Planner) -> None:
            if where:
                planner.add_tasks(found, X, where)
            else:
                planner.add_call(partial(scale_into, x, raw, scale), X)

        def forward(planner: Planner) -> None:
            if where:
                planner.add_tasks(gathered, FIRST_WEIGHTS, where)
            planner.add_forward(links, values, rooms)

        def loss(planner: Planner) -> None:
            planner.add_forward(loss_links, values)

        def backward(planner: Planner) -> None:
            planner.add_backward(factors, values, gradients, rooms)

        return Plan(
            partial(Planner, [*links, *loss_links], factors, Gathered(arrays, after)),
            {
                Phase.DRAW: draw,
                Phase.FORWARD: forward,
                Phase.LOSS: loss,
                Phase.BACKWARD: backward,
            },
        )


def _kinds(samples: Samples, targets: Array) -> tuple[object, ...]:
    return samples.x.dtype, samples.scale, targets.ndim


def _shaped_like(array: Array, flat: Array) -> Array:
    return flat[: array.size].reshape(array.shape, order="C" if array.flags.c_contiguous else "F")
