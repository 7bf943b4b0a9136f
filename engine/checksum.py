"""The checksum that shows whether a .safetensors file still is what was written."""

import hashlib
import json
from collections.abc import Mapping

import numpy as np

from engine.arrays import Array

CHECKSUM_KEY = "sha256"


def checksum(tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> str:
    """The SHA-256 of a file's content, in hex: metadata, then names, types, shapes, numbers.

    The metadata's CHECKSUM_KEY, where it is stored, is left out.
    """
    about = {key: metadata[key] for key in sorted(metadata) if key != CHECKSUM_KEY}
    digest = hashlib.sha256(json.dumps(about).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype.str} {tensor.shape}".encode())
        digest.update(np.ascontiguousarray(tensor).data)
    return digest.hexdigest()
