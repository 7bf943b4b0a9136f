"""The network itself: its layers, its parameters, and what compiling makes from them."""

import math
import os
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TypeVar

import numpy as np

from engine import losses, optimizers
from engine.arrays import Array, FloatType, float_type
from engine.blas import one_blas_thread
from engine.chain import gradient_name
from engine.checks import require_instance, whole_number
from engine.compilation import (
    LOSS,
    CompiledNetwork,
    X,
    Y,
    forward_chain,
    layer_name,
    parameter_shapes,
)
from engine.errors import ConfigurationError, ShapeError
from engine.initializers import glorot_uniform, zeros
from engine.layers import Dense, input_size
from engine.losses import Loss
from engine.metrics import get as metric_named
from engine.named_tensors import NamedTensors
from engine.optimizers import Optimizer, OptimizerState
from engine.random import Purpose, generator
from engine.samples import Samples, checked_features
from engine.shared_memory import segment_of
from engine.weights_file import network_bytes

Part = TypeVar("Part")

BUILD_HINT = "call build(number of inputs), or pass samples"
NETWORK_HINT = "make one: Sequential([Dense(10)]), and compile() it"
COMPILE_HINT = 'call compile(optimizer="rmsprop", loss="categorical_crossentropy") first'


class Network:
    """Layers, each fed by the one before, with their parameters and the gradient function.

    The same seed gives the same initial weights and order of samples. `dtype` is "float32" or
    "float64". Parameters are named `layer1.weights` (units, inputs), the transpose of Keras's
    kernel, and `layer1.bias` (units,).
    """

    def __init__(self, layers: Iterable[Dense], *, seed: int = 0, dtype: str = "float32") -> None:
        self.layers: tuple[Dense, ...] = _checked_layers(layers)
        self.seed = whole_number(seed, "the seed", least=0)
        self.dtype: FloatType = float_type(dtype)
        self.metrics: tuple[str, ...] = ()
        self.inputs: int | None = None
        self._parameters: NamedTensors | None = None
        self._loss: Loss | None = None
        self._optimizer: Optimizer | None = None
        self._optimizer_state: OptimizerState | None = None
        self._compiled: CompiledNetwork | None = None
        if self.layers[0].input_shape is not None:
            self.build(self.layers[0].input_shape)

    # Building and compiling

    def build(self, input_shape: int | tuple[int, ...]) -> None:
        """Make the parameters for `input_shape` features: Glorot weights, zero biases.

        The first samples do this by themselves. Raises ShapeError if it is built for another number
        of features, ConfigurationError if there is too little memory.
        """
        inputs = input_size(input_shape)
        if self.inputs is not None:
            if inputs != self.inputs:
                raise ShapeError(
                    f"expected samples of {self.inputs} features, got {inputs}",
                    "use samples of the size the network was built for, or a new network",
                )
            return
        self._make_parameters(inputs)
        self.inputs = inputs
        _built.add(self)
        self._finish_compiling()

    def _make_parameters(self, inputs: int) -> None:
        shapes = parameter_shapes(self.layers, inputs)
        try:
            self._parameters = NamedTensors.zeros(shapes, self.dtype)
            self.reset_parameters()
        except (MemoryError, OverflowError, ValueError):  # the last two: for any address
            self._parameters = None
            count = sum(map(math.prod, shapes.values()))
            raise ConfigurationError(
                f"expected a network that fits into memory, got one of about "
                f"10^{math.log10(count):.0f} weights and biases",
                "choose fewer units",
            ) from None

    def build_for(self, samples: Samples) -> Array:
        """Build for these samples; returns their targets in the form that the loss takes.

        Samples are checked before anything is built: the first ones decide the network's shapes.
        """
        require_instance(samples, Samples, "Samples", "wrap arrays: Samples(x, y)")
        targets = self.loss.prepare_targets(samples.y, self.outputs, self.dtype)
        self.build(samples.features)
        return targets

    def leave_shared_memory(self) -> None:
        """Go on with copies of parameters and optimizer state that only this process has.

        Training loops made before cannot go on: their arrays stay in shared memory.
        """
        if self._parameters is None or segment_of(self._parameters.flat) is None:
            return
        self._parameters = self._parameters.beside(self._parameters.flat.copy())
        if self._optimizer_state is not None:
            self._optimizer_state = self._optimizer_state.copy()

    def reset_parameters(self) -> None:
        """Set the parameters to their initial values, which follow from the seed."""
        for index in range(len(self.layers)):
            name = layer_name(index)
            weights, bias = (self.parameters[f"{name}.{kind}"] for kind in ("weights", "bias"))
            source = generator(self.seed, Purpose.WEIGHTS, index)
            weights[...] = glorot_uniform(source, weights.shape)
            bias[...] = zeros(bias.shape)

    def compile(
        self,
        optimizer: str | Mapping[str, object] | Optimizer = "rmsprop",
        loss: str = "categorical_crossentropy",
        metrics: Sequence[str] | None = None,
    ) -> None:
        """Choose how to train, and compose the gradient function from the chain and the loss.

        The optimizer starts afresh; the parameters stay. Raises ConfigurationError.
        """
        chosen, wanted = optimizers.get(optimizer), losses.get(loss)
        names = _checked_metrics(metrics)
        self._optimizer, self._loss, self.metrics = chosen, wanted, tuple(names)
        self._finish_compiling()

    def _finish_compiling(self) -> None:
        # Parameters and configuration may come in either order.
        if self._loss and self._optimizer and self.inputs is not None:
            self._compiled = CompiledNetwork.of(self.layers, self.inputs, self._loss)
            self._optimizer_state = self._optimizer.init(self.parameters.flat)

    @property
    def parameters(self) -> NamedTensors:
        """Weights and biases by name, views into one flat array that training changes in place."""
        return _present(self._parameters, "parameters", BUILD_HINT)

    @property
    def compiled(self) -> CompiledNetwork:
        """The chain and the gradient function."""
        if self._parameters is None:
            _present(self._loss, "a compiled network", COMPILE_HINT)
            _present(self._parameters, "parameters", BUILD_HINT)
        return _present(self._compiled, "a compiled network", COMPILE_HINT)

    @property
    def loss(self) -> Loss:
        """The loss it was compiled with."""
        return _present(self._loss, "a compiled network", COMPILE_HINT)

    @property
    def outputs(self) -> int:
        """The units of the last layer."""
        return self.layers[-1].units

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer of the next update; a new one of the same class takes over the state."""
        return _present(self._optimizer, "a compiled network", COMPILE_HINT)

    @optimizer.setter
    def optimizer(self, optimizer: str | Mapping[str, object] | Optimizer) -> None:
        previous, chosen = self.optimizer, optimizers.get(optimizer)
        if self._optimizer_state is not None:
            self._optimizer_state = chosen.adopt(
                previous, self._optimizer_state, self.parameters.flat
            )
        self._optimizer = chosen

    @property
    def optimizer_state(self) -> OptimizerState:
        """What the optimizer remembers, as flat arrays beside the flat parameters."""
        return _present(self._optimizer_state, "a compiled and built network", COMPILE_HINT)

    def restore_optimizer(self, optimizer: Optimizer, state: OptimizerState) -> None:
        """Go on with this optimizer and this state; the state becomes the network's own."""
        self._optimizer, self._optimizer_state = optimizer, state

    def way_back(self) -> Callable[[], None]:
        """A call that restores the present parameters and optimizer state (not the optimizer)."""
        parameters, state = self.parameters.flat.copy(), self.optimizer_state.copy()

        def go_back() -> None:
            np.copyto(self.parameters.flat, parameters)
            self.optimizer_state.become(state.iterations, state.slots)

        return go_back

    def predict(self, x: Array, batch_size: int = 500) -> Array:
        """The last layer's activations for every sample: (n, features) -> (n, outputs)."""
        x = checked_features(x)
        size = whole_number(batch_size, "the batch size")
        self.build(x.shape[1])
        chain = forward_chain(self.layers)
        predictions = np.empty((len(x), self.outputs), self.dtype)
        with np.errstate(all="ignore"), one_blas_thread:
            for start in range(0, len(x), size):
                values = {**self.parameters, X: x[start : start + size].astype(self.dtype)}
                chain.forward(values)
                predictions[start : start + size] = values[chain.links[-1].output]
        return predictions

    def loss_and_gradients(self, x: Array, y: Array) -> tuple[float, dict[str, Array]]:
        """The loss on x, y and its gradient with respect to every parameter, by the chain rule.

        Gradients have the names and shapes of the parameters; nothing is trained.
        """
        samples = Samples(x, y)
        targets = self.build_for(samples)
        values = {**self.parameters, X: samples.x.astype(self.dtype), Y: targets}
        gradients: dict[str, Array] = {}
        with np.errstate(all="ignore"), one_blas_thread:
            self.compiled.forward.forward(values)
            self.compiled.loss.forward(values)
            self.compiled.gradient_function(values, gradients)
        return float(values[LOSS]), {n: gradients[gradient_name(n)] for n in self.parameters}

    # Weights

    def get_weights(self) -> list[Array]:
        """Copies of [W1, b1, W2, b2, ...]; W (units, inputs), Keras's kernel transposed."""
        return [array.copy() for array in self.parameters.values()]

    def set_weights(self, weights: Sequence[Array]) -> None:
        """Set all parameters, in the order and shapes of `get_weights`. Raises ShapeError."""
        try:
            given = [np.asarray(array) for array in weights]
        except (TypeError, ValueError):  # no sequence, or rows of unequal lengths
            given = []
        shapes = [array.shape for array in given]
        expected = list(self.parameters.shapes.values())
        if shapes != expected:
            raise ShapeError(
                f"expected weights of shapes {expected}, got {shapes or type(weights).__name__}",
                "weights are (units, inputs); transpose Keras's kernels",
            )
        if not all(array.dtype.kind in "fiub" for array in given):
            raise ShapeError(
                f"expected weights that are real numbers, got {[str(a.dtype) for a in given]}",
                "convert them with array.astype(float)",
            )
        with np.errstate(over="ignore"):
            arrays = [array.astype(self.dtype) for array in given]
        if not all(np.isfinite(array).all() for array in arrays):
            raise ShapeError(
                f"expected weights that are finite in {self.dtype}, "
                "got some that are infinite or not a number",
                "choose other weights",
            )
        for parameter, array in zip(self.parameters.values(), arrays, strict=True):
            parameter[...] = array

    def count_params(self) -> int:
        """The number of weights and biases."""
        return int(self.parameters.flat.size)

    def to_bytes(self) -> bytes:
        """The network, without its training state, as the bytes of a .safetensors file."""
        return network_bytes(self.parameters, self.layers, self.inputs or 0, self.seed)

    def __repr__(self) -> str:
        sizes = [f"{layer.units} {layer.activation}" for layer in self.layers]
        path = " → ".join([str(self.inputs or "?"), *sizes])
        return f"{type(self).__name__}({path}, {self.dtype.name})"


_built: "weakref.WeakSet[Network]" = weakref.WeakSet()


def _separate_from_parent() -> None:
    # Shared memory stays shared in a fork: what the child trains would change its parent's weights.
    for network in _built:
        network.leave_shared_memory()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_separate_from_parent)


def _checked_layers(layers: object) -> tuple[Dense, ...]:
    given = list(layers) if isinstance(layers, Iterable) else []
    found = tuple(layer for layer in given if isinstance(layer, Dense))
    if not found or len(found) < len(given):
        raise ConfigurationError(
            f"expected a list of one or more Dense layers, got {given or layers!r}",
            'pass a list such as [Dense(512, activation="relu"), Dense(10)]',
        )
    if len({id(layer) for layer in found}) < len(found):
        raise ConfigurationError(
            "expected each layer once, got the same Dense more than once",
            "make a Dense for each: here no two layers share weights, as they would in Keras",
        )
    for number, (before, layer) in enumerate(pairwise(found), start=2):
        if layer.input_shape not in (None, (before.units,)):
            raise ShapeError(
                f"expected layer {number} with an input shape of {before.units}, the units of the "
                f"layer before, got {layer.input_shape}",
                "leave it out of all layers but the first",
            )
    return found


def _checked_metrics(metrics: object) -> list[str]:
    given = [metrics] if isinstance(metrics, str) else () if metrics is None else metrics
    if not isinstance(given, Iterable):
        raise ConfigurationError(
            f"expected a list of metrics, got {metrics!r}", 'pass a list such as ["accuracy"]'
        )
    names = list(given)
    for name in names:
        metric_named(name)
    return names


def _present(value: Part | None, what: str, hint: str) -> Part:
    if value is None:
        raise ConfigurationError(f"expected {what}, got a network without", hint)
    return value
