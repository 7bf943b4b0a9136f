"""Named views of one flat array."""

import numpy as np

from engine.named_tensors import NamedTensors

SHAPES = {"layer1.weights": (2, 3), "layer1.bias": (2,), "layer2.weights": (1, 2)}


def test_names_view_the_flat_array_in_order_and_matrices_input_by_input() -> None:
    tensors = NamedTensors(SHAPES, np.arange(10.0))
    np.testing.assert_array_equal(tensors["layer1.weights"], [[0, 2, 4], [1, 3, 5]])
    np.testing.assert_array_equal(tensors["layer2.weights"], [[8, 9]])
    tensors["layer1.bias"][:] = 7
    np.testing.assert_array_equal(tensors.flat[6:8], [7, 7])


def test_layers_are_grouped_into_flat_views() -> None:
    tensors = NamedTensors(SHAPES, np.arange(10.0))
    groups = tensors.grouped()
    assert {name: group.tolist() for name, group in groups.items()} == {
        "layer1": [0, 1, 2, 3, 4, 5, 6, 7],
        "layer2": [8, 9],
    }
    assert all(np.shares_memory(group, tensors.flat) for group in groups.values())


def test_beside_gives_the_same_shapes_with_a_suffix() -> None:
    steps = NamedTensors(SHAPES, np.zeros(10)).beside(np.arange(10.0), ".step")
    assert list(steps) == [f"{name}.step" for name in SHAPES]
    assert steps["layer1.weights.step"].shape == (2, 3)
