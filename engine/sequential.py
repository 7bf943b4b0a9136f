"""Keras's way to use a network: fit, evaluate, predict, save."""

import sys
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from engine.arrays import Array
from engine.blas import one_blas_thread
from engine.checks import whole_number
from engine.errors import ConfigurationError, NonFiniteError, ShapeError
from engine.evaluation import Evaluation
from engine.fitting import fit_epochs
from engine.history import History
from engine.layers import Dense
from engine.loop_arrays import LoopArrays
from engine.network import Network
from engine.progress import verbosity
from engine.samples import Samples
from engine.summary import summary_table
from engine.team import available_cores
from engine.training import TrainingLoop
from engine.weights_file import read_network

Verbose = Literal["auto", 0, 1, 2]

# Arrays that the latest trainings have left to the next ones, as long as their networks live. Those
# of several networks are kept, because some programs train a few in turns.
NETWORKS = 4
_arrays_left: "weakref.WeakKeyDictionary[Network, LoopArrays]" = weakref.WeakKeyDictionary()


class Sequential(Network):
    """A network of layers, trained and used by Keras's names.

    >>> network = Sequential([Dense(512, activation="relu"), Dense(10, activation="softmax")])
    >>> network.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])

    `seed` and `dtype` are those of Network.
    """

    def __init__(self, layers: Iterable[Dense], *, seed: int = 0, dtype: str = "float32") -> None:
        super().__init__(layers, seed=seed, dtype=dtype)
        self._epochs_fitted = 0

    def fit(
        self,
        x: Array,
        y: Array,
        batch_size: int = 32,
        epochs: int = 1,
        verbose: Verbose = "auto",
        shuffle: bool = True,
        validation_data: tuple[Array, Array] | None = None,
        threads: int | None = None,
    ) -> History:
        """Train for some epochs.

        x (n, features); y integer classes (n,) or rows (n, outputs). Continues from the present
        parameters, optimizer state and epoch, so 2 + 3 epochs are 5. Loss and accuracy are means
        over the epoch's samples, each measured in its own batch, before that batch's update. With
        two `threads` or more (the default if there are two cores) a helper process shares the work;
        the result does not depend on it. Samples that are not finite raise ShapeError; nothing is
        trained then.
        """
        level = verbosity(verbose)
        validation = None if validation_data is None else _validation_samples(validation_data)
        epochs = whole_number(epochs, "epochs")
        history = History()
        # Checking x takes as long as ten batches of it.
        samples = Samples(x, y, finite_later=True)
        with self._training(samples, batch_size, shuffle, threads) as loop:
            if validation is not None:
                Evaluation(loop, validation)  # refuses bad samples before the first epoch
            # BLAS is held to one thread here already: doing that for every batch takes longer.
            with self._undone_if_not_finite(samples), one_blas_thread:
                for figures in fit_epochs(loop, epochs, level, validation):
                    history.append(**figures)
                    self._epochs_fitted += 1
        return history

    def train_on_batch(self, x: Array, y: Array) -> float | list[float]:
        """One update on all of x, y; returns the loss before it, or [loss, accuracy].

        From the second call on a helper process shares the work, if there is a core for it; the
        result does not depend on it.
        """
        samples = Samples(x, y)
        # Sharing what is not used again with a helper takes longer than computing it here.
        threads = None if self in _arrays_left else 1
        with self._training(samples, len(samples), shuffle=False, threads=threads) as loop:
            trace = loop.run_batch()
        return trace.loss if trace.accuracy is None else [trace.loss, trace.accuracy]

    @contextmanager
    def _undone_if_not_finite(self, samples: Samples) -> Iterator[None]:
        # An x that is not finite makes the gradient so, even times 0: it is checked then.
        go_back = self.way_back()
        try:
            yield
        except NonFiniteError:
            try:
                samples.require_finite()
            except ShapeError:
                go_back()  # no epoch is counted yet, since each uses every sample
                raise
            raise

    @contextmanager
    def _training(
        self, samples: Samples, batch_size: int, shuffle: bool, threads: int | None
    ) -> Iterator[TrainingLoop]:
        loop = TrainingLoop(
            self,
            samples,
            batch_size=batch_size,
            shuffle=shuffle,
            first_epoch=self._epochs_fitted,
            threads=available_cores() if threads is None else threads,
            arrays=_arrays_left.pop(self, None),  # a training that fails leaves none
        )
        yield loop
        if left := loop.leave_arrays():
            _arrays_left[self] = left
            for network in list(_arrays_left)[:-NETWORKS]:
                _arrays_left.pop(network, None)

    def evaluate(
        self, x: Array, y: Array, batch_size: int = 500, verbose: Verbose = "auto"
    ) -> float | list[float]:
        """The loss over all samples, or [loss, accuracy] if compiled with "accuracy".

        A helper process shares the work if there is a core for it; the result is the same.
        """
        level, size = verbosity(verbose), whole_number(batch_size, "the batch size")
        loss, accuracy = Evaluation(self, Samples(x, y), size).run(available_cores())
        figures = {"loss": loss} if accuracy is None else {"loss": loss, "accuracy": accuracy}
        if level:
            sys.stdout.write("  ".join(f"{name} {n:.4f}" for name, n in figures.items()) + "\n")
        return loss if accuracy is None else [loss, accuracy]

    def predict(self, x: Array, batch_size: int = 500, verbose: Verbose = "auto") -> Array:
        """The last layer's activations for every sample: (n, features) -> (n, outputs).

        `verbose` is there because Keras has it; nothing is printed.
        """
        verbosity(verbose)
        return super().predict(x, batch_size)

    def summary(self) -> None:
        """Print layers, output shapes and parameter counts."""
        counts = None
        if self.inputs is not None:
            counts = [layer.size for layer in self.parameters.grouped().values()]
        sys.stdout.write(summary_table(self.layers, counts) + "\n")

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


def _validation_samples(data: object) -> Samples:
    if not isinstance(data, tuple | list) or len(data) != 2:
        length = f" of {len(data)}" if isinstance(data, tuple | list) else ""
        raise ConfigurationError(
            f"expected validation data (x, y), got {type(data).__name__}{length}",
            "pass a pair: samples, and their targets",
        )
    return Samples(*data)
