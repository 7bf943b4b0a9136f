"""Accuracy."""

import numpy as np
import pytest

from engine import ConfigurationError, metrics

PREDICTIONS = np.array([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2], [0.0, 0.1, 0.9]])


def test_classes_by_hand() -> None:
    assert metrics.get("accuracy")(PREDICTIONS, np.array([1, 2, 2])) == 2


def test_one_hot_rows_by_hand() -> None:
    assert metrics.get("accuracy")(PREDICTIONS, np.eye(3)[[1, 2, 2]]) == 2


def test_a_single_output_counts_its_side_of_a_half() -> None:
    predictions = np.array([[0.4], [0.6], [0.9]])
    assert metrics.get("accuracy")(predictions, np.array([[0.0], [0.0], [1.0]])) == 2


def test_an_unknown_metric() -> None:
    with pytest.raises(ConfigurationError, match="one of accuracy, got 'precision'"):
        metrics.get("precision")
