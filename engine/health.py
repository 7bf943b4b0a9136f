"""How well each layer is learning: norms, ratios, dead and saturated units, noisy gradients."""

import math
from dataclasses import dataclass

import numpy as np

from engine.arrays import Array
from engine.compilation import layer_name
from engine.gradient_check import angle
from engine.network import Network
from engine.probe import Probe
from engine.samples import Samples

CHUNK = 256
# Beyond this share of its range, a tanh or sigmoid hardly reacts to a change of its input.
SATURATION = 0.99


@dataclass(frozen=True)
class LayerHealth:
    """One layer. `angle`, in degrees, is between the gradients of the batch and a larger sample."""

    layer: str
    activation: str
    units: int
    gradient_norm: float  # L2, of weights and bias, for the batch
    weight_norm: float  # L2, of weights and bias
    update_norm: float | None  # L2, of this batch's step; None before its update
    dead_units: int | None  # relu only: units that are 0 for every sample
    saturated: float | None  # tanh and sigmoid only: share of the activations
    angle: float | None  # None if a gradient has no direction: zero, or not finite

    @property
    def update_ratio(self) -> float | None:
        """|step| / |W|, about 1e-3 in healthy training."""
        if self.update_norm is None or not self.weight_norm:
            return None
        return self.update_norm / self.weight_norm


class HealthCheck:
    """Looks at every layer over a larger sample, a chunk at each call of `advance`.

    `parameters`, `gradient` and `step` are flat. `gradient` is that of the batch at hand, computed
    at `parameters`; `step` is what the update then added, None if there was none yet.
    """

    def __init__(
        self,
        network: Network,
        parameters: Array,
        gradient: Array,
        step: Array | None,
        samples: Samples,
        indices: Array,
    ) -> None:
        self._layers = network.layers
        self._gradient = network.parameters.beside(gradient.copy())
        self._step = None if step is None else network.parameters.beside(step.copy())
        self._probe = Probe(network, parameters, samples, min(CHUNK, len(indices)))
        self._indices = indices
        self._position = 0
        self._sum = network.parameters.beside(np.zeros(len(parameters), np.float64))
        self._alive = [np.zeros(layer.units, bool) for layer in self._layers]
        self._saturated = [0] * len(self._layers)

    @property
    def done(self) -> bool:
        """Whether the whole sample has been used."""
        return self._position == len(self._indices)

    def advance(self) -> None:
        """Use the next chunk of the sample."""
        chunk = self._indices[self._position : self._position + CHUNK]
        self._probe.load(chunk)
        self._probe.loss()
        self._probe.backward()
        self._sum.flat += self._probe.gradients.flat.astype(np.float64) * len(chunk)
        for index, layer in enumerate(self._layers):
            activations = self._probe.values()[f"{layer_name(index)}.activations"]
            if layer.activation == "relu":
                self._alive[index] |= (activations > 0).any(axis=0)
            if layer.activation in ("tanh", "sigmoid"):
                self._saturated[index] += _saturated(layer.activation, activations)
        self._position += len(chunk)

    def result(self) -> list[LayerHealth]:
        """Every layer, in order."""
        gradients, sums = self._gradient.grouped(), self._sum.grouped()
        weights = self._probe.parameters.grouped()
        steps = None if self._step is None else self._step.grouped()
        return [
            LayerHealth(
                layer=name,
                activation=layer.activation,
                units=layer.units,
                gradient_norm=_norm(gradients[name]),
                weight_norm=_norm(weights[name]),
                update_norm=None if steps is None else _norm(steps[name]),
                dead_units=self._dead(index),
                saturated=self._saturated_share(index),
                angle=_angle(gradients[name], sums[name]),
            )
            for index, (name, layer) in enumerate(zip(gradients, self._layers, strict=True))
        ]

    def _dead(self, index: int) -> int | None:
        if self._layers[index].activation != "relu":
            return None
        return int(np.count_nonzero(~self._alive[index]))

    def _saturated_share(self, index: int) -> float | None:
        layer = self._layers[index]
        if layer.activation not in ("tanh", "sigmoid"):
            return None
        return self._saturated[index] / (len(self._indices) * layer.units)


def _saturated(activation: str, activations: Array) -> int:
    range_of = activations if activation == "tanh" else 2 * activations - 1
    return int(np.count_nonzero(np.abs(range_of) > SATURATION))


def _norm(a: Array) -> float:
    return float(np.linalg.norm(a.astype(np.float64)))


def _angle(a: Array, b: Array) -> float | None:
    degrees = angle(a, b)
    return degrees if math.isfinite(degrees) else None
