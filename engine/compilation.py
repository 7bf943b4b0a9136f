"""What compiling a network yields: its chain of tensor functions and the gradient function."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.chain import Chain, GradientFunction, Link
from engine.layers import Dense
from engine.losses import Loss

X = "batch.x"
Y = "batch.y"
PER_SAMPLE = "loss.per_sample"
LOSS = "loss"


def layer_name(index: int) -> str:
    """The name of layer `index`, counted from 0: "layer1" is the first."""
    return f"layer{index + 1}"


def parameter_shapes(layers: Sequence[Dense], inputs: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all weights (units, inputs) and biases (units,), in order."""
    shapes: dict[str, tuple[int, ...]] = {}
    for index, layer in enumerate(layers):
        shapes[f"{layer_name(index)}.weights"] = (layer.units, inputs)
        shapes[f"{layer_name(index)}.bias"] = (layer.units,)
        inputs = layer.units
    return shapes


def value_widths(layers: Sequence[Dense]) -> dict[str, int]:
    """The values that the forward pass computes for each sample: name and number of columns."""
    return {
        f"{layer_name(index)}.{kind}": layer.units
        for index, layer in enumerate(layers)
        for kind in ("preactivations", "activations")
    }


def forward_chain(layers: Sequence[Dense]) -> Chain:
    """The chain from the samples "batch.x" to the last layer's activations."""
    links: list[Link] = []
    source = X
    for index, layer in enumerate(layers):
        links.extend(layer.links(layer_name(index), source))
        source = links[-1].output
    return Chain(links)


@dataclass(frozen=True)
class CompiledNetwork:
    """A network's chain in two parts, up to the predictions and on to the loss, and its gradient.

    The gradient function maps weights to gradients: d(loss)/dW for every parameter W. It is
    derived from both parts as one chain; the gradient of the input is not part of it.
    """

    layers: tuple[Dense, ...]
    forward: Chain
    loss: Chain
    gradient_function: GradientFunction

    @classmethod
    def of(cls, layers: Sequence[Dense], inputs: int, loss: Loss) -> "CompiledNetwork":
        """Compose the chain of `layers` and `loss`, and derive its gradient function."""
        forward = forward_chain(layers)
        tail = Chain(loss.links(layer_name(len(layers) - 1), layers[-1].activation, Y))
        whole = Chain(forward.links + tail.links)
        gradient = whole.gradient_function(LOSS, tuple(parameter_shapes(layers, inputs)))
        return cls(tuple(layers), forward, tail, gradient)

    @property
    def predictions(self) -> str:
        """The name of the last layer's activations."""
        return self.forward.links[-1].output
