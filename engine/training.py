"""The training loop: draw, forward, loss, backward, update, each a call of its own."""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn, ParamSpec, TypeVar

import numpy as np

from engine import metrics, optimizers
from engine.arrays import Array
from engine.blas import one_blas_thread
from engine.by_hand import ByHand
from engine.chain import gradient_name
from engine.checks import require_instance, whole_number
from engine.compilation import LOSS, PER_SAMPLE, X, Y
from engine.errors import ConfigurationError, HelperLostError, NonFiniteError, PhaseOrderError
from engine.held_block import HeldBlock
from engine.interrupts import HeldInterrupts
from engine.loop_arrays import LoopArrays
from engine.loop_state import LoopState
from engine.loop_tensors import LoopTensors
from engine.network import NETWORK_HINT, Network
from engine.optimizers import Optimizer
from engine.pipeline import Pipeline
from engine.samples import Samples
from engine.schedule import Cursor, Schedule
from engine.shared_memory import SHARED_FROM
from engine.team import Team
from engine.traces import (
    BackwardTrace,
    DrawTrace,
    ForwardTrace,
    LossTrace,
    Phase,
    Trace,
    UpdateTrace,
)

PHASES = tuple(Phase)
# From so many batches on it pays to hold the first layer's weights by input.
LEAST_HELD = 8
# After so many they are written back: if a batch fails, at most so many are run again.
MOST_HELD = 500

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def _computes(phase: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    # Overflow shows in the loss and the norms, and raises NonFiniteError. With BLAS's own threads
    # the bits would depend on their number.
    @functools.wraps(phase)
    def computing(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        with np.errstate(all="ignore"), one_blas_thread:
            return phase(*args, **kwargs)

    return computing


class TrainingLoop:
    """Trains a network on samples, batch by batch, phase by phase.

    Each phase returns a trace of what it computed; out of order it raises PhaseOrderError. An
    epoch uses every sample once, in an order that is a function of the network's seed and the
    epoch's number alone; its last batch may be shorter. The network's parameters are changed in
    place. `first_epoch` is the number of the first order, if earlier loops have used some. With two
    `threads` or more a helper process shares the work on another core; no bit of the results
    depends on it. `arrays` that an earlier loop has left are used if they fit.

    A loss or a gradient that is not finite raises NonFiniteError with nothing changed: the loop
    is then back at the last batch boundary, with parameters and optimizer state as they were there.
    It can go on, but it draws the same batch next, which fails again unless an earlier state is
    restored or parameters are set first.
    """

    def __init__(
        self,
        network: Network,
        samples: Samples,
        *,
        batch_size: int = 32,
        shuffle: bool = True,
        first_epoch: int = 0,
        threads: int = 1,
        arrays: LoopArrays | None = None,
    ) -> None:
        first_epoch = whole_number(first_epoch, "the first epoch", least=0)
        self.batch_size, self.threads = batch_size, threads
        require_instance(network, Network, "a network", NETWORK_HINT)
        self._targets = network.build_for(samples)
        self.network = network
        self.samples = samples
        self._compiled = network.compiled
        self._parameters = network.parameters
        self._metric = metrics.get("accuracy") if "accuracy" in network.metrics else None
        if arrays is None or not arrays.are_of(network):
            arrays = LoopArrays(network)
        self._arrays = arrays
        self._has_left_arrays = False
        self._make_room()
        self._tensors = LoopTensors(network, self._phases_of_tensors())
        self._schedule = Schedule(
            network.seed, len(samples), shuffle=shuffle, first_epoch=first_epoch
        )
        self._by_hand = ByHand(self._parameters)  # since the last phase
        self._last_phase: Phase | None  # within the batch at hand; None between batches
        self._loss_trace: LossTrace  # every batch has one before it ends
        self._before_this_loss: tuple[float | None, float | None]
        self._forget_batches()

    def __getstate__(self) -> NoReturn:
        """Refuse to be copied or pickled: what views these arrays would not view the copy's."""
        raise TypeError(
            "expected a training loop to stay in one piece, got a wish to copy or pickle it; "
            "make a new TrainingLoop of a copied network, and restore() this state()"
        )

    def leave_arrays(self) -> LoopArrays | None:
        """End this loop, between batches; returns its arrays for another loop of the network.

        None if they are too large to be kept, or from before a fork. They keep no samples alive.
        Views of this loop's tensors will show the other loop's.
        """
        if not self._is_of_this_process:
            return None
        self._expect_between_batches("leave_arrays")
        self._has_left_arrays = True
        self._arrays.let_go_of_samples()
        return self._arrays if self._arrays.are_small else None

    # Where the loop is

    @property
    def batch(self) -> int:
        """Completed batches over all epochs; 0 when nothing is trained."""
        return self._schedule.cursor.batch

    @property
    def epoch(self) -> int:
        """Completed epochs."""
        return self._schedule.cursor.epoch

    @property
    def batch_in_epoch(self) -> int:
        """Completed batches of the present epoch; 0 again once its last one is completed."""
        return self._schedule.cursor.batch_in_epoch

    @property
    def position(self) -> int:
        """Samples of the present epoch that completed batches have used."""
        return self._schedule.cursor.position

    @property
    def batches_per_epoch(self) -> int:
        """Batches of the present epoch in all, if the batch size stays as it is."""
        drawn = len(self._drawn) if self._last_phase else 0
        return self._schedule.batches_per_epoch(self._batch_size, drawn)

    @property
    def phase(self) -> Phase | None:
        """The phase that ran last. Between batches UPDATE, or None when nothing is trained.

        Between batches means: after UPDATE, after `restore`, and after a batch that failed.
        """
        if self._last_phase is None:
            return Phase.UPDATE if self.batch else None
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
        """Samples a batch, from the next DRAW on, also in mid-epoch."""
        return self._batch_size

    @batch_size.setter
    def batch_size(self, size: int) -> None:
        self._batch_size = whole_number(size, "the batch size")

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer of the next UPDATE. A new one of the same class takes over the state."""
        return self.network.optimizer

    @optimizer.setter
    def optimizer(self, optimizer: str | Mapping[str, object] | Optimizer) -> None:
        self.network.optimizer = optimizers.get(optimizer)

    @property
    def threads(self) -> int:
        """With two or more a helper shares the work from the next DRAW on, if there is enough."""
        return self._threads

    @threads.setter
    def threads(self, threads: int) -> None:
        self._threads = whole_number(threads, "the threads")

    @property
    def team(self) -> Team:
        """The team that computes batches; between batches it may do other work on the tensors."""
        return self._arrays.team

    @property
    def optimizer_at_hand(self) -> Optimizer:
        """The optimizer that made the present step; if there is none, that of the next UPDATE."""
        made_by = self.step_optimizer if self._has_step else None
        return made_by or self.optimizer

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next UPDATE."""
        return self.optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self.optimizer = optimizers.get({**self.optimizer.config(), "learning_rate": rate})

    # The phases

    @_computes
    def draw(self) -> DrawTrace:
        """Draw the next batch x, y of the epoch's order."""
        self._expect(Phase.DRAW)
        self._draw()
        values = self._batch.values
        return DrawTrace(self.batch + 1, self.epoch, self._drawn, values[X], values[Y])

    @_computes
    def forward(self) -> ForwardTrace:
        """Run the network on x: output = activation(dot(W, x) + b), layer by layer."""
        self._expect(Phase.FORWARD)
        self._forward()
        links = self._compiled.forward.links
        computed = tuple(self._batch.values[link.output] for link in links)
        return ForwardTrace(self.batch + 1, computed[::2], computed[1::2])

    @_computes
    def loss(self) -> LossTrace:
        """Compute how wrong the predictions are: each sample's loss and their mean."""
        self._expect(Phase.LOSS)
        self._loss()
        return self._loss_trace

    @_computes
    def backward(self) -> BackwardTrace:
        """Call the gradient function: d(loss)/dW for every parameter W."""
        self._expect(Phase.BACKWARD)
        self._backward()
        computed = {name: self._batch.gradients[name] for name in self._batch.gradient_names}
        return BackwardTrace(self.batch + 1, computed, self.gradient_norms)

    @_computes
    def update(self) -> UpdateTrace:
        """Let the optimizer change all parameters a little: W1 = W0 + step. Ctrl-C waits for it."""
        self._expect(Phase.UPDATE)
        with HeldInterrupts():
            self._update()
        return UpdateTrace(
            self.batch,
            self.epoch,
            self.learning_rate,
            self._parameters,
            self._arrays.steps,
            self._tensors.optimizer_state(),
        )

    @_computes
    def run_phase(self) -> Trace:
        """Run the phase that is next."""
        trace: Trace = getattr(self, self.next_phase)()
        return trace

    @_computes
    def run_batch(self) -> LossTrace:
        """Run to the end of the batch at hand; between batches, run a whole one.

        Ctrl-C waits for its end.
        """
        with HeldInterrupts():
            return self._run_batch()

    @_computes
    def run_batches(self, count: int, seen: Callable[[LossTrace], object]) -> None:
        """Run `count` batches, starting between batches, and call `seen` with each one's trace.

        The bits are those of `run_batch`, but it is faster: until all have run or one has failed,
        nobody may look at parameters, optimizer state and tensors, or change the loop. Ctrl-C stops
        it at the end of a batch.
        """
        count = whole_number(count, "the number of batches", least=0)
        self._expect_between_batches("run_batches")
        self._make_room()
        while (held := self._batches_to_hold(count)) >= LEAST_HELD:
            ran = self._run_held(held, seen)
            count -= ran
            if ran < held:
                break
        with HeldInterrupts() as interrupts:
            for _ in range(count):
                interrupts.between(seen, self._run_batch())

    # Tensors and state

    def computed_tensor_names(self) -> list[str]:
        """The names that `tensor` accepts now: without those of phases that have yet to run."""
        return self._tensors.computed_names()

    def tensor(self, name: str) -> Array:
        """A view of the present tensor of that name, valid until its phase runs again.

        Parameters and optimizer state are always there. The others are those of the batch at hand
        or, if their phase has yet to run in it, of the batch before. Raises UnknownTensorError, or
        NotComputedError if no phase has computed the tensor yet.
        """
        return self._tensors.get(name)

    @property
    def has_gradient(self) -> bool:
        """Whether the gradient belongs to the batch at hand, or to the one that led here."""
        phase = self.phase
        led_here = phase is Phase.UPDATE and not self.trained_apart
        return (phase is Phase.BACKWARD or led_here) and self._tensors.has_gradient

    @_computes
    def train_on(self, x: Array, y: Array) -> float:
        """One update on the caller's samples, between batches; returns their loss before it.

        Shapes are those of the network's samples. The update does not count for batch, epoch and
        order. Gradient and step belong to these samples until the next batch has its own (see
        `trained_apart`). Raises NonFiniteError with nothing changed.
        """
        self._expect_between_batches("train_on")
        loss, gradients = self.network.loss_and_gradients(x, y)
        norm = math.sqrt(sum(float(np.vdot(g, g)) for g in gradients.values()))
        if not math.isfinite(loss + norm):
            raise NonFiniteError(
                batch=self.batch + 1,
                phase=Phase.BACKWARD,
                what="loss and gradient",
                value=loss + norm,
            )
        with HeldInterrupts():
            for name, gradient in gradients.items():
                np.copyto(self._arrays.gradients[gradient_name(name)], gradient)
            self._update_parameters()
            self._tensors.withdraw()
            self._tensors.publish(Phase.BACKWARD, self._arrays.gradients)
            self._tensors.publish(Phase.UPDATE, self._arrays.steps)
            self.trained_apart = True
        return loss

    def set_parameter(self, name: str, index: tuple[int, ...], value: float) -> None:
        """Set one weight or bias; only between batches. Raises ConfigurationError."""
        self._expect_between_batches("set_parameter")
        self._by_hand.set(name, index, value)

    def parameters_of_gradient(self) -> Array:
        """A flat copy of the parameters W0 at which the present gradient was computed.

        After UPDATE this is W1 − step, without what `set_parameter` has set since. It differs from
        W0 by rounding, about half a unit in the last place of W1. That is little as long as the
        step is no larger than W0; in float32, nothing is left of a W0 that is 2^24 times smaller.
        The loop knows nothing of other changes to the network, such as by `set_weights`.
        """
        start = self._parameters.flat.copy()
        if not self._has_step:
            return start
        self._by_hand.undo_in(self._parameters.beside(start))
        return np.subtract(start, self._arrays.steps.flat, out=start)

    def row_of_gradient(self, name: str, row: int) -> Array:
        """A copy (1, …) of one row of `parameters_of_gradient`, by its tensor's name; as exact."""
        start = self._parameters[name][row : row + 1].copy()
        if not self._has_step:
            return start
        self._by_hand.undo_in_row(name, row, start)
        return np.subtract(start, self._arrays.steps[f"{name}.step"][row : row + 1], out=start)

    def flat_gradient(self) -> Array:
        """The present gradient of all parameters, flat, in the order of the parameters; a view."""
        return self._arrays.gradients.flat

    def flat_step(self) -> Array | None:
        """What the last update added, flat, if it used the present gradient; a view."""
        return self._arrays.steps.flat if self._has_step else None

    @property
    def drawn(self) -> Array:
        """The numbers of the samples of the batch at hand, or of the one that led here."""
        return self._drawn

    def state(self) -> LoopState:
        """A copy of everything that decides the future; only between batches."""
        self._expect_between_batches("state")
        state = self.network.optimizer_state.copy()
        return LoopState(
            parameters=self._parameters.flat.copy(),
            optimizer=self.optimizer.config(),
            iterations=state.iterations,
            slots=state.slots,
            batch=self.batch,
            epoch=self.epoch,
            batch_in_epoch=self.batch_in_epoch,
            position=self.position,
            batch_size=self.batch_size,
        )

    def restore(self, state: LoopState) -> None:
        """Go to `state` from anywhere; what follows is bit for bit what followed it before.

        The tensors, losses and norms of batches are forgotten. Raises ShapeError or
        ConfigurationError, with nothing changed, for a state that does not fit this loop.
        """
        require_instance(state, LoopState, "a LoopState", "restore what state() has given")
        state.check(self._parameters.flat, len(self.samples))
        optimizer = optimizers.get(state.optimizer)
        own = optimizer.init(self._parameters.flat)  # where a helper sees it, too
        own.become(state.iterations, state.slots)
        self.network.restore_optimizer(optimizer, own)
        np.copyto(self._parameters.flat, state.parameters)
        self._schedule.cursor = Cursor(
            state.batch, state.epoch, state.batch_in_epoch, state.position
        )
        self._batch_size = state.batch_size
        self._forget_batches()

    # Inside

    def _forget_batches(self) -> None:
        self._abandon()
        self._by_hand.forget()
        self._drawn: Array = np.empty(0, np.intp)
        self.last_loss: float | None = None
        self.last_accuracy: float | None = None
        self.gradient_norms: dict[str, float] = {}
        self.step_optimizer: Optimizer | None = None  # that made the last update
        self.trained_apart = False  # gradient and step are those of `train_on`

    @property
    def _has_step(self) -> bool:
        return self._last_phase is None and self.has_gradient

    def _run_batch(self) -> LossTrace:
        self._expect_own_arrays()
        if self._last_phase is None:
            self._run_to_gradient()
        # In the order of PHASES, without the traces, which nobody would see.
        phases = (self._draw, self._forward, self._loss, self._backward, self._update)
        for compute in phases[PHASES.index(self.next_phase) :]:
            compute()
        return self._loss_trace

    def _run_to_gradient(self) -> None:
        self._begin_batch()
        self._tensors.withdraw()  # the last batch's: an interrupt would leave a mixture
        norms = self._batch.run_through(self._drawn)
        self._ran(Phase.DRAW, self._batch.values)
        self._ran(Phase.FORWARD, self._batch.values)
        self._judge_loss()
        self._judge_gradient(norms)

    def _batches_to_hold(self, count: int) -> int:
        if self.optimizer.moves_without_gradient:
            return 0
        full = (len(self.samples) - self.position) // self._batch_size
        # The last batch is not held: it leaves all tensors whole.
        return min(count - 1, full, MOST_HELD)

    def _run_held(self, count: int, seen: Callable[[LossTrace], object]) -> int:
        # Returns how many batches have run: none if nothing can be held, fewer than `count` if the
        # next one's loss or gradient is not finite, or if the helper ended in the middle of it. The
        # loop notices both only after parameters have changed: it then takes the network back to
        # before the first of these batches, and runs the complete ones again.
        at, size, state = self.batch, self._batch_size, self.network.optimizer_state
        following = self._schedule.next(size)  # the samples of the next batch
        accuracy: float | None = None
        way_back: Callable[[], None] | None = None

        def meanwhile() -> None:
            nonlocal following, accuracy
            accuracy = self._accuracy()
            following = self._schedule.next(size, after=size)
            if len(following) == size:  # otherwise the last samples are used again, in vain
                self._batch.take(following)

        with HeldInterrupts() as interrupts:
            try:
                held = self._batch.hold(size, self._arrays.steps.flat, state.slots)
                if not held:
                    return 0
                pipeline, from_here = self._pipeline(held), self._from_here()
                self._tensors.withdraw()
                self._batch.take(following)
                way_back = from_here
                pipeline.begin()
                for _ in range(count):
                    self._expect_own_arrays()
                    self._drawn = following
                    self._arrays.update.expect(state)
                    way_back = from_here
                    pipeline.run_batch(meanwhile)
                    loss, norms = float(self._batch.values[LOSS]), self._batch.norms()
                    if not math.isfinite(loss + sum(norms.values())):
                        break
                    self._note_loss(loss, accuracy)
                    self.gradient_norms = norms
                    state.iterations += 1
                    self._complete()
                    way_back = None
                    interrupts.between(seen, self._loss_trace)
            except HelperLostError:
                if way_back is None:  # `seen` raised it
                    raise
            finally:
                self._let_go()
                if way_back is not None:
                    done = self.batch - at
                    way_back()
                    for _ in range(done):
                        self._run_batch()
        return self.batch - at

    def _pipeline(self, held: Sequence[HeldBlock]) -> Pipeline:
        optimizer, state, update = self.optimizer, self.network.optimizer_state, self._arrays.update
        first_layer = next(iter(self._parameters.grouped().values())).size
        tasks = update.tasks_with_held(optimizer, held, state, first_layer)
        return Pipeline(self._arrays.team, self._batch.through, *tasks)

    def _let_go(self) -> None:
        if not self._batch.is_holding:
            return
        self._abandon()  # the arrays of gradient and step served as scratch memory
        if not self._is_of_this_process:
            return
        try:
            self._batch.let_go()
        except BaseException:  # interrupted: what is held is still there
            self._batch.let_go()
            raise

    def _from_here(self) -> Callable[[], None]:
        # A call that restores the present state, to train on from it. It leaves the last batch's
        # loss and norms: they belong to a complete batch, which is kept or run again.
        network_goes_back, cursor = self.network.way_back(), self._schedule.cursor

        def go_back() -> None:
            network_goes_back()
            self._schedule.cursor = cursor

        return go_back

    def _draw(self) -> None:
        self._begin_batch()
        self._batch.take(self._drawn)
        self._batch.run(Phase.DRAW)
        self._ran(Phase.DRAW, self._batch.values)

    def _begin_batch(self) -> None:
        self._drawn = self._schedule.next(self._batch_size)
        self._make_room()

    def _make_room(self) -> None:
        threads = 1 if self._parameters.flat.size < SHARED_FROM else self._threads
        self._batch = self._arrays.batch_of(
            self.samples, self._targets, self._batch_size, threads=threads
        )

    def _forward(self) -> None:
        self._batch.run(Phase.FORWARD)
        self._ran(Phase.FORWARD, self._batch.values)

    def _loss(self) -> None:
        self._batch.run(Phase.LOSS)
        self._judge_loss()

    def _judge_loss(self) -> None:
        loss = float(self._batch.values[LOSS])
        if not math.isfinite(loss):
            self._fail(Phase.LOSS, "loss", loss)
        accuracy = self._accuracy()
        self._ran(Phase.LOSS, self._batch.values)
        self._note_loss(loss, accuracy)

    def _accuracy(self) -> float | None:
        if self._metric is None:
            return None
        values = self._batch.values
        return self._metric(values[self._compiled.predictions], values[Y]) / len(self._drawn)

    def _note_loss(self, loss: float, accuracy: float | None) -> None:
        self._before_this_loss = self.last_loss, self.last_accuracy
        self.last_loss, self.last_accuracy = loss, accuracy
        per_sample = self._batch.values[PER_SAMPLE]
        self._loss_trace = LossTrace(self.batch + 1, per_sample, loss, accuracy)

    def _backward(self) -> None:
        self._batch.run(Phase.BACKWARD)
        self._judge_gradient(self._batch.norms())

    def _judge_gradient(self, norms: dict[str, float]) -> None:
        for layer, norm in norms.items():
            if not math.isfinite(norm):
                self._fail(Phase.BACKWARD, f"gradient norm of {layer}", norm)
        self._ran(Phase.BACKWARD, self._batch.gradients)
        self.gradient_norms = norms

    def _update(self) -> None:
        self._update_parameters()
        self._ran(Phase.UPDATE, self._arrays.steps)
        self._complete()

    def _complete(self) -> None:
        self.step_optimizer = self.optimizer
        self.trained_apart = False
        self._schedule.complete(len(self._drawn))

    @property
    def _is_of_this_process(self) -> bool:
        return self.network.parameters is self._parameters  # False after a fork

    def _expect_own_arrays(self) -> None:
        if self.network.compiled is not self._compiled:
            raise ConfigurationError(
                "expected a network compiled once, got one that has been compiled again",
                "make a new TrainingLoop of the network",
            )
        if not self._is_of_this_process:
            raise ConfigurationError(
                "expected a training loop of this process, got one from before the fork",
                "make a new TrainingLoop of the network",
            )
        if self._has_left_arrays:
            raise ConfigurationError(
                "expected a training loop that goes on, got one that has left its arrays",
                "make a new TrainingLoop of the network",
            )

    def _expect(self, phase: Phase) -> None:
        self._expect_own_arrays()
        if self.next_phase is not phase:
            raise PhaseOrderError(
                f"expected the phase {self.next_phase} next, got {phase}",
                "run the phases in order, or run_batch() to the end of the batch",
            )

    def _expect_between_batches(self, call: str) -> None:
        self._expect_own_arrays()
        if self._last_phase is not None:
            raise PhaseOrderError(
                f"expected {call}() between two batches, got it after the phase "
                f"{self._last_phase} of one",
                "call run_batch() first, which runs to the end of the batch",
            )

    def _ran(self, phase: Phase, arrays: Mapping[str, Array]) -> None:
        self._last_phase = None if phase is Phase.UPDATE else phase
        self._by_hand.forget()
        self._tensors.publish(phase, arrays)

    def _fail(self, phase: Phase, what: str, value: float) -> NoReturn:
        if self._last_phase is Phase.LOSS:  # that loss is the failed batch's
            self.last_loss, self.last_accuracy = self._before_this_loss
        self._abandon()
        raise NonFiniteError(batch=self.batch + 1, phase=phase, what=what, value=value)

    def _abandon(self) -> None:
        self._last_phase = None
        self._tensors.withdraw()

    def _update_parameters(self) -> None:
        self._arrays.update.run(self.optimizer, self.network.optimizer_state)

    def _phases_of_tensors(self) -> dict[str, Phase]:
        return {
            **dict.fromkeys((X, Y), Phase.DRAW),
            **{link.output: Phase.FORWARD for link in self._compiled.forward.links},
            PER_SAMPLE: Phase.LOSS,
            **dict.fromkeys(self._batch.gradient_names, Phase.BACKWARD),
            **dict.fromkeys(self._arrays.steps, Phase.UPDATE),
        }
