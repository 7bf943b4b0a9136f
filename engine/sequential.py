"""The network, with Keras's names: build, compile, fit, evaluate, predict."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

from engine import losses, optimizers
from engine.arrays import Array, FloatType, float_type
from engine.chain import gradient_name
from engine.checks import whole_number
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
from engine.evaluation import Evaluation
from engine.fitting import fit_epochs
from engine.history import History
from engine.initializers import glorot_uniform, zeros
from engine.layers import Dense, input_size
from engine.losses import Loss
from engine.metrics import get as metric_named
from engine.named_tensors import NamedTensors
from engine.optimizers import Optimizer, OptimizerState
from engine.progress import verbosity
from engine.random import Purpose, generator
from engine.samples import Samples, checked_features
from engine.summary import summary_table
from engine.training import TrainingLoop
from engine.weights_file import network_bytes, read_network

Verbose = Literal["auto", 0, 1, 2]
Part = TypeVar("Part")

BUILD_HINT = "call build(number of inputs), or pass samples"
COMPILE_HINT = 'call compile(optimizer="rmsprop", loss="categorical_crossentropy") first'


class Sequential:
    """A network of layers, each fed by the one before.

    The same seed gives the same initial weights and order of samples. `dtype` is "float32" or
    "float64". Parameters are named `layer1.weights` (units, inputs), the transpose of Keras's
    kernel, and `layer1.bias` (units,).
    """

    def __init__(self, layers: Iterable[Dense], *, seed: int = 0, dtype: str = "float32") -> None:
        self.layers: tuple[Dense, ...] = tuple(layers)
        if not self.layers or not all(isinstance(layer, Dense) for layer in self.layers):
            raise ConfigurationError(
                f"expected one or more Dense layers, got {list(self.layers)!r}",
                'pass a list such as [Dense(512, activation="relu"), Dense(10)]',
            )
        self.seed = whole_number(seed, "the seed", least=0)
        self.dtype: FloatType = float_type(dtype)
        self.metrics: tuple[str, ...] = ()
        self.inputs: int | None = None
        self._parameters: NamedTensors | None = None
        self._loss: Loss | None = None
        self._optimizer: Optimizer | None = None
        self._optimizer_state: OptimizerState | None = None
        self._compiled: CompiledNetwork | None = None
        self._epochs_fitted = 0
        if self.layers[0].input_shape is not None:
            self.build(self.layers[0].input_shape)

    # Building and compiling

    def build(self, input_shape: int | tuple[int, ...]) -> None:
        """Make the parameters for samples of `input_shape` features: weights Glorot, biases 0.

        Happens by itself with the first samples. Raises ShapeError if built for another number.
        """
        inputs = input_size(input_shape)
        if self.inputs is not None:
            if inputs != self.inputs:
                raise ShapeError(
                    f"expected samples of {self.inputs} features, got {inputs}",
                    "use samples of the size the network was built for, or a new network",
                )
            return
        self._parameters = NamedTensors.zeros(parameter_shapes(self.layers, inputs), self.dtype)
        self.inputs = inputs
        self.reset_parameters()
        self._finish_compiling()

    def reset_parameters(self) -> None:
        """Set the parameters to where the seed starts them."""
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
        metrics: Sequence[str] = (),
    ) -> None:
        """Choose how to train, and compose the gradient function from the chain and the loss.

        The optimizer starts afresh; the parameters stay. Raises ConfigurationError.
        """
        chosen, wanted = optimizers.get(optimizer), losses.get(loss)
        names = [metrics] if isinstance(metrics, str) else list(metrics)
        for name in names:
            metric_named(name)
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
        """The optimizer of the next update; one of the same class takes over the state."""
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
        """Go on with this optimizer and this state, which becomes the network's own."""
        self._optimizer, self._optimizer_state = optimizer, state

    # Training and using

    def fit(
        self,
        x: Array,
        y: Array,
        batch_size: int = 32,
        epochs: int = 1,
        verbose: Verbose = "auto",
        shuffle: bool = True,
        validation_data: tuple[Array, Array] | None = None,
    ) -> History:
        """Train for some epochs: the training loop, run through.

        x (n, features); y integer classes (n,) or rows (n, outputs). Continues from the present
        parameters, optimizer state and epoch, so 2 + 3 epochs are 5. Loss and accuracy are means
        over the epoch's samples, each as it was when its batch was drawn.
        """
        validation = None if validation_data is None else Samples(*validation_data)
        epochs = whole_number(epochs, "epochs")
        history = History()
        loop = TrainingLoop(
            self,
            Samples(x, y),
            batch_size=batch_size,
            shuffle=shuffle,
            first_epoch=self._epochs_fitted,
        )
        for _ in fit_epochs(loop, epochs, verbosity(verbose), validation, history):
            self._epochs_fitted += 1
        return history

    def train_on_batch(self, x: Array, y: Array) -> float | list[float]:
        """One update on all of x, y; returns the loss before it, or [loss, accuracy]."""
        samples = Samples(x, y)
        trace = TrainingLoop(self, samples, batch_size=len(samples), shuffle=False).run_batch()
        return trace.loss if trace.accuracy is None else [trace.loss, trace.accuracy]

    def evaluate(
        self, x: Array, y: Array, batch_size: int = 500, verbose: Verbose = "auto"
    ) -> float | list[float]:
        """The loss over all samples, or [loss, accuracy] if compiled with "accuracy"."""
        level = verbosity(verbose)
        loss, accuracy = Evaluation(self, Samples(x, y), batch_size).run()
        figures = {"loss": loss} if accuracy is None else {"loss": loss, "accuracy": accuracy}
        if level:
            sys.stdout.write("  ".join(f"{name} {n:.4f}" for name, n in figures.items()) + "\n")
        return loss if accuracy is None else [loss, accuracy]

    def predict(self, x: Array, batch_size: int = 500) -> Array:
        """The last layer's activations for every sample: (n, features) -> (n, outputs)."""
        x = checked_features(x)
        self.build(x.shape[1])
        size = whole_number(batch_size, "the batch size")
        chain = forward_chain(self.layers)
        predictions = np.empty((len(x), self.outputs), self.dtype)
        for start in range(0, len(x), size):
            values = {**self.parameters, X: x[start : start + size].astype(self.dtype)}
            with np.errstate(all="ignore"):
                chain.forward(values)
            predictions[start : start + size] = values[chain.links[-1].output]
        return predictions

    def loss_and_gradients(self, x: Array, y: Array) -> tuple[float, dict[str, Array]]:
        """The loss on x, y and its gradient with respect to every parameter, by the chain rule.

        Gradients are named as the parameters and shaped like them; nothing is trained.
        """
        samples = Samples(x, y)
        self.build(samples.features)
        targets = self.loss.prepare_targets(samples.y, self.outputs, self.dtype)
        values = {**self.parameters, X: samples.x.astype(self.dtype), Y: targets}
        gradients: dict[str, Array] = {}
        with np.errstate(all="ignore"):
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
        arrays = [np.asarray(array) for array in weights]
        shapes = [array.shape for array in arrays]
        expected = list(self.parameters.shapes.values())
        if shapes != expected:
            raise ShapeError(
                f"expected weights of shapes {expected}, got {shapes}",
                "weights are (units, inputs); transpose Keras's kernels",
            )
        if not all(np.isfinite(array).all() for array in arrays):
            raise ShapeError(
                "expected finite weights, got some that are infinite or not a number",
                "choose other weights",
            )
        for parameter, array in zip(self.parameters.values(), arrays, strict=True):
            parameter[...] = array

    def count_params(self) -> int:
        """The number of weights and biases."""
        return int(self.parameters.flat.size)

    def summary(self) -> None:
        """Print layers, output shapes and parameter counts."""
        counts = None
        if self._parameters is not None:
            sizes = [array.size for array in self._parameters.values()]
            counts = [w + b for w, b in zip(sizes[::2], sizes[1::2], strict=True)]
        sys.stdout.write(summary_table(self.layers, counts) + "\n")

    def to_bytes(self) -> bytes:
        """The network, without its training state, as the bytes of a .safetensors file."""
        return network_bytes(self.parameters, self.layers, self.inputs or 0, self.seed)

    def save(self, path: str | Path) -> None:
        """Write the network, without its training state, to a .safetensors file."""
        Path(path).write_bytes(self.to_bytes())

    @classmethod
    def load(cls, path: str | Path) -> "Sequential":
        """A network from a file that `save` wrote; compile it to train or evaluate it."""
        file = read_network(Path(path))
        network = cls(file.layers, seed=file.seed, dtype=file.dtype)
        network.build(file.inputs)
        network.set_weights(list(file.parameters.values()))
        return network

    def __repr__(self) -> str:
        sizes = [f"{layer.units} {layer.activation}" for layer in self.layers]
        return f"Sequential({' → '.join([str(self.inputs or '?'), *sizes])}, {self.dtype.name})"


def _present(value: Part | None, what: str, hint: str) -> Part:
    if value is None:
        raise ConfigurationError(f"expected {what}, got a network without", hint)
    return value
