"""A training loop's batches, computed in buffers and by calls that are planned once.

What is computed is the network's chain and its gradient function, call by call. The plan adds
three things: every call is bound to its arrays beforehand, large ones are cut into blocks, of
inputs or of samples, that a team shares, and a large first layer works on the inputs that are on
in the batch.
"""

import math
from collections import defaultdict
from dataclasses import dataclass
from functools import partial

import numpy as np

from engine.active_inputs import ActiveInputs
from engine.arrays import Array, FloatType
from engine.chain import gradient_name
from engine.compilation import CompiledNetwork, X, Y, layer_name
from engine.named_tensors import NamedTensors
from engine.plan import (
    Current,
    Gathered,
    Stage,
    Task,
    backward_stages,
    blocks,
    blocks_of,
    forward_stages,
    is_large,
)
from engine.samples import Gatherer, Samples, scale_into
from engine.shared_memory import Zeros
from engine.team import Team
from engine.workspace import Workspace

FIRST_WEIGHTS = f"{layer_name(0)}.weights"
FIRST_BIAS = f"{layer_name(0)}.bias"
# Sizes of batch for which plans are kept.
PLANS = 64


@dataclass(frozen=True, slots=True)
class Plan:
    """The stages of each phase, for one size of batch."""

    draw: tuple[Stage, ...]
    forward: tuple[Stage, ...]
    loss: tuple[Stage, ...]
    backward: tuple[Stage, ...]


class PlannedBatch:
    """Draws batches of up to `capacity` samples and computes them with a team.

    `values` and `gradients` are the batch's tensors by name, whole, whatever was left out in
    computing them; gradients of parameters go into the caller's `gradients`.
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
        self._targets = targets
        self._team = team
        self._workspace = Workspace(compiled, parameters, targets, capacity, gradients, zeros)
        self._gatherer = Gatherer(samples.x, samples.scale, capacity, dtype, zeros)
        self._active = [
            ActiveInputs(capacity, block, units, dtype, zeros)
            for block in (blocks(units, inputs) if is_large(units, inputs) else ())
        ]
        # Of each layer the gradients, flat. Those of a large first layer's weights are squared in
        # the plan.
        self._layers = gradients.grouped()
        if self._active:
            self._layers[layer_name(0)] = gradients[gradient_name(FIRST_BIAS)]
        self._squares = zeros(len(self._active), dtype)
        # A helper's share of a sum goes to an array of its own, and the caller's as well: to write
        # where the other core has written last takes long if cores are far apart.
        self._rooms: dict[str, list[Array]] = {}
        for link in compiled.forward.links if zeros is not np.zeros else ():
            parts = blocks_of(link, parameters)
            if len(parts) > 1:
                size = capacity * len(parameters[link.inputs[1]])
                self._rooms[link.output] = [zeros(size, dtype) for _ in parts]
        self._plans: dict[int, Plan] = {}
        self._plan = Plan((), (), (), ())
        self.capacity = capacity
        self.values: dict[str, Array] = {}
        self.gradients: dict[str, Array] = {}
        self.gradient_names = self._workspace.gradient_names

    def draw(self, indices: Array) -> None:
        """Gather these samples (n,), and see which of their inputs are on."""
        n = len(indices)
        self.values = self._workspace.values(n)
        self.gradients = self._workspace.gradients(n)
        if n not in self._plans:
            if len(self._plans) == PLANS:
                self._plans.clear()
            self._plans[n] = self._make_plan()
        self._plan = self._plans[n]
        self._gatherer.take(indices, self._gatherer.raw(self.values[X]))
        self._team.run(self._plan.draw)
        self._targets.take(indices, axis=0, out=self.values[Y], mode="clip")

    def forward(self) -> None:
        """Compute every layer's preactivations and activations."""
        self._team.run(self._plan.forward)

    def loss(self) -> None:
        """Compute each sample's loss and their mean."""
        self._team.run(self._plan.loss)

    def backward(self) -> dict[str, float]:
        """Call the gradient function; returns the L2 norm of each layer's gradient."""
        self._team.run(self._plan.backward)
        squares = {layer: float(np.dot(flat, flat)) for layer, flat in self._layers.items()}
        squares[layer_name(0)] += sum(self._squares.tolist())  # of none, 0
        return {layer: math.sqrt(square) for layer, square in squares.items()}

    def _make_plan(self) -> Plan:
        weights_gradient = gradient_name(FIRST_WEIGHTS)
        x, weights = self.values[X], self.values[FIRST_WEIGHTS]
        gradient, raw = self.gradients[weights_gradient], self._gatherer.raw(x)
        scale = self._gatherer.scale
        draw: list[Task] = [] if self._active else [(partial(scale_into, x, raw, scale),)]
        arrays: dict[str, list[Current]] = defaultdict(list)
        before: list[Task] = []
        after: list[Task] = []
        for number, active in enumerate(self._active):
            block = active.block
            scaled = partial(scale_into, x[:, block], raw[:, block], scale)
            draw.append((scaled, partial(active.find, raw[:, block])))
            arrays[X].append(partial(active.x_used, x))
            arrays[FIRST_WEIGHTS].append(partial(active.weights_used, weights))
            arrays[weights_gradient].append(partial(active.weights_used, gradient))
            before.append((partial(active.gather, x, weights),))
            square = partial(active.square, gradient, self._squares[number, ...])
            after.append((square, partial(active.spread, gradient)))
        links, factors = self._compiled.forward.links, self._compiled.gradient_function.factors
        rooms = {
            name: [_shaped_like(self.values[name], flat) for flat in flats]
            for name, flats in self._rooms.items()
        }
        return Plan(
            (Stage(draw),),
            forward_stages(links, self.values, Gathered(arrays, before), rooms),
            forward_stages(self._compiled.loss.links, self.values),
            backward_stages(factors, self.values, self.gradients, Gathered(arrays, after=after)),
        )


def _shaped_like(array: Array, flat: Array) -> Array:
    return flat[: array.size].reshape(array.shape, order="C" if array.flags.c_contiguous else "F")
