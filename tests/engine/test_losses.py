"""Losses, and the targets they take."""

import math

import numpy as np
import pytest

from engine import ConfigurationError, Dense, LabelError, Sequential, ShapeError, losses
from engine.arrays import Array
from engine.losses import LOSSES

FLOAT64 = np.dtype(np.float64)


def loss_of(activation: str, loss: str, y: Array) -> float:
    """The loss of logits (0, log 3): softmax gives (1/4, 3/4)."""
    network = Sequential([Dense(2, activation, input_shape=1)], dtype="float64")
    network.compile("sgd", loss)
    network.set_weights([np.zeros((2, 1)), np.array([0, math.log(3)])])
    return network.loss_and_gradients(np.zeros((len(y), 1)), y)[0]


def test_categorical_crossentropy_by_hand() -> None:
    # −log(1/4) and −log(3/4), and their mean.
    loss = loss_of("softmax", "categorical_crossentropy", np.array([0, 1]))
    assert loss == pytest.approx((math.log(4) + math.log(4 / 3)) / 2)


def test_mean_squared_error_by_hand() -> None:
    # ((1/4 − 1)² + (3/4)²) / 2 and ((1/4)² + (3/4 − 1)²) / 2, and their mean.
    loss = loss_of("softmax", "mean_squared_error", np.array([0, 1]))
    assert loss == pytest.approx((9 / 16 + 1 / 16) / 2)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_labels_and_one_hot_rows_have_the_same_loss(name: str, activation: str) -> None:
    labels = np.array([1, 0, 1])
    from_rows = loss_of(activation, name, np.eye(2)[labels])
    assert loss_of(activation, name, labels) == pytest.approx(from_rows)


def test_integer_labels_in_a_column_are_labels() -> None:
    targets = losses.get("categorical_crossentropy").prepare_targets(
        np.array([[2], [0]], np.uint8), 3, FLOAT64
    )
    np.testing.assert_array_equal(targets, [2, 0])
    assert targets.dtype == np.int64


def test_one_output_takes_real_targets_in_a_row() -> None:
    targets = losses.get("mean_squared_error").prepare_targets(np.array([0.5, 2.0]), 1, FLOAT64)
    np.testing.assert_array_equal(targets, [[0.5], [2.0]])


@pytest.mark.parametrize("labels", [[0, 3, 1], [0, -1, 2]])
def test_labels_out_of_range(labels: list[int]) -> None:
    message = f"expected labels from 0 to 2, got {labels[1]} at sample 1"
    with pytest.raises(LabelError, match=message):
        losses.get("categorical_crossentropy").prepare_targets(np.array(labels), 3, FLOAT64)


@pytest.mark.parametrize("shape", [(2,), (2, 1)])
def test_float_labels(shape: tuple[int, ...]) -> None:
    labels = np.array([0.0, 1.0]).reshape(shape)
    with pytest.raises(LabelError, match=r"got an array of float64; convert them with y.astype"):
        losses.get("categorical_crossentropy").prepare_targets(labels, 3, FLOAT64)


@pytest.mark.parametrize("row", [[0.5, 0.2, 0.2], [1.5, -0.5, 0.0]])
def test_rows_that_are_no_distribution(row: list[float]) -> None:
    with pytest.raises(LabelError, match="to be a distribution"):
        losses.get("categorical_crossentropy").prepare_targets(np.array([row]), 3, FLOAT64)


def test_rows_of_another_width() -> None:
    for width in (1, 4):
        with pytest.raises(ShapeError, match=rf"expected targets of 3 columns.* got {width}"):
            losses.get("mean_squared_error").prepare_targets(np.zeros((2, width)), 3, FLOAT64)


def test_an_unknown_loss() -> None:
    with pytest.raises(ConfigurationError, match="takes integer labels, too") as caught:
        losses.get("sparse_categorical_crossentropy")
    assert "one of categorical_crossentropy, mean_squared_error, got" in caught.value.message
