"""Safetensors files with a checksum in their metadata, written whole or not at all."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from app.safetensors_header import file_pieces
from engine.checksum import CHECKSUM_KEY, checksum

Tensors = dict[str, NDArray[Any]]


class DamagedFileError(Exception):
    """A file whose content is not what was written."""


class NotSealedError(DamagedFileError):
    """A safetensors file that another program has written."""


def seal(
    tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]
) -> list[bytes | memoryview]:
    """The pieces of a safetensors file whose metadata has a checksum of everything else in it.

    The arrays are not copied: they are read when the pieces are used.
    """
    arrays = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    return file_pieces(arrays, {**metadata, CHECKSUM_KEY: checksum(arrays, metadata)})


def unseal(data: bytes) -> tuple[Tensors, dict[str, str]]:
    """The tensors and metadata of a sealed file. Raises `DamagedFileError`."""
    try:
        metadata = _metadata(data)
        tensors = load(data)
    except (KeyError, TypeError) as error:
        raise DamagedFileError("expected a safetensors file with metadata, got another") from error
    except (SafetensorError, ValueError, RecursionError) as error:
        raise DamagedFileError(f"expected a safetensors file, got another ({error})") from error
    written = metadata.pop(CHECKSUM_KEY, None)
    if written is None:
        raise NotSealedError("expected a checksum in the file's metadata, got none")
    if written != checksum(tensors, metadata):
        raise DamagedFileError("expected the checksum in the file's metadata, got another")
    return tensors, metadata


def write_whole(path: Path, pieces: Iterable[bytes | memoryview]) -> None:
    """Replace the file at `path`, whole or not at all, also if the power fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def header_length(data: bytes) -> int:
    """The length of a safetensors file's header, from its first eight bytes."""
    return int.from_bytes(data[:8], "little")


def _metadata(data: bytes) -> dict[str, str]:
    header = json.loads(data[8 : 8 + header_length(data)])
    return dict(header["__metadata__"])
