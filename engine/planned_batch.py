"""A training loop's batches, computed in buffers and by calls that are planned once.

What is computed is the network's chain and its gradient function, call by call. The plan adds
three things: every call is bound to its arrays beforehand, products are cut into blocks of units
that a team of threads shares, and the first layer works on the inputs that are on in the batch.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.active_inputs import ActiveInputs
from engine.arrays import Array, FloatType
from engine.chain import gradient_name
from engine.compilation import CompiledNetwork, X, Y, layer_name
from engine.named_tensors import NamedTensors
from engine.plan import Stage, Task, backward_stages, forward_stages
from engine.samples import Gatherer, Samples
from engine.team import Team
from engine.workspace import Workspace

FIRST_WEIGHTS = f"{layer_name(0)}.weights"
FIRST_BIAS = f"{layer_name(0)}.bias"
# Sizes of batch and numbers of active inputs for which plans are kept.
PLANS = 64


@dataclass(frozen=True, slots=True)
class Plan:
    """The stages of each phase, for one size of batch and one number of active inputs."""

    forward: tuple[Stage, ...]
    loss: tuple[Stage, ...]
    backward: tuple[Stage, ...]
    norms: Mapping[str, tuple[Array, ...]]  # what the norm of each layer's gradient is taken of


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
    ) -> None:
        dtype: FloatType = parameters.flat.dtype
        units, inputs = parameters[FIRST_WEIGHTS].shape
        self._compiled = compiled
        self._targets = targets
        self._team = team
        self._workspace = Workspace(compiled, parameters, targets, capacity, gradients)
        self._gatherer = Gatherer(samples.x, samples.scale, capacity, dtype)
        self._active = ActiveInputs(capacity, inputs, units, dtype)
        self._layers = gradients.grouped()
        self._plans: dict[tuple[int, int | None], Plan] = {}
        self._plan = Plan((), (), (), {})
        self.capacity = capacity
        self.values: dict[str, Array] = {}
        self.gradients: dict[str, Array] = {}
        self.gradient_names = self._workspace.gradient_names

    def draw(self, indices: Array) -> None:
        """Gather these samples (n,), and see which of their inputs are on."""
        n = len(indices)
        self.values = self._workspace.values(n)
        self.gradients = self._workspace.gradients(n)
        rows = self._gatherer.gather(indices, self.values[X])
        self._targets.take(indices, axis=0, out=self.values[Y], mode="clip")
        key = (n, self._active.find(rows))
        if key not in self._plans:
            if len(self._plans) == PLANS:
                self._plans.clear()
            self._plans[key] = self._make_plan(*key)
        self._plan = self._plans[key]

    def forward(self) -> None:
        """Compute every layer's preactivations and activations."""
        self._team.run(self._plan.forward)

    def loss(self) -> None:
        """Compute each sample's loss and their mean."""
        self._team.run(self._plan.loss)

    def backward(self) -> dict[str, float]:
        """Call the gradient function; returns the L2 norm of each layer's gradient."""
        self._team.run(self._plan.backward)
        return {
            layer: math.sqrt(sum(float(np.dot(part, part)) for part in parts))
            for layer, parts in self._plan.norms.items()
        }

    def _make_plan(self, n: int, k: int | None) -> Plan:
        values, gradients = dict(self.values), dict(self.gradients)
        gather: Task = ()
        spread: Task = ()
        norms: dict[str, tuple[Array, ...]] = {
            layer: (whole,) for layer, whole in self._layers.items()
        }
        if k is not None:
            gather = self._active.gather(k, values[X], values[FIRST_WEIGHTS])
            spread = self._active.spread(k, gradients[gradient_name(FIRST_WEIGHTS)])
            values[X] = self._active.x(n, k)
            values[FIRST_WEIGHTS] = self._active.weights(k)
            gradients[gradient_name(FIRST_WEIGHTS)] = values[FIRST_WEIGHTS]
            # Without the zeros, and where it has just been computed.
            norms[layer_name(0)] = (
                values[FIRST_WEIGHTS].reshape(-1, order="F"),
                gradients[gradient_name(FIRST_BIAS)],
            )
        factors = self._compiled.gradient_function.factors
        return Plan(
            ((gather,), *forward_stages(self._compiled.forward.links, values)),
            forward_stages(self._compiled.loss.links, values),
            (*backward_stages(factors, values, gradients), (spread,)),
            norms,
        )
