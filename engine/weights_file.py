"""Networks as .safetensors files: parameters by name, layers as JSON in the metadata."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from engine.arrays import Array
from engine.checks import whole_number
from engine.checksum import CHECKSUM_KEY, checksum
from engine.compilation import parameter_shapes
from engine.errors import EngineError
from engine.layers import Dense

FORMAT = "descent.network"
METADATA_KEY = "network"
# What reading another file may raise; JSON's Infinity causes OverflowError.
UNREADABLE = (
    SafetensorError,
    OSError,
    KeyError,
    TypeError,
    ValueError,
    OverflowError,
    RecursionError,
)


class NetworkFileError(EngineError):
    """A file that holds no network, or is damaged."""


@dataclass(frozen=True)
class NetworkFile:
    """A network read from a file: layers, inputs, seed, dtype, and parameters by name."""

    layers: tuple[Dense, ...]
    inputs: int
    seed: int
    dtype: str
    parameters: dict[str, Array]


def network_bytes(
    parameters: Mapping[str, Array], layers: Sequence[Dense], inputs: int, seed: int
) -> bytes:
    """A network as the bytes of a .safetensors file; weights are (units, inputs), as computed."""
    tensors = {name: np.ascontiguousarray(array) for name, array in parameters.items()}
    metadata = network_metadata(layers, inputs, seed)
    return save(tensors, metadata={**metadata, CHECKSUM_KEY: checksum(tensors, metadata)})


def network_metadata(layers: Sequence[Dense], inputs: int, seed: int) -> dict[str, str]:
    """The metadata of a network's file."""
    description = {
        "format": FORMAT,
        "inputs": inputs,
        "layers": [layer.config() for layer in layers],
        "seed": seed,
    }
    return {METADATA_KEY: json.dumps(description)}


def read_network(path: Path) -> NetworkFile:
    """Read and check a whole file; nothing of a damaged or foreign file is used.

    Files of earlier versions have no checksum; all else is checked.

    Raises FileNotFoundError, or NetworkFileError with what is wrong.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors: dict[str, Array] = {
                name: file.get_tensor(name)
                for name in file.keys()  # noqa: SIM118 - not a dict
            }
        description: dict[str, Any] = json.loads(metadata[METADATA_KEY])
        if description["format"] != FORMAT:
            raise KeyError("format")
        layers = tuple(Dense(**layer) for layer in description["layers"])
        inputs = whole_number(description["inputs"], "the number of inputs")
        seed = whole_number(description["seed"], "the seed", least=0)
        shapes = parameter_shapes(layers, inputs)
    except FileNotFoundError:
        raise
    except UNREADABLE as error:
        raise NetworkFileError(
            f"expected a network saved by Sequential.save, got {path} ({error})",
            "choose a .safetensors file that this engine has written",
        ) from error
    written = metadata.get(CHECKSUM_KEY)
    if written is not None and written != checksum(tensors, metadata):
        raise NetworkFileError(
            f"expected in {path} what was written, got a file with another checksum",
            "it has been damaged: take another copy of it, or save the network again",
        )
    found = {name: array.shape for name, array in tensors.items()}
    dtypes = {array.dtype.name for array in tensors.values()}
    if found != shapes or len(dtypes) != 1 or not dtypes <= {"float32", "float64"}:
        raise NetworkFileError(
            f"expected tensors {shapes} of one float type in {path}, got {found} {sorted(dtypes)}",
            "save the network again",
        )
    if not all(np.isfinite(array).all() for array in tensors.values()):
        raise NetworkFileError(
            f"expected finite weights in {path}, got some that are not", "save the network again"
        )
    return NetworkFile(layers, inputs, seed, dtypes.pop(), {n: tensors[n] for n in shapes})
