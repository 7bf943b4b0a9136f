"""Networks in .safetensors files."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save

from engine import Dense, NetworkFileError, Sequential
from engine.functions import ACTIVATIONS


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_network_comes_back_whole(tmp_path: Path, dtype: str) -> None:
    network = Sequential([Dense(4, name) for name in ACTIVATIONS], seed=5, dtype=dtype)
    network.build(6)
    network.save(tmp_path / "network.safetensors")
    copy = Sequential.load(str(tmp_path / "network.safetensors"))
    assert repr(copy) == repr(network)
    assert (copy.seed, copy.layers) == (5, network.layers)
    np.testing.assert_array_equal(copy.parameters.flat, network.parameters.flat)


def test_anyone_can_open_it(tmp_path: Path) -> None:
    network = Sequential([Dense(3, "relu", input_shape=2)])
    tensors = load(network.to_bytes())
    assert sorted(tensors) == ["layer1.bias", "layer1.weights"]
    np.testing.assert_array_equal(tensors["layer1.weights"], network.parameters["layer1.weights"])


def description(**changes: object) -> dict[str, str]:
    whole: dict[str, object] = {
        "format": "descent.network",
        "inputs": 2,
        "layers": [{"units": 3, "activation": "relu"}],
        "seed": 0,
    }
    return {"network": json.dumps(whole | changes)}


WEIGHTS = np.zeros((3, 2), np.float32)
BIAS = np.zeros(3, np.float32)
WHOLE = save({"layer1.weights": WEIGHTS, "layer1.bias": BIAS}, description())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a network saved by Sequential.save"),
        (b"not a network at all", "expected a network saved by Sequential.save"),
        (WHOLE[:-1], "expected a network saved by Sequential.save"),
        (save({"layer1.weights": WEIGHTS}), "expected a network saved by Sequential.save"),
        (save({"layer1.weights": WEIGHTS}, {"network": "{"}), "saved by Sequential.save"),
        (save({"a": WEIGHTS}, description(format="another")), "saved by Sequential.save"),
        (save({"a": WEIGHTS}, description(layers=[{"units": -1}])), "saved by Sequential.save"),
        (save({"a": WEIGHTS}, description(inputs=math.inf)), "saved by Sequential.save"),
        (save({"a": WEIGHTS}, description(seed=math.inf)), "saved by Sequential.save"),
        (save({"layer1.weights": WEIGHTS, "layer1.bias": BIAS}, description(seed=-1)), "the seed"),
        (save({"layer1.weights": WEIGHTS, "layer1.bias": BIAS}, description(seed=1.5)), "the seed"),
        (save({"a": WEIGHTS}, description(layers=[])), "expected tensors {} of one float"),
        (save({"layer1.weights": WEIGHTS}, description()), "expected tensors .* got"),
        (
            save({"layer1.weights": WEIGHTS.T.copy(), "layer1.bias": BIAS}, description()),
            r"expected tensors .*\(3, 2\).* got .*\(2, 3\)",
        ),
        (
            save({"layer1.weights": WEIGHTS.astype(np.int32), "layer1.bias": BIAS}, description()),
            "of one float type",
        ),
        (
            save({"layer1.weights": WEIGHTS + np.inf, "layer1.bias": BIAS}, description()),
            "expected finite weights",
        ),
    ],
)
def test_damaged_and_foreign_files_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "network.safetensors"
    path.write_bytes(content)
    with pytest.raises(NetworkFileError, match=message):
        Sequential.load(path)


@pytest.mark.parametrize("damaged", ["a weight", "the metadata"])
def test_a_file_whose_checksum_does_not_fit_is_damaged(tmp_path: Path, damaged: str) -> None:
    path = tmp_path / "network.safetensors"
    whole = Sequential([Dense(3, "relu", input_shape=2)]).to_bytes()
    path.write_bytes(whole)
    Sequential.load(path)
    if damaged == "a weight":
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    else:
        path.write_bytes(whole.replace(b"relu", b"tanh"))
    with pytest.raises(NetworkFileError, match="another checksum; it has been damaged"):
        Sequential.load(path)


def test_a_file_without_a_checksum_is_read_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "network.safetensors"
    path.write_bytes(WHOLE)
    assert Sequential.load(path).count_params() == 9


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Sequential.load(tmp_path / "nothing.safetensors")
