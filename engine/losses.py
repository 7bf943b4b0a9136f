"""Losses by name: the function of the chain, and what targets it takes."""

from dataclasses import dataclass

import numpy as np

from engine.arrays import Array, FloatType
from engine.chain import Link
from engine.checks import one_of
from engine.errors import LabelError, ShapeError
from engine.functions import FUNCTIONS


@dataclass(frozen=True)
class Loss:
    """How wrong predictions (n, k) are about targets: one number per sample, then their mean.

    Targets are integer classes (n,) in 0..k−1 or rows (n, k): distributions over the classes if
    `distributions`, any real numbers otherwise.
    """

    name: str
    distributions: bool

    def links(self, layer: str, activation: str, targets: str) -> tuple[Link, Link]:
        """The links from the last layer's values to "loss.per_sample" and its mean, "loss"."""
        per_sample = self._per_sample(layer, activation, targets)
        return per_sample, Link(FUNCTIONS["mean"], (per_sample.output,), "loss")

    def _per_sample(self, layer: str, activation: str, targets: str) -> Link:
        activations = f"{layer}.activations"
        if self.name == "categorical_crossentropy" and activation == "softmax":
            # Fused: exact from the logits, and the derivative is p − y.
            inputs = (f"{layer}.preactivations", targets, activations)
            return Link(FUNCTIONS["softmax_cross_entropy"], inputs, "loss.per_sample")
        return Link(FUNCTIONS[self.name], (activations, targets), "loss.per_sample")

    def prepare_targets(self, y: Array, outputs: int, dtype: FloatType) -> Array:
        """Targets as the loss takes them: classes (n,) as int64, or rows (n, outputs) as `dtype`.

        Raises LabelError or ShapeError for targets that do not fit a network of `outputs` units.
        """
        if y.ndim == 1 and outputs == 1 and not self.distributions:
            y = y[:, np.newaxis]
        are_labels = self.distributions or y.dtype.kind in "iu"
        if y.ndim == 1 or (y.shape[1] == 1 and outputs > 1 and are_labels):
            return _classes(y.reshape(len(y)), outputs)
        if y.shape[1] != outputs:
            raise ShapeError(
                f"expected targets of {outputs} columns, as many as the network has outputs, "
                f"got {y.shape[1]}",
                f"give the last layer {y.shape[1]} units, or pass integer labels of shape (n,)",
            )
        rows = np.ascontiguousarray(y, dtype)
        if self.distributions:
            _check_distributions(rows)
        return rows


def _classes(labels: Array, outputs: int) -> Array:
    if labels.dtype.kind not in "iu":
        raise LabelError(
            f"expected integer labels, got an array of {labels.dtype}",
            "convert them with y.astype(int), or pass rows of shape (n, outputs)",
        )
    wrong = np.flatnonzero((labels < 0) | (labels >= outputs))
    if len(wrong):
        raise LabelError(
            f"expected labels from 0 to {outputs - 1}, got {labels[wrong[0]]} at sample {wrong[0]}",
            "give the last layer one unit per class, and count the classes from 0",
        )
    return np.ascontiguousarray(labels, np.int64)


def _check_distributions(rows: Array) -> None:
    sums = rows.sum(axis=1)
    wrong = np.flatnonzero((rows.min(axis=1) < 0) | (np.abs(sums - 1) > 1e-3))
    if len(wrong):
        row = wrong[0]
        raise LabelError(
            f"expected each row of targets to be a distribution (from 0 up, sum 1), got sum "
            f"{sums[row]:g} and least {rows[row].min():g} at sample {row}",
            'pass integer labels or one-hot rows, or use the loss "mean_squared_error"',
        )


LOSSES: dict[str, Loss] = {
    loss.name: loss
    for loss in (
        Loss("categorical_crossentropy", distributions=True),
        Loss("mean_squared_error", distributions=False),
    )
}


def get(name: str) -> Loss:
    """The loss for a name."""
    # For integer labels Keras has a loss of another name, which many will ask for.
    hint = "choose one of these: categorical_crossentropy takes integer labels, too"
    return LOSSES[one_of(name, LOSSES, "the loss", hint)]
