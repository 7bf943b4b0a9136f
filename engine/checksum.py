"""The checksum by which a .safetensors file tells whether it is what was written."""

import hashlib
import json
from collections.abc import Mapping

import numpy as np

from engine.arrays import Array

CHECKSUM_KEY = "sha256"


def checksum(tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> str:
    """The SHA-256 of all that is in a file, in hex: metadata, then names, types, shapes, numbers.

    It stands in the metadata as CHECKSUM_KEY, which is not part of what it is of.
    """
    about = {key: metadata[key] for key in sorted(metadata) if key != CHECKSUM_KEY}
    digest = hashlib.sha256(json.dumps(about).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype.str} {tensor.shape}".encode())
        digest.update(np.ascontiguousarray(tensor).data)
    return digest.hexdigest()
