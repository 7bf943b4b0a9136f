"""The training loop: draw, forward, loss, backward, update, each a call of its own."""

import functools
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NoReturn, ParamSpec, TypeVar

import numpy as np

from engine import metrics, optimizers
from engine.arrays import Array
from engine.checks import whole_number
from engine.compilation import LOSS, PER_SAMPLE, X, Y, layer_name
from engine.errors import (
    NonFiniteError,
    PhaseOrderError,
    ShapeError,
    UnknownTensorError,
)
from engine.loop_state import LoopState
from engine.optimizers import Optimizer, OptimizerState
from engine.published import PublishedTensors
from engine.random import sample_order
from engine.samples import Gatherer, Samples
from engine.traces import (
    BackwardTrace,
    DrawTrace,
    ForwardTrace,
    LossTrace,
    Phase,
    Trace,
    UpdateTrace,
)
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.sequential import Sequential

PHASES = tuple(Phase)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def _quiet(phase: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    # Overflow is found by looking at the loss and the norms, and told by a NonFiniteError.
    @functools.wraps(phase)
    def quiet(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        with np.errstate(all="ignore"):
            return phase(*args, **kwargs)

    return quiet


class TrainingLoop:
    """Trains a network on samples, batch by batch, phase by phase.

    Each phase returns a trace of what it computed; out of order it raises PhaseOrderError. An
    epoch uses every sample once, in an order that is a function of the network's seed and the
    epoch's number alone; its last batch may be shorter. The network's parameters are changed in
    place. `first_epoch` numbers the orders when earlier loops have used some.

    A loss or a gradient that is not finite raises NonFiniteError before anything has changed:
    the loop is then back at the last batch boundary, parameters and optimizer state as they were.
    It refuses nothing; but the same batch is drawn next, and fails again unless an earlier state
    is restored or parameters are set first.
    """

    def __init__(
        self,
        network: "Sequential",
        samples: Samples,
        *,
        batch_size: int = 32,
        shuffle: bool = True,
        first_epoch: int = 0,
    ) -> None:
        network.build(samples.features)
        self.network = network
        self.samples = samples
        self.shuffle = shuffle
        self._first_epoch = first_epoch
        self._compiled = network.compiled
        self._parameters = network.parameters
        self._targets = network.loss.prepare_targets(samples.y, network.outputs, network.dtype)
        self._metric = metrics.get("accuracy") if "accuracy" in network.metrics else None
        self._gradients = self._parameters.beside(np.zeros_like(self._parameters.flat), ".gradient")
        self._steps = self._parameters.beside(np.zeros_like(self._parameters.flat), ".step")
        self._layer_gradients = self._gradients_of_layers()
        self.batch_size = batch_size
        self._make_workspace()

        self._last_phase: Phase | None = None  # within the batch at hand; None between batches
        self._published = PublishedTensors(self._phases_of_tensors())
        self._state_views: tuple[OptimizerState, dict[str, Array]] | None = None
        self._drawn: Array = np.empty(0, np.intp)
        self._loss_trace: LossTrace  # every batch has one before it ends
        self._order_epoch = -1
        self._order: Array = np.empty(0, np.intp)
        self._batch = self._epoch = self._batch_in_epoch = self._position = 0
        self.last_loss: float | None = None
        self.last_accuracy: float | None = None
        self.gradient_norms: dict[str, float] = {}

    # Where the loop is

    @property
    def batch(self) -> int:
        """Completed batches over all epochs; 0 when nothing is trained."""
        return self._batch

    @property
    def epoch(self) -> int:
        """Completed epochs."""
        return self._epoch

    @property
    def batch_in_epoch(self) -> int:
        """Completed batches of the present epoch; 0 again once its last one is completed."""
        return self._batch_in_epoch

    @property
    def position(self) -> int:
        """Samples of the present epoch that completed batches have used."""
        return self._position

    @property
    def batches_per_epoch(self) -> int:
        """Batches the present epoch will have had, if the batch size stays as it is."""
        begun = len(self._drawn) if self._last_phase else 0
        rest = len(self.samples) - self._position - begun
        return self._batch_in_epoch + bool(begun) + math.ceil(rest / self._batch_size)

    @property
    def phase(self) -> Phase | None:
        """The phase that ran last. Between batches UPDATE, or None when nothing is trained.

        Between batches means: after UPDATE, after `restore`, and after a batch that failed.
        """
        if self._last_phase is None:
            return Phase.UPDATE if self._batch else None
        return self._last_phase

    @property
    def next_phase(self) -> Phase:
        """The phase that has to run next."""
        if self._last_phase is None:
            return Phase.DRAW
        return PHASES[PHASES.index(self._last_phase) + 1]

    # What may be changed while it runs

    @property
    def batch_size(self) -> int:
        """Samples a batch, from the next DRAW on, in mid-epoch too."""
        return self._batch_size

    @batch_size.setter
    def batch_size(self, size: int) -> None:
        self._batch_size = whole_number(size, "the batch size")

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer of the next UPDATE. One of the same class takes over the state."""
        return self.network.optimizer

    @optimizer.setter
    def optimizer(self, optimizer: str | Mapping[str, object] | Optimizer) -> None:
        self.network.optimizer = optimizers.get(optimizer)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next UPDATE."""
        return self.optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self.optimizer = optimizers.get({**self.optimizer.config(), "learning_rate": rate})

    # The phases

    @_quiet
    def draw(self) -> DrawTrace:
        """Draw the next batch x, y of the epoch's order."""
        self._expect(Phase.DRAW)
        n = min(self._batch_size, len(self.samples) - self._position)
        if n > self._workspace.capacity:
            self._make_workspace()
        self._drawn = self._epoch_order()[self._position : self._position + n]
        values = self._workspace.values(n)
        self._gatherer.gather(self._drawn, values[X])
        self._targets.take(self._drawn, axis=0, out=values[Y], mode="clip")
        self._publish(Phase.DRAW, {X: values[X], Y: values[Y]})
        return DrawTrace(self._batch + 1, self._epoch, self._drawn, values[X], values[Y])

    @_quiet
    def forward(self) -> ForwardTrace:
        """Run the network on x: output = activation(dot(W, x) + b), layer by layer."""
        self._expect(Phase.FORWARD)
        values = self._workspace.values(len(self._drawn))
        self._compiled.forward.forward(values)
        computed = {link.output: values[link.output] for link in self._compiled.forward.links}
        self._publish(Phase.FORWARD, computed)
        arrays = tuple(computed.values())
        return ForwardTrace(self._batch + 1, arrays[::2], arrays[1::2])

    @_quiet
    def loss(self) -> LossTrace:
        """Compute how wrong the predictions are: each sample's loss and their mean."""
        self._expect(Phase.LOSS)
        values = self._workspace.values(len(self._drawn))
        self._compiled.loss.forward(values)
        loss = float(values[LOSS])
        if not math.isfinite(loss):
            self._fail(Phase.LOSS, "loss", loss)
        accuracy = None
        if self._metric is not None:
            right = self._metric(values[self._compiled.predictions], values[Y])
            accuracy = right / len(self._drawn)
        self._publish(Phase.LOSS, {PER_SAMPLE: values[PER_SAMPLE]})
        self.last_loss, self.last_accuracy = loss, accuracy
        self._loss_trace = LossTrace(self._batch + 1, values[PER_SAMPLE], loss, accuracy)
        return self._loss_trace

    @_quiet
    def backward(self) -> BackwardTrace:
        """Call the gradient function: d(loss)/dW for every parameter W."""
        self._expect(Phase.BACKWARD)
        n = len(self._drawn)
        gradients = self._workspace.gradients(n)
        self._compiled.gradient_function(self._workspace.values(n), gradients)
        norms = {
            name: math.sqrt(np.dot(flat, flat)) for name, flat in self._layer_gradients.items()
        }
        for name, norm in norms.items():
            if not math.isfinite(norm):
                self._fail(Phase.BACKWARD, f"gradient norm of {name}", norm)
        self._publish(Phase.BACKWARD, gradients)
        self.gradient_norms = norms
        return BackwardTrace(self._batch + 1, gradients, norms)

    @_quiet
    def update(self) -> UpdateTrace:
        """Let the optimizer change all parameters a little: W1 = W0 + step."""
        self._expect(Phase.UPDATE)
        network = self.network
        network.optimizer.update(
            self._parameters.flat,
            self._gradients.flat,
            network.optimizer_state,
            step=self._steps.flat,
        )
        self._publish(Phase.UPDATE, self._steps)
        self._last_phase = None
        self._batch += 1
        self._batch_in_epoch += 1
        self._position += len(self._drawn)
        if self._position == len(self.samples):
            self._epoch += 1
            self._batch_in_epoch = self._position = 0
        return UpdateTrace(
            self._batch,
            self._epoch,
            self.learning_rate,
            self._parameters,
            self._steps,
            self._optimizer_tensors(),
        )

    def run_phase(self) -> Trace:
        """Run the phase that is next."""
        return _PHASE_METHODS[self.next_phase](self)

    def run_batch(self) -> LossTrace:
        """Run to the end of the batch at hand, or a whole one between batches."""
        self.run_phase()
        while self._last_phase is not None:
            self.run_phase()
        return self._loss_trace

    # Tensors by name

    def tensor_names(self) -> list[str]:
        """The names of all tensors there are, those of phases that have yet to run included."""
        return [*self._published.phases, *self._parameters, *self._optimizer_tensors()]

    def computed_tensor_names(self) -> list[str]:
        """The names that `tensor` answers now: without those whose phase has yet to run."""
        return [*self._published.names(), *self._parameters, *self._optimizer_tensors()]

    def tensor(self, name: str) -> Array:
        """A view of the present tensor of that name, which holds until its phase runs again.

        Parameters and optimizer state are always there; the others are those of the batch at
        hand or, where their phase has yet to run in it, of the batch before. Raises
        UnknownTensorError, or NotComputedError where no phase has computed it yet.
        """
        if name in self._parameters:
            return self._parameters[name]
        if name in self._published.phases:
            return self._published.get(name)
        optimizer_tensors = self._optimizer_tensors()
        if name not in optimizer_tensors:
            raise UnknownTensorError(
                f"expected the name of a tensor, got {name!r}",
                f"choose among {', '.join(self.tensor_names())}",
            )
        return optimizer_tensors[name]

    # State

    def state(self) -> LoopState:
        """A copy of everything that decides the future; only between batches."""
        self._expect(Phase.DRAW)
        state = self.network.optimizer_state.copy()
        return LoopState(
            self._parameters.flat.copy(),
            self.optimizer.config(),
            state.iterations,
            state.slots,
            self._batch,
            self._epoch,
            self._batch_in_epoch,
            self._position,
            self._batch_size,
        )

    def restore(self, state: LoopState) -> None:
        """Go to `state` from wherever the loop is; what follows is bit for bit what followed it.

        The tensors of batches are withdrawn, and losses and norms forgotten. Raises ShapeError,
        with nothing changed, for the state of another network.
        """
        flat = self._parameters.flat
        for what, array in {"parameters": state.parameters, **state.slots}.items():
            if array.shape != flat.shape or array.dtype != flat.dtype:
                raise ShapeError(
                    f"expected a state with {what} of shape {flat.shape} {flat.dtype}, "
                    f"got {array.shape} {array.dtype}",
                    "restore a state of a network of the same layers and dtype",
                )
        self.network.restore_optimizer(
            optimizers.get(state.optimizer),
            OptimizerState(state.iterations, dict(state.slots)).copy(),
        )
        np.copyto(flat, state.parameters)
        self._batch, self._epoch = state.batch, state.epoch
        self._batch_in_epoch, self._position = state.batch_in_epoch, state.position
        self._batch_size = state.batch_size
        self._abandon()
        self.last_loss = self.last_accuracy = None
        self.gradient_norms = {}

    # Inside

    def _expect(self, phase: Phase) -> None:
        if self.next_phase is not phase:
            raise PhaseOrderError(
                f"expected the phase {self.next_phase.value} next, got {phase.value}",
                "run the phases in order, or run_batch() to the end of the batch",
            )

    def _publish(self, phase: Phase, arrays: Mapping[str, Array]) -> None:
        self._last_phase = phase
        self._published.publish(arrays)

    def _fail(self, phase: Phase, what: str, value: float) -> NoReturn:
        self._abandon()
        raise NonFiniteError(batch=self._batch + 1, phase=phase.value, what=what, value=value)

    def _abandon(self) -> None:
        self._last_phase = None
        self._published.withdraw()

    def _epoch_order(self) -> Array:
        if self._order_epoch != self._epoch:
            if self.shuffle:
                number = self._first_epoch + self._epoch
                self._order = sample_order(self.network.seed, number, len(self.samples))
            else:
                self._order = np.arange(len(self.samples))
            self._order_epoch = self._epoch
        return self._order

    def _make_workspace(self) -> None:
        capacity = min(self._batch_size, len(self.samples))
        self._workspace = Workspace(
            self._compiled, self._parameters, self._targets, capacity, self._gradients
        )
        self._gatherer = Gatherer(self.samples.x, self.samples.scale, capacity, self.network.dtype)

    def _gradients_of_layers(self) -> dict[str, Array]:
        # A layer's gradients lie side by side in the flat array: one dot product a layer.
        layers: dict[str, Array] = {}
        start = 0
        for index in range(len(self.network.layers)):
            name = layer_name(index)
            size = sum(self._parameters[f"{name}.{kind}"].size for kind in ("weights", "bias"))
            layers[name] = self._gradients.flat[start : start + size]
            start += size
        return layers

    def _phases_of_tensors(self) -> dict[str, Phase]:
        phases = dict.fromkeys((X, Y), Phase.DRAW)
        phases |= {link.output: Phase.FORWARD for link in self._compiled.forward.links}
        phases[PER_SAMPLE] = Phase.LOSS
        phases |= dict.fromkeys(self._workspace.gradients(0), Phase.BACKWARD)
        phases |= dict.fromkeys(self._steps, Phase.UPDATE)
        return phases

    def _optimizer_tensors(self) -> dict[str, Array]:
        state = self.network.optimizer_state
        if self._state_views is None or self._state_views[0] is not state:
            views = [self._parameters.beside(a, f".{slot}") for slot, a in state.slots.items()]
            self._state_views = (state, {name: v[name] for v in views for name in v})
        return self._state_views[1]


_PHASE_METHODS: dict[Phase, Callable[[TrainingLoop], Trace]] = {
    Phase.DRAW: TrainingLoop.draw,
    Phase.FORWARD: TrainingLoop.forward,
    Phase.LOSS: TrainingLoop.loss,
    Phase.BACKWARD: TrainingLoop.backward,
    Phase.UPDATE: TrainingLoop.update,
}
