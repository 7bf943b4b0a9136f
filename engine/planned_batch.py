"""A training loop's batches, computed in buffers and by calls that are planned once.

What is computed is the network's chain and its gradient function, call by call. The plan adds
three things: every call is bound to its arrays beforehand, large ones are cut into blocks, of
inputs or of samples, that a team shares, and a large first layer works on the inputs that are on
in the batch.
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
# Sizes of batch for which plans are kept.
PLANS = 64


class Plan:
    """For one size of batch the stages of each phase, and those of all at once, fewer.

    They are made when they are first asked for: to step takes `apart`, to train on `through`.
    `phases` add theirs to a planner, each in its turn.
    """

    def __init__(
        self, planner: Callable[[], Planner], phases: Mapping[Phase, Callable[[Planner], None]]
    ) -> None:
        self._planner = planner
        self._phases = phases
        # Not by `cached_property`: before Python 3.12 it has a lock, which a fork may leave taken.
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
        """The stages of all at once."""
        if self._through is None:
            planner = self._planner()
            for add in self._phases.values():
                add(planner)
            self._through = planner.take()
        return self._through


@dataclass(frozen=True, slots=True)
class HeldPlan:
    """A plan for batches of n that holds the first layer in blocks; and the state it is for."""

    n: int
    slots: Mapping[str, Array]
    blocks: Sequence[HeldBlock]
    plan: Plan


class PlannedBatch:
    """Draws batches of up to `capacity` samples and computes them with a team.

    `values` and `gradients` are the batch's tensors by name, whole, whatever was left out in
    computing them, unless the first layer is held; gradients of parameters go into the caller's
    `gradients`.
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
        # Of each layer the gradients, flat. Those of a large first layer's weights are squared in
        # the plan.
        self._layers = gradients.grouped()
        if self._active:
            self._layers[FIRST_LAYER] = gradients[gradient_name(FIRST_BIAS)]
        self._squares = zeros(len(self._active), dtype)
        # For the shares of a sum over inputs where there is a helper: to write where the other core
        # has written last takes long if cores are far apart. And for those of a sum over samples,
        # which have no room elsewhere.
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
        """Draw from these samples and their targets from now on, whose features are as many.

        False, with nothing changed, if they are of other kinds than those it was made for.
        """
        if samples is self._samples:
            return True
        if _kinds(samples, targets) != self._kinds:
            return False
        self._samples, self._targets = samples, targets
        self._gatherer.source = samples.x
        if self._active and not np.array_equal(samples.shares_on, self._shares_on):
            # Other inputs are frequent. What is compared comes last: an interrupt may come between.
            self._n, self._held_plan, self._shares_on = -1, None, samples.shares_on
        return True

    def let_go_of_samples(self) -> None:
        """Keep none of them alive; none can be drawn before others are in `use`."""
        self._samples = None
        self._gatherer.source, self._targets = (
            array[:0].copy() for array in (self._gatherer.source, self._targets)
        )

    def run(self, phase: Phase) -> None:
        """Compute one phase of the batch that was taken: before DRAW is run, it has to be."""
        self._team.run(self._plan.apart[phase])

    def run_through(self, indices: Array) -> dict[str, float]:
        """Take these samples and run all phases, to the same bits, in fewer stages."""
        self.take(indices)
        self._team.run(self._plan.through)
        return self.norms()

    def take(self, indices: Array) -> None:
        """Gather these samples (n,), for the stages to come, and their targets."""
        self._resize(len(indices))
        self._gatherer.take(indices, self._gatherer.raw(self.values[X]))
        self._targets.take(indices, axis=0, out=self.values[Y], mode="clip")

    @property
    def through(self) -> Sequence[Stage]:
        """The stages of `run_through` for batches of the present size, once one is taken."""
        return self._plan.through

    def norms(self) -> dict[str, float]:
        """The L2 norm of each layer's gradient, when that has been computed."""
        squares = {layer: float(flat.dot(flat)) for layer, flat in self._layers.items()}
        squares[FIRST_LAYER] += sum(self._squares.tolist())  # of none, 0
        return {layer: math.sqrt(square) for layer, square in squares.items()}

    def hold(self, n: int, steps: Array, slots: Mapping[str, Array]) -> Sequence[HeldBlock]:
        """Let the first layer's weights and their state be held, for batches of n, until `let_go`.

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
                # What the activation computes, of the same shape, is not there yet.
                room = [arrays_of[link.output], arrays_of[activation.output]]
                rooms.setdefault(link.output, room)
        if held:  # nobody looks, so fewer arrays do, which the caches hold longer
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
