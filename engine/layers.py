"""Layers: the parts a network is configured from, and the links each adds to its chain."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.chain import Link
from engine.checks import one_of, whole_number
from engine.errors import ConfigurationError
from engine.functions import ACTIVATIONS, FUNCTIONS


@dataclass(frozen=True)
class Dense:
    """A layer of units that each see the whole input: `output = activation(dot(W, x) + b)`.

    Shapes: W (units, inputs), the transpose of Keras's kernel, b (units,), x (n, inputs), output
    (n, units). `activation` is one of relu, tanh, sigmoid, linear, softmax. `input_shape`, the
    number of inputs or a tuple of it, may be given in the first layer; in a later layer it must be
    the number of units of the layer before.
    """

    units: int
    activation: str = "linear"
    input_shape: int | tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        units = whole_number(self.units, "the units of a Dense layer")
        object.__setattr__(self, "units", units)
        one_of(self.activation, ACTIVATIONS, "the activation")
        if self.input_shape is not None:
            object.__setattr__(self, "input_shape", (input_size(self.input_shape),))

    def links(self, name: str, source: str) -> tuple[Link, Link]:
        """The layer's two links: the affine map of the value `source`, and the activation."""
        preactivations = f"{name}.preactivations"
        affine_inputs = (source, f"{name}.weights", f"{name}.bias")
        return (
            Link(FUNCTIONS["affine"], affine_inputs, preactivations),
            Link(ACTIVATIONS[self.activation], (preactivations,), f"{name}.activations"),
        )

    def config(self) -> dict[str, object]:
        """The layer as plain data: {"units": 512, "activation": "relu"}."""
        return {"units": self.units, "activation": self.activation}


def input_size(shape: object) -> int:
    """The number of inputs from Keras's `input_shape`: 784 or (784,)."""
    if isinstance(shape, Sequence) and not isinstance(shape, str | bytes):
        if len(shape) != 1:
            raise ConfigurationError(
                f"expected an input shape of one number, got {tuple(shape)}",
                "flatten the samples first: x.reshape(len(x), -1)",
            )
        (shape,) = shape
    return whole_number(shape, "the number of inputs")
